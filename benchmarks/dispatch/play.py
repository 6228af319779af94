"""One run of a trace against one address: requests go out at their times, whatever has become of the others.

Open loop: a request's time counts from when it was meant to be sent, so a client that falls behind, or a server that
makes it fall behind, is not rewarded for it (the "coordinated omission" of closed loops). The invariant: one `Seen` for
each arrival, in the order of arrivals.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import psutil

from benchmarks.dispatch.answers import digest, problem
from benchmarks.dispatch.client import post
from benchmarks.dispatch.tape import Tape
from benchmarks.dispatch.trace import Arrival, Kind, Trace

_LEAD_S = 0.5
_SAMPLE_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What became of one request.

    Attributes:
        kind: of its recording.
        at_s: when it was meant to be sent.
        late_s: how much later it was.
        took_s: from then until its answer had come.
        problem: what was wrong with the answer, "" for nothing.
        digest: of the text.
    """

    kind: Kind
    at_s: float
    late_s: float
    took_s: float
    problem: str
    digest: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Played:
    """A whole run.

    Attributes:
        seen: one for each arrival.
        wall_s: from the first arrival's begin until the last answer.
        cpu_share: of all cores of the machine, during the arrivals.
        cpu_peak: of the busiest 5 s.
        cpu_s: of those who were asked, and of the client.
    """

    seen: tuple[Seen, ...]
    wall_s: float
    cpu_share: float
    cpu_peak: float
    cpu_s: dict[str, float]


Meters = Mapping[str, Callable[[], float]]

Meanwhile = Callable[[], Awaitable[None]]
"""What is done to the servers while requests arrive."""


async def play(
    trace: Trace, tape: Tape, url: str, *, timeout_s: float, meters: Meters, meanwhile: Meanwhile | None = None
) -> Played:
    """Send everything and wait for every answer.

    Args:
        trace: what to send when.
        tape: what recordings are cut from.
        url: where to.
        timeout_s: the longest that one request may take.
        meters: name → the CPU seconds that somebody has used so far.
        meanwhile: runs beside it; it must have ended for the run to end.
    """
    loop = asyncio.get_running_loop()
    begin = loop.time() + _LEAD_S
    meters = {**meters, "client": time.process_time}
    before = {who: meter() for who, meter in meters.items()}
    tasks: list[asyncio.Task[Seen]] = []
    async with asyncio.TaskGroup() as group:
        cpu = group.create_task(_watch_cpu(begin + trace.seconds))
        if meanwhile is not None:
            group.create_task(_beside(meanwhile))
        for arrival in trace.arrivals:
            await asyncio.sleep(begin + arrival.at_s - loop.time())
            tasks.append(group.create_task(_request(arrival, tape, url, begin, timeout_s)))
    busy = cpu.result()
    return Played(
        seen=tuple(task.result() for task in tasks),
        wall_s=loop.time() - begin,
        cpu_share=sum(busy) / len(busy),
        cpu_peak=max(busy),
        cpu_s={who: meter() - before[who] for who, meter in meters.items()},
    )


async def _beside(meanwhile: Meanwhile) -> None:
    await meanwhile()


async def _request(arrival: Arrival, tape: Tape, url: str, begin: float, timeout_s: float) -> Seen:
    loop = asyncio.get_running_loop()
    late_s = loop.time() - begin - arrival.at_s
    recording = tape.cut(arrival.number, arrival.audio_s, arrival.number)
    reply = await post(url, recording.wav(), recording.size, timeout_s=timeout_s)
    took_s = loop.time() - begin - arrival.at_s
    return Seen(
        kind=arrival.kind,
        at_s=arrival.at_s,
        late_s=late_s,
        took_s=took_s,
        problem=problem(recording, reply),
        digest=digest(reply),
    )


async def _watch_cpu(until: float) -> list[float]:
    """How busy the machine's cores were, 0 to 1, in each few seconds until then."""
    loop = asyncio.get_running_loop()
    psutil.cpu_percent()
    busy: list[float] = []
    while loop.time() < until or not busy:
        await asyncio.sleep(min(_SAMPLE_S, max(until - loop.time(), 0.1)))
        busy.append(psutil.cpu_percent() / 100)
    return busy
