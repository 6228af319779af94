"""When the requests of a load test go out: so many at once, or each at its time.

Knows neither recordings nor HTTP. In a closed loop each of so many clients sends its next request when its last is
answered, so a slow server is asked less often. In an open loop a request goes out at its time whatever became of the
others, as calls of real people do; its time counts from when it was meant to go out, or a server that stalls would be
measured only by the few requests that got through (coordinated omission). The invariant: each number is asked once, and
when a loop ends every request has its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from harken.clock import Clock

Ask = Callable[[int, float], Awaitable[None]]
"""Sends the request of a number, which was meant to go out at this time of the clock; never raises."""

Sleep = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""


async def closed_loop(
    ask: Ask, numbers: Iterable[int], *, concurrency: int, clock: Clock, lasts_s: float | None = None
) -> None:
    """Send requests, so many at a time.

    Args:
        ask: sends one.
        numbers: of the requests.
        concurrency: how many clients there are.
        clock: tells the time.
        lasts_s: after so many seconds nobody sends another; None for as long as there are numbers.
    """
    left = iter(numbers)
    end = None if lasts_s is None else clock.now() + lasts_s

    async def client() -> None:
        while end is None or clock.now() < end:
            number = next(left, None)
            if number is None:
                return
            await ask(number, clock.now())

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(client())


async def open_loop(
    ask: Ask, due_s: Iterable[tuple[int, float]], *, at_most: int, clock: Clock, sleep: Sleep = asyncio.sleep
) -> None:
    """Send each request at its time.

    Args:
        ask: sends one.
        due_s: numbers and their times, in seconds from now, ascending.
        at_most: that may be unanswered at a time; one beyond that goes out late, and its time counts all the same.
        clock: tells the time.
        sleep: waits.
    """
    room = asyncio.Semaphore(at_most)
    began = clock.now()

    async def one(number: int, due: float) -> None:
        try:
            await ask(number, due)
        finally:
            room.release()

    async with asyncio.TaskGroup() as group:
        for number, offset_s in due_s:
            due = began + offset_s
            if (wait_s := due - clock.now()) > 0:
                await sleep(wait_s)
            await room.acquire()
            group.create_task(one(number, due))
