"""All steps of a verification, one after another, within one bound of time.

The invariants: it ends, and every step has at least one check in the report: what it found, that it took too long, or
why it was not taken.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from harken.ops.address import without_user
from harken.ops.verify.caller import calling
from harken.ops.verify.check import CheckFailed, Report, failed, skipped
from harken.ops.verify.door import ask_ten_times, open_door, see_keys
from harken.ops.verify.instances import see_ports, see_states, see_states_again
from harken.ops.verify.known import Known
from harken.ops.verify.live import see_live
from harken.ops.verify.recordings import hear_everyone
from harken.ops.verify.refusals import see_refusals, see_schema
from harken.ops.verify.stream import see_stream
from harken.ops.verify.traffic import load, spread
from harken.ops.verify.visit import Asked, Visit

Step = Callable[[Visit], Awaitable[None]]

STEPS: dict[str, Step] = {
    "door": open_door,
    "keys": see_keys,
    "health": ask_ten_times,
    "instances": see_states,
    "ports": see_ports,
    "recording": hear_everyone,
    "spread": spread,
    "stream": see_stream,
    "live": see_live,
    "errors": see_refusals,
    "openapi": see_schema,
    "load": load,
    "afterwards": see_states_again,
}
_NEEDED = ("door", "keys")
"""Where one of these fails, nothing further can be asked."""


async def verify(asked: Asked, known: Known, *, on_step: Callable[[str], None] = lambda _: None) -> Report:
    """Look at a running server.

    Args:
        asked: where, and how much.
        known: the recording.
        on_step: hears the name of each step before it begins.
    """
    began = time.monotonic()
    chance = random.Random()  # noqa: S311 - copies must differ; nobody has to guess how
    async with calling(
        asked.server, api_key=asked.api_key, tls=asked.tls, work_timeout_s=asked.work_timeout_s
    ) as caller:
        visit = Visit(asked=asked, caller=caller, known=known, chance=chance)
        reason = ""
        for name, step in STEPS.items():
            if reason:
                visit.tell(skipped(name, reason))
                continue
            on_step(name)
            reason = await _take(visit, name, step, began + asked.timeout_s)
    return Report(server=without_user(asked.server), checks=tuple(visit.checks), took_s=time.monotonic() - began)


async def _take(visit: Visit, name: str, step: Step, deadline: float) -> str:
    """Take one step; return why no further one can be taken, "" where it can."""
    try:
        async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
            await step(visit)
    except CheckFailed as error:
        visit.tell(failed(name, error.message, error.remedy))
        return f"Not looked at, because {name} failed." if name in _NEEDED else ""
    except TimeoutError:
        remedy = "Give it more with --timeout, or find out why the server is slow: `harken status`, its log."
        visit.tell(failed(name, f"The {visit.asked.timeout_s:g} s that all checks may take were over.", remedy))
        return "Not looked at: the time was over."
    return ""
