"""The loop around the autoscaler, with a fleet that does as it is told, late, or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from structlog.testing import capture_logs

from harken.clock import SystemClock
from harken.config import AutoscaleConfig
from harken.errors import Unavailable
from harken.fleet.autoscaling import Autoscaling
from harken.fleet.sample import Sample

QUICK = AutoscaleConfig(
    mode="on", min=1, max=4, interval_s=0.01, up_after_s=0.0, up_pause_s=0.0, down_after_s=0.1, down_pause_s=0.1
)


class Fleet:
    """A fleet of numbers; implements `Scalable`.

    Attributes:
        wanted: instances.
        in_flight: segments that run; each instance has 8 slots.
        held: requests that wait for the first instance.
        asked: the counts that it was asked for.
        refuses: what it says to that, if it does not obey.
        looks: how often it was looked at.
    """

    def __init__(self, wanted: int, *, in_flight: int = 0) -> None:
        self.wanted = wanted
        self.in_flight = in_flight
        self.held = 0
        self.asked: list[int] = []
        self.refuses: Exception | None = None
        self.looks = 0
        self.is_blind = False
        self.is_busy = False
        self._clock = SystemClock()

    def sample(self) -> Sample:
        """This moment."""
        self.looks += 1
        if self.is_blind:
            raise RuntimeError("no numbers")
        now, ready = self._clock.now(), self.wanted
        return Sample(
            now=now,
            wanted=ready,
            ready=ready,
            slots=8 * ready,
            in_flight=self.in_flight,
            held=self.held,
            last_request_s=3600.0,
        )

    async def scale(self, count: int, reason: str) -> None:
        """Obey, or refuse."""
        assert reason
        self.asked.append(count)
        if self.refuses is not None:
            raise self.refuses
        self.wanted = count


@asynccontextmanager
async def running(config: AutoscaleConfig, fleet: Fleet) -> AsyncIterator[Autoscaling]:
    """Run the loop; it must still run at the end."""
    scaling = Autoscaling(config, fleet, SystemClock())
    task = asyncio.create_task(scaling.run())
    try:
        yield scaling
        assert not task.done(), "the loop has ended by itself"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that the loop will bring about."""
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.001)  # between two looks; the condition itself ends the wait


@pytest.mark.slow
def test_it_grows_under_load_and_shrinks_afterwards() -> None:
    """Each step is asked of the fleet, logged and remembered with its reason."""

    async def scenario() -> None:
        fleet = Fleet(1, in_flight=30)
        with capture_logs() as logs:
            async with running(QUICK, fleet) as scaling:
                await until(lambda: fleet.wanted == 4)
                fleet.in_flight = 0
                await until(lambda: fleet.wanted == 1)
                history = scaling.explain()["history"]
        events = [log for log in logs if log["event"] == "autoscale.scale"]
        assert [log["wanted"] for log in events] == fleet.asked == [past["wanted"] for past in history]
        assert fleet.asked[-1] == 1 and max(fleet.asked[:-1]) == 4
        assert "30 of 8 slots are in use" in events[0]["reason"]

    asyncio.run(scenario())


def test_a_dry_run_says_what_it_would_do_and_does_nothing() -> None:
    """Once, and not at every look."""

    async def scenario() -> None:
        fleet = Fleet(1, in_flight=30)
        config = AutoscaleConfig(mode="dry-run", min=1, max=4, interval_s=0.001, up_after_s=0.0, up_pause_s=0.0)
        with capture_logs() as logs:
            async with running(config, fleet) as scaling:
                await until(lambda: fleet.looks > 20)
                [past] = scaling.explain()["history"]
        assert fleet.asked == []
        assert (past["outcome"], past["was"], past["wanted"]) == ("would_scale", 1, 3)
        assert [log["event"] for log in logs] == ["autoscale.would_scale"]

    asyncio.run(scenario())


@pytest.mark.slow
@pytest.mark.parametrize("refusal", [Unavailable("A roll is going on."), RuntimeError("a defect")])
def test_a_fleet_that_refuses_is_asked_again_ever_more_seldom(refusal: Exception) -> None:
    """The loop goes on; and nobody who wakes it makes it ask sooner."""

    async def scenario() -> None:
        fleet = Fleet(1, in_flight=30)
        fleet.refuses = refusal
        with capture_logs() as logs:
            async with running(QUICK, fleet) as scaling:
                began = asyncio.get_running_loop().time()
                while len(fleet.asked) < 4:
                    scaling.wake()
                    await asyncio.sleep(0)
                assert asyncio.get_running_loop().time() - began >= 0.02 + 0.04 + 0.08 - 0.01
                assert scaling.explain()["failures_in_a_row"] == 4
                fleet.refuses = None
                await until(lambda: fleet.wanted == 4)
                assert scaling.explain()["failures_in_a_row"] == 0
        failed = [log for log in logs if log["event"] == "autoscale.failed"]
        assert [log["failures"] for log in failed] == [1, 2, 3, 4]
        assert all(("A roll" in log["error"]) or ("a defect" in log["error"] and log["exc_info"]) for log in failed)

    asyncio.run(scenario())


def test_a_fleet_that_cannot_be_looked_at_does_not_end_the_loop() -> None:
    """It is looked at again, later."""

    async def scenario() -> None:
        fleet = Fleet(1, in_flight=30)
        fleet.is_blind = True
        with capture_logs() as logs:
            async with running(QUICK, fleet) as scaling:
                await until(lambda: fleet.looks >= 2)
                assert scaling.explain()["sample"] is None
                fleet.is_blind = False
                await until(lambda: fleet.wanted == 4)
        assert "autoscale.look_failed" in [log["event"] for log in logs]

    asyncio.run(scenario())


def test_a_wake_does_not_wait_for_the_interval() -> None:
    """A request is held, and the next look would be in an hour."""

    async def scenario() -> None:
        fleet = Fleet(0)
        config = AutoscaleConfig(mode="on", min=0, interval_s=3600.0)
        async with running(config, fleet) as scaling:
            await until(lambda: fleet.looks == 1)
            fleet.held = 1
            scaling.wake()
            await until(lambda: fleet.wanted == 1)

    asyncio.run(scenario())


@pytest.mark.slow
def test_what_is_in_the_way_is_told_once() -> None:
    """A fleet at its most says so when it gets there, and not every few seconds of a long day."""

    async def scenario() -> None:
        fleet = Fleet(4, in_flight=32)
        with capture_logs() as logs:
            async with running(QUICK, fleet) as scaling:
                await until(lambda: fleet.looks > 20)
                [past] = scaling.explain()["history"]
        assert (past["outcome"], past["blocked_by"]) == ("blocked", "max")
        assert [log["event"] for log in logs] == ["autoscale.blocked"]

    asyncio.run(scenario())


def test_an_explanation_is_plain_and_bounded() -> None:
    """It goes over a socket as JSON, and holds the last fifty changes."""

    async def scenario() -> None:
        fleet = Fleet(1)
        scaling = Autoscaling(QUICK, fleet, SystemClock())
        assert scaling.explain()["decision"] is None
        for wanted in range(5, 60):
            fleet.wanted = wanted
            await scaling._step()
        explained = json.loads(json.dumps(scaling.explain()))
        assert len(explained["history"]) == 50
        assert (explained["sample"]["wanted"], explained["decision"]["wanted"]) == (59, 4)
        assert 0 <= explained["sample_age_s"] <= explained["history"][0]["ago_s"] + 0.001

    asyncio.run(scenario())
