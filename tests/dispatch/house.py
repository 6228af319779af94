"""A dispatcher in front of scripted instances, and the invariants it must meet on its way out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from harken.clock import Clock
from harken.config import DispatchConfig, FleetConfig, LimitsConfig
from harken.dispatch.dispatcher import Dispatcher
from harken.dispatch.recovery.hedge import HedgeRule
from harken.events import Tell, nobody
from tests.dispatch.instances import Instance, running

FAST = FleetConfig(probe_interval_s=0.02, probe_timeout_s=0.2, probe_failures=3)
"""Impatient, so that tests need not wait."""

SLOW_LOOKS = FleetConfig(probe_interval_s=60.0, probe_timeout_s=0.2)
"""One look and then no other, unless somebody hurries it."""

T = TypeVar("T")


def run(story: Coroutine[Any, Any, T]) -> T:
    """Tell a story on a loop of its own; at its end no task and no connection may be left."""

    async def told() -> T:
        result = await asyncio.wait_for(story, 30)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        # A server that has just been told of a lost connection may need a moment for its own clean-up.
        _, left = await asyncio.wait(left, timeout=5) if left else (set(), set())
        assert not left, f"tasks left: {left}"
        await _until_closed()
        return result

    return asyncio.run(told())


async def _until_closed() -> None:
    """Wait until the loop has no socket but its own.

    A server that goes away closes the connections that it knows. One that was accepted in that very moment ends when
    it is noticed that its client has gone, a few rounds later.
    """
    selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
    async with asyncio.timeout(5):
        while len(selector.get_map()) > 1:
            await asyncio.sleep(0.001)


@asynccontextmanager
async def dispatching(
    *instances: Instance,
    limits: LimitsConfig | None = None,
    fleet: FleetConfig = FAST,
    clock: Clock | None = None,
    silence_s: float = 6.0,
    ready: int | None = None,
    dispatch: DispatchConfig | None = None,
    hedges: HedgeRule | None = None,
    tell: Tell = nobody,
) -> AsyncIterator[Dispatcher]:
    """Run instances and a dispatcher that knows them; wait until they are ready; check the invariants at the end.

    Args:
        instances: each under its own name.
        limits: of the dispatcher.
        fleet: how it looks.
        clock: of the dispatcher.
        silence_s: of the dispatcher.
        ready: how many to wait for; None: all.
        dispatch: of the dispatcher.
        hedges: of the dispatcher.
        tell: of the dispatcher.
    """
    async with running(*instances):
        async with Dispatcher(
            limits or LimitsConfig(), fleet, dispatch, clock=clock, silence_s=silence_s, hedges=hedges, tell=tell
        ) as dispatcher:
            for instance in instances:
                dispatcher.add_target(instance.name, instance.url)
            await dispatcher.wait_ready(5.0, count=len(instances) if ready is None else ready)
            yield dispatcher
        check_idle(dispatcher)
        for instance in instances:
            await instance.until(lambda instance=instance: instance.running == 0)  # type: ignore[misc]


def check_idle(dispatcher: Dispatcher) -> None:
    """Assert that nothing waits, nothing runs, every slot is back, and each segment has ended in one way."""
    assert dispatcher.in_flight == 0
    assert dispatcher.queued_audio_s == 0
    assert len(dispatcher._waiting) == 0
    assert dispatcher._runner.open == 0
    assert len(dispatcher._runner._purse) == 0
    assert len(dispatcher._lookout) == 0
    stats = dispatcher.stats()
    assert stats.recognized + sum(stats.failed.values()) + stats.abandoned == stats.segments
    assert dispatcher._pace._running == 0


async def until_waiting(dispatcher: Dispatcher, count: int) -> None:
    """Let the loop run until so many segments wait in the queue."""
    async with asyncio.timeout(5):
        while len(dispatcher._waiting) != count:
            await asyncio.sleep(0)


def state_of(dispatcher: Dispatcher, name: str) -> str:
    """The state that /health would show."""
    return next(each.state for each in dispatcher.health() if each.name == name)


async def until_state(dispatcher: Dispatcher, name: str, *states: str) -> None:
    """Wait until a target is in one of these states."""
    async with asyncio.timeout(10):
        await dispatcher._news.until(lambda: state_of(dispatcher, name) in states)
