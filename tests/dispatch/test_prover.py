"""When a target has to prove itself, and what follows."""

from __future__ import annotations

import asyncio

import pytest

from harken.config import DispatchConfig, LimitsConfig
from harken.dispatch.lines.line import DeadLine, Missed
from harken.dispatch.prover import doubt_is_due, needs_proof
from harken.dispatch.targets.candidate import NO_WORK
from harken.dispatch.targets.state import State
from harken.dispatch.targets.target import Target
from harken.dispatch.targets.vitals import Vitals
from harken.errors import EngineFailed
from harken.testing import FakeClock
from harken.types import ModelInfo, Options
from harken.wire import InstanceState
from tests.dispatch.house import dispatching, run, state_of, until_state
from tests.dispatch.instances import Instance, Script, make_segment

OFTEN = DispatchConfig(canary_interval_s=0.01)
NEVER = DispatchConfig(canary_interval_s=0.0)


def target(state: State = State.READY, last_success: float | None = None) -> Target:
    """A target that only has a past."""
    one = Target("one", "http://127.0.0.1:1")
    one.state, one.last_success = state, last_success
    return one


@pytest.mark.parametrize(
    ("last_success", "asked", "is_due"),
    [(None, 0.0, True), (None, 71.0, False), (70.0, 0.0, True), (71.0, 0.0, False), (10.0, 71.0, False)],
)
def test_who_recognised_nothing_for_the_interval_is_due(last_success: float | None, asked: float, is_due: bool) -> None:
    """From its last success, real or proof, or from when it was last asked."""
    assert needs_proof(target(last_success=last_success), asked, 100.0, 30.0) is is_due


@pytest.mark.parametrize(("asked", "in_flight", "is_due"), [(95.0, 0, True), (95.5, 0, False), (0.0, 1, False)])
def test_who_is_in_doubt_is_asked_soon_and_alone(asked: float, in_flight: int, is_due: bool) -> None:
    """Whatever the interval, and while it rests: what else runs there would be a client's."""
    one = target()
    one.model = ModelInfo(name="checksum", revision="1", max_segment_s=30.0, languages=("English",), slots=1)
    for _ in range(in_flight):
        one.claim(lambda: None, NO_WORK)
    assert not doubt_is_due(one, asked, 100.0)
    one.state, one.vitals = State.RESTING, Vitals(rests=2, rests_until=120.0, is_doubted=True)
    assert doubt_is_due(one, asked, 100.0) is is_due
    one.state = State.DRAINING
    assert not doubt_is_due(one, asked, 100.0)


@pytest.mark.parametrize("state", list(State))
def test_only_who_works_is_asked(state: State) -> None:
    """Or should work, but for a wrong canary; nobody at all where the interval is 0."""
    one = target(state)
    assert needs_proof(one, 0.0, 100.0, 30.0) is (state in (State.READY, State.FULL, State.ON_TRIAL))
    one.vitals = Vitals(is_disproved=True)
    assert needs_proof(one, 0.0, 100.0, 30.0)
    assert not needs_proof(one, 0.0, 100.0, 0.0)


@pytest.mark.parametrize(
    ("last_success", "last_refusal", "asked", "is_due"),
    [(None, 99.0, 95.0, True), (98.0, 99.0, 90.0, True), (99.5, 99.0, 90.0, False), (98.0, 99.0, 96.0, False)],
)
def test_who_refused_a_segment_and_recognised_none_since_is_due_soon(
    last_success: float | None, last_refusal: float, asked: float, is_due: bool
) -> None:
    """Whatever the interval; but not at every refusal."""
    one = target(last_success=last_success)
    one.last_refusal = last_refusal
    assert needs_proof(one, asked, 100.0, 30.0) is is_due
    assert needs_proof(one, asked, 100.0, 0.0) is is_due


@pytest.mark.parametrize(
    ("asked", "now", "is_due"), [(90.0, 94.0, False), (90.0, 95.0, True), (95.0, 99.0, False), (95.0, 1e6, False)]
)
def test_without_canaries_a_wrong_one_is_asked_again_after_each_rest(asked: float, now: float, is_due: bool) -> None:
    """It gets no segment, so nothing else would ever let it back in."""
    one = target(State.RESTING)
    one.vitals = Vitals(is_disproved=True, rests=1, rests_until=95.0)
    assert needs_proof(one, asked, now, 0.0) is is_due


def test_an_idle_target_proves_itself_again_and_again() -> None:
    """And /health tells that it recognised something."""
    one = Instance("one")

    async def story() -> None:
        async with dispatching(one, dispatch=OFTEN) as dispatcher:
            await one.until(lambda: one.proofs >= 2)
            async with asyncio.timeout(5):
                while dispatcher.health()[0].last_success_s is None:
                    await asyncio.sleep(0.002)
        assert one.jobs == []

    run(story())


def test_while_segments_succeed_nobody_is_asked() -> None:
    """They are the better proof; half a minute without one is too long."""
    one, clock = Instance("one"), FakeClock()

    async def story() -> None:
        async with dispatching(one, clock=clock) as dispatcher:
            for _ in range(4):
                clock.advance(29)
                await dispatcher.recognize(make_segment(), Options())
                looks = one.looks
                await one.until(lambda looks=looks: one.looks >= looks + 2)  # type: ignore[misc]
            assert one.proofs == 0
            clock.advance(30)
            await one.until(lambda: one.proofs == 1)

    run(story())


def test_a_target_with_a_wrong_canary_is_set_aside_and_its_owner_told_once() -> None:
    """Segments go elsewhere, however many looks it answers; a right canary later lets it back in."""
    wrong, other = Instance("wrong"), Instance("other")
    told: list[str] = []

    async def story() -> None:
        async with dispatching(wrong, other, dispatch=OFTEN) as dispatcher:
            dispatcher.on_unresponsive = lambda name, _why: told.append(name)
            wrong.canary = "nonsense"
            await until_state(dispatcher, "wrong", "resting")
            line = next(line for line in dispatcher.health() if line.name == "wrong")
            assert (line.ejected, line.limit) == ("canary", 0)
            assert "nonsense" in line.detail
            asked = wrong.proofs
            await wrong.until(lambda: wrong.proofs >= asked + 2)
            for _ in range(3):
                assert (await dispatcher.recognize(make_segment(), Options())).instance == "other"
            assert told == ["wrong"]
            assert wrong.jobs == []

    run(story())


def test_where_no_segment_comes_a_right_canary_ends_the_trial() -> None:
    """Who follows /health sends nothing while nobody is ready: it must become ready by itself, and at once."""
    one, clock = Instance("one", Script.ENGINE_FAILS), FakeClock()

    async def story() -> None:
        async with dispatching(one, clock=clock, limits=LimitsConfig(attempts=1)) as dispatcher:
            for _ in range(5):
                with pytest.raises(EngineFailed):
                    await dispatcher.recognize(make_segment(), Options())
            assert state_of(dispatcher, "one") == "resting"
            one.script = Script.ANSWER
            clock.advance(5.0)
            asked = one.proofs
            await until_state(dispatcher, "one", "ready")
            assert (one.proofs, dispatcher.in_flight) == (asked + 1, 0)

    run(story())


@pytest.mark.parametrize("is_well", [True, False])
def test_an_instance_whose_trial_fails_is_replaced_only_if_its_canary_fails_too(is_well: bool) -> None:
    """One client sends what no engine can do, and nothing else comes: that is no reason to replace anything."""
    one, clock, told = Instance("one", Script.ENGINE_FAILS), FakeClock(), list[tuple[str, str]]()
    one.canary_script = Script.ANSWER if is_well else None

    async def story() -> None:
        async with dispatching(one, clock=clock, limits=LimitsConfig(attempts=1), dispatch=NEVER) as dispatcher:
            dispatcher.on_unresponsive = lambda name, why: told.append((name, why))
            for _ in range(5):
                with pytest.raises(EngineFailed):
                    await dispatcher.recognize(make_segment(), Options())
            clock.advance(5.0)
            await until_state(dispatcher, "one", "on_trial")
            with pytest.raises(EngineFailed):
                await dispatcher.recognize(make_segment(), Options())
            assert (state_of(dispatcher, "one"), told, one.proofs) == ("resting", [], 0)
            clock.advance(5.0)
            await one.until(lambda: one.proofs == 1)
            target = dispatcher._pool.get("one")
            assert target is not None
            async with asyncio.timeout(5):
                while target.vitals.is_doubted:
                    await asyncio.sleep(0.002)

    run(story())
    assert [name for name, _ in told] == ([] if is_well else ["one"])
    assert all(why.startswith("It failed its canary (") for _, why in told)


@pytest.mark.parametrize(("uptime_s", "is_new"), [(40.0, True), (60.0, False)])
def test_a_new_process_at_an_address_inherits_nothing(uptime_s: float, is_new: bool) -> None:
    """New is who began after the last look; another that is only younger may share the address (a load balancer)."""
    one, clock = Instance("one"), FakeClock()

    async def story() -> None:
        async with dispatching(one, clock=clock) as dispatcher:
            one.uptime_s = 1000.0
            clock.advance(31.0)
            one.canary = "nonsense"
            await until_state(dispatcher, "one", "resting")
            one.state = "draining"
            await until_state(dispatcher, "one", "leaving")
            clock.advance(50.0)
            one.state, one.uptime_s = "ready", uptime_s
            looks = one.looks
            await one.until(lambda: one.looks >= looks + 3)
            assert (state_of(dispatcher, "one") == "ready") is is_new

    run(story())


def test_a_proof_that_fails_counts_as_a_failed_segment() -> None:
    """The engine raises on everything, and nobody had sent anything yet: after five it is set aside."""
    one = Instance("one", Script.ENGINE_FAILS)

    async def story() -> None:
        async with dispatching(one, dispatch=OFTEN) as dispatcher:
            await until_state(dispatcher, "one", "resting")
            assert dispatcher.health()[0].ejected == "failing"

    run(story())


class Odd(DeadLine):
    """Ready, and answers its canary with something nobody thought of."""

    async def look(self, timeout_s: float) -> InstanceState | Missed:
        """Be ready."""
        model = ModelInfo(name="checksum", revision="1", max_segment_s=30.0, languages=("English",), slots=1)
        return InstanceState(name="odd", state="ready", model=model, in_flight=0)

    async def prove(self) -> None:
        """Fail by a defect."""
        raise ValueError("year 10000 is out of range")


def test_a_proof_that_meets_a_defect_ends_nothing_but_its_target() -> None:
    """It is set aside as one that fails; the others work on."""
    one = Instance("one")

    async def story() -> None:
        async with dispatching(one, dispatch=OFTEN) as dispatcher:
            dispatcher.add_target("odd", "http://odd", lambda _: Odd())
            await until_state(dispatcher, "odd", "resting")
            assert (await dispatcher.recognize(make_segment(), Options())).instance == "one"

    run(story())


def test_one_proof_at_a_time_and_it_ends_with_its_target() -> None:
    """A target that hangs in its canary is not asked again meanwhile."""
    one = Instance("one", Script.HANG)

    async def story() -> None:
        async with dispatching(one, dispatch=OFTEN) as dispatcher:
            await one.until(lambda: one.proofs == 1)
            looks = one.looks
            await one.until(lambda: one.looks >= looks + 5)
            assert one.proofs == 1
            assert dispatcher.in_flight == 0

    run(story())


def test_who_wants_no_canaries_gets_none() -> None:
    """An interval of 0."""
    one = Instance("one")

    async def story() -> None:
        async with dispatching(one, dispatch=NEVER):
            await one.until(lambda: one.looks >= 5)
        assert one.proofs == 0

    run(story())
