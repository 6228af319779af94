"""All that is known of a server at one moment, from those who own it: plain data for the scrape and for the page.

Whoever builds a server says how to look. The invariant: a look costs no more than the event loop can spare, since it is
taken for every scrape and, while somebody watches, every second; what has to be waited for (GPUs) was asked before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harken.dispatch.order.room import Waiting
from harken.dispatch.stats import Stats
from harken.transcribe.cache.counts import Counts
from harken.types import Health, LiveFigures


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuLook:
    """One GPU.

    Attributes:
        index: the driver's number.
        name: of the product.
        busy: of the last moment in which anything was computed, 0 to 1; None where it is not told.
        memory_bytes: that is held.
        memory_total_bytes: that it has.
    """

    index: int
    name: str
    busy: float | None
    memory_bytes: int
    memory_total_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineLook:
    """This machine, or its container.

    Attributes:
        cores: that may be used.
        cpu_busy: the busy part of them lately, 0 to 1; None where it cannot be told.
        memory_bytes: RAM that is held; None where it cannot be told.
        memory_total_bytes: that there is.
        gpus: in the driver's order.
    """

    cores: int
    cpu_busy: float | None = None
    memory_bytes: int | None = None
    memory_total_bytes: int | None = None
    gpus: tuple[GpuLook, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueLook:
    """What waits for a slot.

    Attributes:
        classes: by class, the most urgent first.
        limit_audio_s: seconds of audio that may wait, of all that are not `batch`.
        oldest_wait_s: how long the first has waited.
    """

    classes: tuple[Waiting, ...] = ()
    limit_audio_s: float = 0.0
    oldest_wait_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """The server.

    Attributes:
        kind: "gateway" or "instance".
        status: the word that `/health` has for it.
        health: the rest of it.
        revision: of the model; "" while unknown.
        uptime_s: seconds since it began.
        machine: where it runs.
        queue: what waits for a slot.
        stats: of a gateway's dispatcher; None for an instance.
        cache: what became of the askings; None without a cache.
        live: its live sessions; None where it offers none.
        stores: where keys, their counts and a shared cache lie → whether that could be reached lately.
        files_waiting: files of jobs that nobody works on yet; None where there are no jobs, or the database is away.
        can_change: an operator can change the fleet through it.
        change: what is being changed now; None for nothing.
    """

    kind: str
    status: str
    health: Health
    revision: str = ""
    uptime_s: float = 0.0
    machine: MachineLook
    queue: QueueLook = field(default_factory=QueueLook)
    stats: Stats | None = None
    cache: Counts | None = None
    live: LiveFigures | None = None
    stores: Mapping[str, bool] = field(default_factory=dict)
    files_waiting: int | None = None
    can_change: bool = False
    change: str | None = None


TakeLook = Callable[[], Look]
