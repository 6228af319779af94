"""What each instance asks of a Ray cluster.

Pure: the configuration in, Ray's own words out. It knows what cannot be on other machines, and says so before anything
is started. The invariant: what is asked for here is what Ray counts, so its autoscaler sees the whole wish.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from harken.config import Config
from harken.errors import ConfigError

PLACEMENTS = {"spread": "SPREAD", "default": "DEFAULT"}
"""Of `ray.placement`, in Ray's words."""

LEAST, MOST = 0.0001, 1e12
"""Ray counts in parts of 0.0001, as whole numbers of 64 bits."""

_HEAD = re.compile(r"(?:[^\s:/\[\]]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
"""HOST:PORT, an address of IPv6 in brackets."""

_OWN = frozenset({"CPU", "GPU", "memory", "object_store_memory"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What one instance wants.

    Attributes:
        num_cpus: CPUs.
        num_gpus: GPUs, at most one.
        resources: others, by their names.
        strategy: Ray's scheduling strategy.
    """

    num_cpus: float
    num_gpus: float
    resources: Mapping[str, float] = field(default_factory=dict)
    strategy: str = "SPREAD"

    @property
    def amounts(self) -> dict[str, float]:
        """By the names that Ray counts under."""
        own = {"CPU": self.num_cpus, "GPU": self.num_gpus}
        return {name: amount for name, amount in (own | dict(self.resources)).items() if amount}

    @property
    def sentence(self) -> str:
        """The same for people: "1 CPU and 0.5 GPU"."""
        return told(self.amounts) or "nothing that is counted"


def wish_of(config: Config) -> Wish:
    """Read what an instance wants.

    Raises:
        ConfigError: it makes no sense, or only on this machine.
    """
    own, fleet = config.ray, config.fleet
    if own.placement not in PLACEMENTS:
        raise ConfigError(f"ray.placement must be one of {', '.join(PLACEMENTS)}, not {own.placement!r}.")
    head = _HEAD.fullmatch(own.address)
    if own.address not in ("auto", "local") and not (head and 0 < int(head[1]) < 65_536):
        raise ConfigError(
            f"ray.address is auto, local, or HOST:PORT of the cluster's head, not {own.address!r}: the gateway's "
            "machine has to be a node of the cluster."
        )
    for key, value, unset in (("devices", fleet.devices, ""), ("mps", fleet.mps, "off")):
        if value != unset:
            raise ConfigError(f"fleet.{key} is for the GPUs of this machine; with fleet.kind 'ray', set ray.num_gpus.")
    if fleet.pins_cores or config.instance.cores:
        raise ConfigError("Cores are those of this machine; with fleet.kind 'ray', leave them to Ray: ray.num_cpus.")
    for key, amount in (("num_cpus", own.num_cpus), ("num_gpus", own.num_gpus)):
        if amount and not LEAST <= amount <= MOST:
            raise ConfigError(f"ray.{key} is {amount:g}, but Ray counts in parts of {LEAST:g}: 0, or that and more.")
    device, has_gpu = config.instance.device, own.num_gpus > 0
    if device not in (("auto", "cuda") if has_gpu else ("auto", "cpu")):
        raise ConfigError(
            f"instance.device is {device!r}, but with ray.num_gpus {own.num_gpus:g} an instance computes on "
            f"{'the GPU that Ray gives it' if has_gpu else 'the CPU'}: leave it at 'auto'."
        )
    return Wish(
        num_cpus=own.num_cpus,
        num_gpus=own.num_gpus,
        resources=parse_resources(own.resources),
        strategy=PLACEMENTS[own.placement],
    )


def parse_resources(text: str) -> dict[str, float]:
    """Read `ray.resources`: "asr=1,nvme=0.5".

    Raises:
        ConfigError: it is something else.
    """
    found: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (word.strip() for word in part.partition("="))
        try:
            amount = float(value)
        except ValueError:
            amount = math.nan
        if not equals or not name or not 0 < amount < math.inf:
            raise ConfigError(f"ray.resources wants NAME=AMOUNT, separated by commas, not {part!r}.")
        if not LEAST <= amount <= MOST:
            raise ConfigError(f"ray.resources wants {value} of {name!r}, but Ray counts in parts of {LEAST:g}.")
        if name in _OWN:
            raise ConfigError(f"ray.resources are those beside CPUs and GPUs; {name!r} has a name of its own in Ray.")
        if name in found:
            raise ConfigError(f"ray.resources has {name!r} twice.")
        if amount > 1 and amount != int(amount):
            raise ConfigError(f"Ray counts {name!r} in parts of one or in whole numbers, not {value}.")
        found[name] = amount
    return found


def told(amounts: Mapping[str, float]) -> str:
    """Write amounts for people; "" for none."""
    words = [f"{amount:g} {name}" for name, amount in amounts.items()]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def lack(wish: Wish, totals: list[Mapping[str, float]], free: Mapping[str, float]) -> str:
    """Say why an instance has no place yet, as a sentence.

    Args:
        wish: its.
        totals: what each node that is alive has, used or not.
        free: what nobody uses now, in all of them together.
    """
    amounts = wish.amounts
    start = f"It waits for room in the Ray cluster: it needs {wish.sentence}"
    if not any(all(node.get(name, 0.0) >= amount for name, amount in amounts.items()) for node in totals):
        best = {name: max((node.get(name, 0.0) for node in totals), default=0.0) for name in amounts}
        return f"{start}, and none of {len(totals)} nodes has that; the most of one is {told(best)}."
    left = told({name: free.get(name, 0.0) for name in amounts})
    return f"{start}; free are {left} in {len(totals)} {'node' if len(totals) == 1 else 'nodes'} together."
