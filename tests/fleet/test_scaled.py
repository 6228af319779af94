"""The fleet as the autoscaler sees and changes it, with real processes that stand in for instances."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from harken.dispatch.load import Load
from harken.fleet.changes import Changes
from harken.fleet.one_change import OneChange
from harken.fleet.refusals import ChangeFailed, FleetBusy
from harken.fleet.scaled import Scaled
from harken.testing.clock import FakeClock
from tests.fleet.test_changes import changing
from tests.fleet.test_local import Watched

LOAD = Load(
    waiting=3, asking=1, queued_audio_s=30.0, oldest_wait_s=4.0, in_flight=2, ready=4, slots=8, rtfx=20.0,
    full_rtfx=40.0, idle_s=0.0,
)  # fmt: skip


@asynccontextmanager
async def scaled(wishes: str = "", **more: Any) -> AsyncIterator[tuple[Scaled, Changes, Watched, OneChange, FakeClock]]:
    """Two ready stand-ins behind a dispatcher that says always the same."""
    clock = FakeClock()
    async with changing(wishes, **more) as (changes, local, _), OneChange() as one:
        seen = Scaled(
            local,
            changes,
            one,
            load=lambda _: LOAD,
            cpu_share=lambda: 0.5,
            gpu_share=lambda: None,
            room=lambda: 7,
            cores=None,
            clock=clock,
        )
        yield seen, changes, local, one, clock


def test_a_sample_joins_what_dispatcher_fleet_and_machine_know() -> None:
    """The pace is that of one instance of all that are ready, upstreams included."""

    async def story() -> None:
        async with scaled() as (seen, _, _, _, clock):
            sample = seen.sample()
            assert (sample.now, sample.wanted, sample.ready, sample.starting) == (clock.now(), 2, 2, 0)
            assert (sample.slots, sample.in_flight, sample.queued_audio_s, sample.held) == (8, 2, 30.0, 0)
            assert (sample.pace, sample.cpu_share, sample.gpu_share, sample.room) == (10.0, 0.5, None, 7)
            assert sample.start_s is not None
            await seen.scale(0, "nobody comes")
            assert seen.sample().held == LOAD.waiting + LOAD.asking

    asyncio.run(story())


def test_scaling_returns_at_once_and_counts_what_is_wanted() -> None:
    """What starts and what leaves goes on beside."""

    async def story() -> None:
        async with scaled() as (seen, changes, local, _, _):
            await seen.scale(4, "load")
            assert (seen.sample().wanted, seen.sample().starting) == (4, 2)
            await local.until(lambda lines: len(lines) == 4 and all(line.state == "ready" for line in lines))
            await seen.scale(1, "quiet")
            assert seen.sample().wanted == 1
            assert changes.wanted.instances == 1
            await local.until(lambda lines: len(lines) == 1)

    asyncio.run(story())


def test_nothing_is_scaled_while_an_operator_changes_the_fleet() -> None:
    """It would count with instances that are about to go."""

    async def story() -> None:
        async with scaled() as (seen, _, _, one, _):
            begun, may_end = asyncio.Event(), asyncio.Event()

            async def change(_: Any) -> dict[str, Any]:
                begun.set()
                await may_end.wait()
                return {}

            changing_now = asyncio.ensure_future(one.make("roll to x", change, lambda _: None))
            await begun.wait()
            with pytest.raises(FleetBusy, match="roll to x"):
                await seen.scale(3, "load")
            may_end.set()
            await changing_now

    asyncio.run(story())


def test_a_model_that_cannot_start_is_not_started_again_and_again(tmp_path: Path) -> None:
    """After each failure in a row the pause doubles; instances may be removed meanwhile."""
    spoilt = tmp_path / "spoilt"

    async def story() -> None:
        async with scaled(f"exit_while={spoilt}") as (seen, _, local, _, clock):
            spoilt.touch()
            for pause_s in (30.0, 60.0):
                await seen.scale(3, "load")
                await local.until(lambda lines: len(lines) == 2)
                with pytest.raises(ChangeFailed, match=rf"not now The next try comes in {pause_s:.0f} s"):
                    await seen.scale(3, "load")
                clock.advance(pause_s + 0.1)
            spoilt.unlink()
            await seen.scale(3, "load")
            await local.until(lambda lines: len(lines) == 3 and all(line.state == "ready" for line in lines))

    asyncio.run(story())
