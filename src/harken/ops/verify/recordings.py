"""The known recording, through every instance.

Each is asked at its own address where that can be reached, so that no choice of the gateway can hide one. The others
are waited for at the door: copies are sent, several at a time, until each name was in an answer or enough have been.
"""

from __future__ import annotations

import asyncio

from harken.ops.verify.check import Check, CheckFailed, failed, ok, skipped
from harken.ops.verify.instances import may_be_asked
from harken.ops.verify.seen import Line
from harken.ops.verify.visit import Heard, Visit, waiting_for

_AT_ONCE = 8
_ROUNDS = 8


async def hear_everyone(visit: Visit) -> None:
    """Have the recording recognised by every instance."""
    if not visit.seen.lines:
        visit.tell(skipped("recording", "Not sent: there are no instances to send it to, one by one."))
        return
    room = asyncio.Semaphore(_AT_ONCE)
    alone = [line for line in visit.seen.lines if line.name in visit.alone]
    found = await asyncio.gather(*(_hear(visit, line, room) for line in alone))
    checks = {line.name: check for line, check in zip(alone, found, strict=True) if check is not None}
    rest = [line for line in visit.seen.lines if line.name not in checks]
    through_door = await _through_door(visit, rest)
    for line in visit.seen.lines:
        visit.tell(checks.get(line.name) or through_door[line.name])


async def _hear(visit: Visit, line: Line, room: asyncio.Semaphore) -> Check | None:
    """Ask one instance at its own address; None where it wants a key that we have not."""
    async with room:
        try:
            heard = await visit.transcribe(at=line.url)
        except CheckFailed as error:
            if "HTTP 401" in error.message:
                return None
            return failed(_name(line), error.message, error.remedy)
    return ok(_name(line), "Recognised at its own address.", took_s=round(heard.took_s, 4))


async def _through_door(visit: Visit, wanted: list[Line]) -> dict[str, Check]:
    """Send copies through the door until each of these was in an answer."""
    names = {line.shown_name for line in wanted}
    sent, problem = 0, None
    while wanted and problem is None and sent < _ROUNDS * _AT_ONCE and names - visit.answered:
        sent += _AT_ONCE
        results = await asyncio.gather(*(visit.transcribe() for _ in range(_AT_ONCE)), return_exceptions=True)
        problem = next((one for one in results if not isinstance(one, Heard)), None)
        if problem is not None and not isinstance(problem, CheckFailed):
            raise problem
    unheard = {line.name for line in waiting_for(visit)}
    return {line.name: _verdict(visit, line, line.name not in unheard, sent, problem) for line in wanted}


def _verdict(visit: Visit, line: Line, is_heard: bool, sent: int, problem: BaseException | None) -> Check:
    if is_heard:
        return ok(_name(line), "Recognised, through the door.")
    if isinstance(problem, CheckFailed):
        return failed(_name(line), f"At the door: {problem.message}", problem.remedy)
    if may_be_asked(visit, line) and visit.is_here:
        told = f"It did not answer at its own address, and none of {sent} recordings at the door went to it."
        return failed(_name(line), told, "Look at its state in `harken status`, and at its log.")
    told = f"It cannot be asked from here, and none of {sent} recordings at the door went to it."
    return skipped(_name(line), told, "Run this on the server's machine, straight at the gateway.")


def _name(line: Line) -> str:
    return f"recording {line.name}"
