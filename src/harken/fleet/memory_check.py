"""Does one more instance fit beside those that are there, and if not, what would help?

Pure: bytes in, bytes and sentences out. Where the needs of a model come from (its `config.json`, or an instance of it
that runs already) is its caller's affair. The invariant: a remedy is only named if by the same arithmetic the instance
then fits, so that nobody takes down half of the fleet and is refused again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

SPARE_SHARE = 0.1
"""Of what an instance needs, kept free beyond it: loading takes a little more than running, and others grow too."""

SPARE_BYTES = 256 * 1024**2
"""The least that is kept free beyond it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """What one more instance takes on its device, and what it could do with less.

    Attributes:
        estimated_bytes: by the model's configuration.
        measured_bytes: what an instance of the same model holds that runs here with the same settings; None where there
            is none. It is believed instead of the estimate.
        slots: that it is to have; 0 where it takes as many as fit, so fewer are no remedy.
        slot_bytes: of each; 0 where that is not known.
        quantized_bytes: what it would take with `--quantize` so and so.
    """

    estimated_bytes: int
    measured_bytes: int | None = None
    slots: int = 0
    slot_bytes: int = 0
    quantized_bytes: Mapping[str, int] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """What it takes."""
        return self.estimated_bytes if self.measured_bytes is None else self.measured_bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The device that it is to go on.

    Attributes:
        device: its name: "cpu", "cuda:0".
        free_bytes: what processes could take there now, without swapping; None where the system does not say.
        instances: of the fleet on it now.
        each_bytes: what stopping one of them gives back; 0 where that is not known.
    """

    device: str
    free_bytes: int | None
    instances: int = 0
    each_bytes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """The answer.

    Attributes:
        fits: it may be started.
        need_bytes: what has to be free for it, with what is kept free beyond it.
        free_bytes: what is free; None where nobody knows, and then it is let in.
        reason: one sentence; "" where it fits.
        remedies: each of them alone would help, the least painful first; () where none does, or none is needed.
    """

    fits: bool
    need_bytes: int
    free_bytes: int | None
    reason: str = ""
    remedies: tuple[str, ...] = ()


def room_for_one(need: Need, place: Place, *, may_replace: bool = True) -> Room:
    """Say whether one more instance fits.

    Args:
        need: what it takes.
        place: where it is to go.
        may_replace: `--replace` is a way out, for it has not been chosen already.
    """
    wanted = with_spare(need.bytes)
    free = place.free_bytes
    if free is None or free >= wanted:
        return Room(fits=True, need_bytes=wanted, free_bytes=free)
    there = in_words(max(free, 0))
    reason = f"One more instance needs {in_words(wanted)} of memory on {place.device}, and {there} are free."
    found = (
        _replace(wanted, free, place) if may_replace else None,
        _fewer_instances(wanted, free, place),
        _fewer_slots(need, free),
        _quantized(need, free),
    )
    remedies = tuple(remedy for remedy in found if remedy)
    return Room(fits=False, need_bytes=wanted, free_bytes=free, reason=reason, remedies=remedies)


def with_spare(need_bytes: int) -> int:
    """What has to be free for an instance that takes so much."""
    return need_bytes + max(SPARE_BYTES, math.ceil(SPARE_SHARE * need_bytes))


def in_words(count: int) -> str:
    """Bytes for people: whole MiB below one GiB, else tenths of a GiB."""
    mib = count / 1024**2
    return f"{mib:.0f} MiB" if mib < 1024 else f"{mib / 1024:.1f} GiB"


def _replace(wanted: int, free: int, place: Place) -> str | None:
    if not place.instances or free + place.each_bytes < wanted:
        return None
    return "--replace: each instance is taken down before its successor comes up, so one fewer serves meanwhile."


def _fewer_instances(wanted: int, free: int, place: Place) -> str | None:
    if place.each_bytes <= 0:
        return None
    fewer = math.ceil((wanted - free) / place.each_bytes)
    if fewer >= place.instances:
        return None  # the last one is not taken down: then nobody serves
    them = "One instance" if fewer == 1 else f"{fewer} instances"
    freed = in_words(fewer * place.each_bytes)
    return f"{them} fewer on {place.device} first ({place.instances - fewer} of {place.instances}): that frees {freed}."


def _fewer_slots(need: Need, free: int) -> str | None:
    if need.slot_bytes <= 0:
        return None
    for slots in range(need.slots - 1, 0, -1):
        if with_spare(need.bytes - (need.slots - slots) * need.slot_bytes) <= free:
            return f"--slots {slots} instead of {need.slots} for the new instances."
    return None


def _quantized(need: Need, free: int) -> str | None:
    # The one that rounds least of those that fit is the one that takes most.
    fitting = {kind: size for kind, size in need.quantized_bytes.items() if with_spare(size) <= free}
    if not fitting:
        return None
    kind = max(fitting, key=fitting.__getitem__)
    return f"--quantize {kind}: an instance then takes {in_words(fitting[kind])}."
