"""Requests through the door: ten to see how work is spread, and a small load.

Every answer is compared with what is said in the recording; a fast wrong answer is a failure.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from harken.ops.verify.check import CheckFailed, failed, ok, skipped
from harken.ops.verify.instances import see_woken
from harken.ops.verify.visit import Heard, Visit, shown

SPREAD = 10
LOAD_AT_ONCE = 4


async def spread(visit: Visit) -> None:
    """Send ten at once, and count who recognised them; where nobody was there before, see who is now."""
    heard, problems, _ = await _send(visit, SPREAD, at_once=SPREAD)
    names = Counter(name for one in heard for name in one.names)
    told = ", ".join(f"{shown(name)} ×{count}" for name, count in names.most_common()) or "nobody"
    found = f"{len(heard)} of {SPREAD} transcriptions at once were right; recognised by {told}."
    if problems:
        visit.tell(failed("spread", f"{found} {problems[0].message}", problems[0].remedy))
    else:
        visit.tell(ok("spread", found))
    await see_woken(visit)


async def load(visit: Visit) -> None:
    """Send a small load, four at a time, and measure it."""
    wanted = visit.asked.load
    if not wanted:
        visit.tell(skipped("load", "Not asked for (--load 0)."))
        return
    heard, problems, wall_s = await _send(visit, wanted, at_once=LOAD_AT_ONCE)
    times = sorted(one.took_s for one in heard)
    found = f"{len(heard)} of {wanted} succeeded, {LOAD_AT_ONCE} at a time"
    if problems:
        visit.tell(failed("load", f"{found}. {problems[0].message}", problems[0].remedy))
        return
    p50, p95 = (_quantile(times, share) for share in (0.5, 0.95))
    rtfx = len(heard) * visit.known.audio_s / wall_s
    found += f": half within {p50:.3f} s, 95 % within {p95:.3f} s; RTFx {rtfx:.1f}."
    figures = {"p50_s": round(p50, 4), "p95_s": round(p95, 4), "rtfx": round(rtfx, 2), "wall_s": round(wall_s, 3)}
    visit.tell(ok("load", found, requests=wanted, audio_s=round(visit.known.audio_s, 3), **figures))


async def _send(visit: Visit, number: int, *, at_once: int) -> tuple[list[Heard], list[CheckFailed], float]:
    room = asyncio.Semaphore(at_once)
    heard: list[Heard] = []
    problems: list[CheckFailed] = []

    async def one() -> None:
        async with room:
            if len(problems) >= at_once:
                return  # enough was seen, and each may take its whole time-out
            try:
                heard.append(await visit.transcribe())
            except CheckFailed as error:
                problems.append(error)

    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(number):
            group.create_task(one())
    return heard, problems, time.monotonic() - began


def _quantile(times: list[float], share: float) -> float:
    """The smallest of the sorted times that so large a share of them does not exceed."""
    return times[max(0, -(-len(times) * round(share * 100) // 100) - 1)]
