"""When the requests of a load test go out: so many at once, or so many a second.

Knows neither recordings nor HTTP. In a closed loop each of so many clients sends its next request when its last is
answered, so a slow server is asked less often. In an open loop a request goes out at its time whatever became of the
others, as calls of real people do; its time counts from when it was meant to go out, or a server that stalls would be
measured only by the few requests that got through (coordinated omission). The invariant: each number is asked once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from harken.clock import Clock

Ask = Callable[[int, float], Awaitable[None]]
"""Sends the request of a number, which was meant to go out at this time of the clock; never raises."""

Sleep = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""


async def closed_loop(ask: Ask, *, requests: int, concurrency: int, clock: Clock) -> None:
    """Send so many requests, so many at a time."""
    numbers = iter(range(requests))

    async def client() -> None:
        for number in numbers:
            await ask(number, clock.now())

    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, requests)):
            group.create_task(client())


async def open_loop(
    ask: Ask, *, requests: int, rate: float, at_most: int, clock: Clock, sleep: Sleep = asyncio.sleep
) -> None:
    """Send so many requests, evenly spaced.

    Args:
        ask: sends one.
        requests: how many.
        rate: requests per second.
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
        for number in range(requests):
            due = began + number / rate
            if (wait_s := due - clock.now()) > 0:
                await sleep(wait_s)
            await room.acquire()
            group.create_task(one(number, due))
