"""Rolls over real sockets under constant traffic: every request is answered, whichever way the roll goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from harken.config import LimitsConfig
from harken.fleet.roll_actions import Outcome, RollDo
from harken.fleet.rollout import Plan, Rollout
from harken.fleet.shadow_sampler import ShadowSampler
from tests.dispatch.house import dispatching, run
from tests.dispatch.instances import Instance, Script
from tests.fleet.roll_driver import Driver, failing_in_traffic

D = RollDo
LIMITS = LimitsConfig(attempts=10)
TALKERS = 4


@asynccontextmanager
async def rolling(make: Callable[[str], Instance], *, count: int = 2, surge: bool = True) -> AsyncIterator[Driver]:
    """So many old instances under traffic from four clients; every request must be answered."""
    old = [Instance(f"old-{number + 1}") for number in range(count)]
    plan = Plan(
        old=tuple(one.name for one in old),
        new=tuple(f"new-{number + 1}" for number in range(count)),
        surge=surge,
        shadow=6,
        watch_s=0.2,
    )
    sampler = ShadowSampler(wanted=6, is_old=lambda name: name.startswith("old"), packaged=lambda _: ())
    async with dispatching(*old, limits=LIMITS) as dispatcher:
        dispatcher.listen(sampler.note)
        driver = Driver(dispatcher, Rollout(plan), sampler, make)
        driver.instances = {one.name: one for one in old}
        talkers = [asyncio.create_task(driver.talk()) for _ in range(TALKERS)]
        try:
            yield driver
        finally:
            for talker in talkers:
                talker.cancel()
            counts = await asyncio.gather(*talkers)
            for instance in driver.instances.values():
                await instance.vanish()
        assert sum(counts) > 20
        assert not dispatcher.stats().failed


@pytest.mark.slow
@pytest.mark.parametrize("surge", [True, False])
def test_a_roll_replaces_every_instance_and_answers_every_request(surge: bool) -> None:
    """With surge never fewer than two serve, else never fewer than one."""

    async def story() -> None:
        async with rolling(Instance, surge=surge) as driver:
            end = await driver.run()
            assert end.outcome is Outcome.DONE, end.reason
            assert sorted(driver.instances) == ["new-1", "new-2"]
            assert driver.least_ready >= (2 if surge else 1)

    run(story())


@pytest.mark.slow
def test_a_new_model_that_fails_its_sample_never_meets_a_client() -> None:
    """The old instances go on as if nothing had happened."""
    seen = list[str]()

    def make(name: str) -> Instance:
        broken = Instance(name, Script.ENGINE_FAILS)
        broken.seen = seen
        return broken

    async def story() -> None:
        async with rolling(make) as driver:
            end = await driver.run()
            assert end.outcome is Outcome.ROLLED_BACK
            assert end.reason == "6 of 6 failed (engine_failed 6)."
            assert sorted(driver.instances) == ["old-1", "old-2"]
        assert all(request.startswith("shadow") for request in seen)

    run(story())


@pytest.mark.slow
@pytest.mark.parametrize("surge", [True, False])
def test_a_new_model_that_fails_in_traffic_is_taken_back_and_every_request_answered(surge: bool) -> None:
    """What failed there was recognised elsewhere."""

    async def story() -> None:
        make = failing_in_traffic
        async with rolling(lambda name: make(name) if name[:3] == "new" else Instance(name), surge=surge) as driver:
            end = await driver.run()
            assert end.outcome is Outcome.ROLLED_BACK
            assert "segments failed" in end.reason
            assert sorted(driver.instances) == ["old-1", "old-2"]
            assert ((D.RESTORE, "old-1") in driver.done) is not surge

    run(story())
