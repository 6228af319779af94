"""Which instance goes on which device, and what share of that device it has.

Pure: what `fleet.devices` says and how many GPUs there are in, one device for each instance out. Instances that may
fail together form a group: those of one GPU, under whatever names; those that compute on the CPU form one too, but
nothing is shared there that a crash could break.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from harken.errors import ConfigError

ALL = "all"
"""In `fleet.devices`: every GPU that is visible."""

CPU = "cpu"

_DEVICE = re.compile(r"cpu|mps|cuda|cuda:(0|[1-9]\d{0,3})")
_EXAMPLES = (ALL, CPU, "mps", "cuda", "cuda:0", "cuda:1")


def parse_devices(text: str, gpus: int) -> tuple[str, ...]:
    """Read `fleet.devices`; nothing for "".

    Args:
        text: names separated by commas, or "all".
        gpus: how many NVIDIA GPUs there are, for "all".

    Raises:
        ConfigError: an unknown name, a device twice, or "all" where there is no GPU.
    """
    if not text.strip():
        return ()
    if text.strip() == ALL:
        if not gpus:
            raise ConfigError(
                "fleet.devices is 'all', but no GPU is visible here: nvidia-smi -L lists none that "
                "CUDA_VISIBLE_DEVICES leaves."
            )
        return tuple(f"cuda:{number}" for number in range(gpus))
    devices = tuple(_named(part.strip()) for part in text.split(","))
    twice = [device for device, count in Counter(devices).items() if count > 1]
    if twice:
        raise ConfigError(f"fleet.devices has {twice[0]!r} twice; instances are dealt out evenly.")
    return devices


def deal(devices: Sequence[str], instances: int) -> tuple[str, ...]:
    """Give each instance a device, in turn: with two, the first has numbers 1, 3, 5 and the second 2, 4, 6."""
    return tuple(devices[number % len(devices)] for number in range(instances))


def spread(devices: Sequence[str], instances: int, free_bytes: Mapping[str, int]) -> tuple[str, ...]:
    """Give each instance the device that then has the most free memory for each of its instances.

    Of equal devices the first comes first, so equal ones are dealt out in turn. So they are where somebody's memory is
    not known.

    Args:
        devices: names.
        instances: how many are to be placed.
        free_bytes: of each device, before any of them.
    """
    if any(device not in free_bytes for device in devices):
        return deal(devices, instances)
    counts: Counter[str] = Counter()
    placed = []
    for _ in range(instances):
        device = max(devices, key=lambda one: free_bytes[one] / (counts[one] + 1))
        counts[device] += 1
        placed.append(device)
    return tuple(placed)


def group_of(device: str, *, has_gpu: bool) -> str:
    """Name what an instance shares its fate with: a GPU, or "cpu".

    "auto" keeps its name where there is a GPU: which one it takes is the instance's to decide.
    """
    if device == "cuda":
        return "cuda:0"
    return CPU if device == "auto" and not has_gpu else device


def memory_shares(share: float, groups: Sequence[str]) -> tuple[float, ...]:
    """Divide the share that an instance alone may have among the instances of each group.

    Args:
        share: above 0, at most 1.
        groups: of each instance.
    """
    sizes = Counter(groups)
    return tuple(share / sizes[group] for group in groups)


def _named(name: str) -> str:
    if name == ALL:
        raise ConfigError("fleet.devices is 'all' or a list of devices, not both.")
    if not _DEVICE.fullmatch(name):
        close = difflib.get_close_matches(name, _EXAMPLES, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(_EXAMPLES)}."
        raise ConfigError(f"Unknown device in fleet.devices: {name!r}; {hint}")
    return "cuda:0" if name == "cuda" else name
