"""Rules of harken.server.loop_lag."""

from __future__ import annotations

import asyncio

from harken.server.loop_lag import KEPT_S, TICK_S, LoopLag
from harken.testing import FakeClock


def test_a_loop_in_time_has_no_lag() -> None:
    """Before it was measured, too."""
    clock = FakeClock()
    lag = LoopLag(clock)
    assert lag.worst_s == 0

    async def story() -> None:
        measuring = asyncio.create_task(lag.run())
        await asyncio.sleep(0)
        clock.advance(TICK_S)
        assert lag.worst_s == 0
        measuring.cancel()

    asyncio.run(story())


def test_a_loop_that_is_held_shows_it_while_it_lasts_and_afterwards() -> None:
    """The worst of the last seconds, as long as `KEPT_S` at least and twice that at most."""
    clock = FakeClock()
    lag = LoopLag(clock)
    lag._due = clock.now()
    clock.advance(0.7)
    assert lag.worst_s == 0.7
    lag._note(clock.now())
    told = []
    for _ in range(10):
        lag._due = clock.now() + 1.0
        clock.advance(1.0)
        lag._note(clock.now())
        told.append(lag.worst_s)
    kept = told.count(0.7)
    assert told == [0.7] * kept + [0.0] * (10 - kept)
    assert KEPT_S <= kept <= 2 * KEPT_S


def test_the_real_loop_is_measured() -> None:
    """Something that holds it for a while is seen by whoever looks next."""
    import time

    from harken.clock import SystemClock

    async def story() -> float:
        lag = LoopLag(SystemClock())
        measuring = asyncio.create_task(lag.run())
        await asyncio.sleep(0)
        time.sleep(TICK_S + 0.05)
        seen = lag.worst_s
        measuring.cancel()
        return seen

    assert asyncio.run(story()) >= 0.04
