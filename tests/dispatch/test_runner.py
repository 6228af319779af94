"""Recovery against real servers: budgets, second tries, deadlines, emptying, leaving."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from harken.config import DispatchConfig, LimitsConfig
from harken.dispatch.dispatcher import Dispatcher
from harken.dispatch.recovery.hedge import HedgeRule
from harken.errors import DeadlineExceeded, EngineFailed, InstanceFailed
from harken.testing.clock import FakeClock
from harken.types import Options, Priority, Requester, Transcript
from tests.dispatch.house import SLOW_LOOKS, dispatching, run, state_of, until_state
from tests.dispatch.instances import Instance, Script, expected_text, make_segment

PLAIN = Options()
EAGER = HedgeRule(floor_s=0.01)
GENEROUS = DispatchConfig(hedge_share=1.0)


async def ask(dispatcher: Dispatcher, request_id: str = "req", *, seed: int = 0) -> Transcript:
    """Have one second of noise recognised."""
    return await dispatcher.recognize(make_segment(request_id, seed=seed), PLAIN)


async def warm_up(dispatcher: Dispatcher) -> None:
    """Enough segments to know what is usual; of a class that gets no second try, however slow the machine is."""
    nobody_waits = Requester(priority=Priority.BATCH)
    for n in range(40):
        await dispatcher.recognize(replace(make_segment(f"warm-{n}"), requester=nobody_waits), PLAIN)


def failures_of(dispatcher: Dispatcher, name: str) -> tuple[int, int]:
    """What counts against a target."""
    target = dispatcher._pool.get(name)
    assert target is not None
    return target.failures, target.vitals.failures


async def until(dispatcher: Dispatcher, condition: Callable[[], bool]) -> None:
    """Wait until something is true of a dispatcher."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


# --- the budget ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_instance_that_fails_every_second_segment_gets_no_storm_and_loses_nothing() -> None:
    """Beyond a tenth of the successes, and ten, tries wait until time pays for more; all answers are right."""
    instances, clock = [Instance("a", Script.FLAKY, slots=4)], FakeClock()
    limits = LimitsConfig(attempts=50, queue_timeout_s=1e6)

    async def story() -> list[Transcript]:
        async with dispatching(*instances, limits=limits, clock=clock) as dispatcher:
            requests = [asyncio.create_task(ask(dispatcher, f"req-{n}", seed=n)) for n in range(30)]
            done, purse = 0, dispatcher._runner._purse
            while done < 30:
                await until(dispatcher, lambda: len(purse) + dispatcher.stats().recognized == 30)
                stats = dispatcher.stats()
                done = stats.recognized
                windows = 1 + clock.now() // 11.0
                assert sum(len(each.seen) for each in instances) <= 30 + 0.1 * done * windows + 10 * windows
                clock.advance(11.0)
                purse._serve()
            assert stats.retries >= stats.postponed > 0
            return await asyncio.gather(*requests)

    assert [each.text for each in run(story())] == [expected_text(make_segment(seed=n)) for n in range(30)]


def test_beside_an_idle_instance_no_failure_waits_for_the_budget() -> None:
    """However little there is: a slot that nobody else wants costs nobody anything."""
    failing, healthy = Instance("failing", Script.ENGINE_FAILS), Instance("healthy")

    async def story() -> None:
        dispatch = DispatchConfig(retry_share=0.0, eject_share=0.0)
        async with dispatching(failing, healthy, dispatch=dispatch) as dispatcher:
            dispatcher._runner._purse._budget._floor = 0
            for n in range(8):
                assert (await ask(dispatcher, f"req-{n}")).instance == "healthy"
            stats = dispatcher.stats()
            assert (stats.recognized, stats.postponed) == (8, 0)
            assert stats.retries == len(failing.seen) > 1

    run(story())


def test_who_waits_for_the_budget_ends_with_its_failure_when_its_time_is_over() -> None:
    """Half a minute, or what one waits for a slot if that is less; and a client's own deadline ends it as such."""
    one, clock = Instance("one", Script.FLAKY), FakeClock()
    impatient = Requester(deadline=20.0)

    async def story() -> None:
        dispatch, limits = DispatchConfig(retry_share=0.0), LimitsConfig(queue_timeout_s=100.0, attempts=100)
        async with dispatching(one, clock=clock, dispatch=dispatch, limits=limits) as dispatcher:
            for _ in range(10):
                await ask(dispatcher)
            waits = [asyncio.create_task(ask(dispatcher))]
            await until(dispatcher, lambda: len(dispatcher._runner._purse) == 1)
            one.seen.append("an even number")
            waits.append(asyncio.create_task(dispatcher.recognize(replace(make_segment(), requester=impatient), PLAIN)))
            await until(dispatcher, lambda: len(dispatcher._runner._purse) == 2)
            dispatcher._runner._purse._budget._floor = -1000
            assert dispatcher.queued_audio_s == 2.0
            clock.advance(30.0)
            with pytest.raises(EngineFailed):
                await waits[0]
            with pytest.raises(DeadlineExceeded):
                await waits[1]

    run(story())


def test_what_ran_on_a_lost_instance_goes_on_at_once_and_free() -> None:
    """Though nothing is left in the budget."""
    one, other = Instance("one", Script.GATED, slots=4), Instance("other", slots=4)

    async def story() -> None:
        async with dispatching(one, dispatch=DispatchConfig(retry_share=0.0), fleet=SLOW_LOOKS) as dispatcher:
            dispatcher._runner._purse._budget._floor = 0
            async with asyncio.TaskGroup() as group:
                requests = [group.create_task(ask(dispatcher, f"req-{n}")) for n in range(8)]
                await one.until(lambda: one.running > 0)
                await other.listen()
                dispatcher.add_target("other", other.url)
                await one.vanish()
            stats = dispatcher.stats()
            assert {each.result().instance for each in requests} == {"other"}
            assert (stats.retries, stats.postponed, stats.recognized) == (0, 0, 8)
            assert stats.replays > 0
        await other.vanish()

    run(story())


# --- second tries -------------------------------------------------------------------------------------------------


def test_a_clip_that_is_late_gets_a_second_try_and_the_loser_is_ended() -> None:
    """The slow instance frees the slot, and nothing counts against it: it may be healthy."""
    slow, quick = Instance("slow"), Instance("quick")

    async def story() -> None:
        async with dispatching(slow, quick, dispatch=GENEROUS, hedges=EAGER) as dispatcher:
            await warm_up(dispatcher)
            slow.script = Script.GATED
            transcripts = await asyncio.gather(*(ask(dispatcher, f"late-{n}") for n in range(2)))
            assert [each.instance for each in transcripts] == ["quick"] * 2
            await slow.until(lambda: slow.running == 0)
            assert (slow.abandoned, failures_of(dispatcher, "slow")) == (1, (0, 0))
            stats = dispatcher.stats()
            assert (stats.hedges_won, stats.retries, stats.replays) == (1, 0, 0)
            assert state_of(dispatcher, "slow") == "ready"

    run(story())


async def late_on(dispatcher: Dispatcher, one: Instance, other: Instance) -> asyncio.Task[Transcript]:
    """Have a segment begin on one instance, and then, since that is late, on the other as well."""
    dispatcher.drain_target(other.name)
    request = asyncio.create_task(ask(dispatcher, "late"))
    await one.until(lambda: one.running == 1)
    dispatcher.add_target(other.name, other.url)
    await other.until(lambda: other.running == 1)
    return request


def test_the_first_may_still_win_and_then_the_second_is_ended() -> None:
    """It was only a little late."""
    one, other = Instance("one"), Instance("other")

    async def story() -> None:
        async with dispatching(one, other, dispatch=GENEROUS, hedges=EAGER) as dispatcher:
            await warm_up(dispatcher)
            one.script = other.script = Script.GATED
            request = await late_on(dispatcher, one, other)
            one.gate.set()
            assert (await request).instance == "one"
            await other.until(lambda: other.abandoned == 1)
            stats = dispatcher.stats()
            assert (stats.hedges, stats.hedges_won, stats.hedges_failed) == (1, 0, 0)
            assert failures_of(dispatcher, "other") == (0, 0)

    run(story())


@pytest.mark.parametrize("failing", ["one", "other"])
def test_one_of_two_fails_and_the_other_answers(failing: str) -> None:
    """Whichever it is; the client, who has one try only, hears nothing of it, and the failure counts for the target."""
    one, other = Instance("one"), Instance("other")
    bad, good = (one, other) if failing == "one" else (other, one)

    async def story() -> None:
        limits = LimitsConfig(attempts=1)
        async with dispatching(one, other, dispatch=GENEROUS, hedges=EAGER, limits=limits) as dispatcher:
            await warm_up(dispatcher)
            bad.script, good.script = Script.GATED_FAILS, Script.GATED
            request = await late_on(dispatcher, one, other)
            bad.gate.set()
            await until(dispatcher, lambda: failures_of(dispatcher, failing)[1] == 1)
            assert not request.done()
            good.gate.set()
            assert (await request).instance == good.name

    run(story())


@pytest.mark.parametrize("attempts", [1, 2])
def test_when_both_fail_the_usual_rules_hold(attempts: int) -> None:
    """They are one try together: with one allowed that is the end, with two there is another."""
    one, other = Instance("one"), Instance("other")

    async def story() -> str:
        limits = LimitsConfig(attempts=attempts)
        async with dispatching(one, other, dispatch=GENEROUS, hedges=EAGER, limits=limits) as dispatcher:
            await warm_up(dispatcher)
            one.script = other.script = Script.GATED_FAILS
            request = await late_on(dispatcher, one, other)
            for instance in (one, other):
                instance.gate.set()
                instance.script = Script.ANSWER
            transcript = await request
            assert (dispatcher.stats().retries, dispatcher.stats().hedges_failed) == (1, 1)
            return transcript.text

    if attempts == 1:
        with pytest.raises(EngineFailed):
            run(story())
    else:
        assert run(story()) == expected_text(make_segment())


@pytest.mark.slow
@pytest.mark.parametrize("priority", [Priority.BATCH, Priority.INTERACTIVE])
def test_jobs_and_long_recordings_get_no_second_try(priority: Priority) -> None:
    """Nobody waits for a job, and a long recording is as late as its latest part."""
    slow, quick = Instance("slow"), Instance("quick")
    recording_s = 31.0 if priority is Priority.INTERACTIVE else 1.0

    async def story() -> None:
        async with dispatching(slow, quick, dispatch=GENEROUS, hedges=EAGER) as dispatcher:
            await warm_up(dispatcher)
            slow.script = quick.script = Script.DELAYED
            segment = replace(make_segment(), recording_s=recording_s, requester=Requester(priority=priority))
            await dispatcher.recognize(segment, PLAIN)
            assert dispatcher.stats().hedges == 0

    run(story())


def test_a_reader_hears_one_try_only() -> None:
    """The second speaks first, so the first, which is only silent so far, ends."""
    slow, quick = Instance("slow"), Instance("quick")
    pieces: list[str] = []

    async def story() -> None:
        async with dispatching(slow, quick, dispatch=GENEROUS, hedges=EAGER) as dispatcher:
            await warm_up(dispatcher)
            slow.script = Script.GATED
            readers = [dispatcher.recognize(make_segment(seed=n), PLAIN, pieces.append) for n in (7, 7)]
            await asyncio.gather(*readers)

    run(story())
    assert sorted(pieces) == sorted(
        [expected_text(make_segment(seed=7))[:5], expected_text(make_segment(seed=7))[5:]] * 2
    )


def test_a_reader_of_a_second_try_that_breaks_off_gets_its_error() -> None:
    """The client has half a sentence, so nobody starts again."""
    slow, bad = Instance("slow"), Instance("bad")
    pieces: list[str] = []

    async def story() -> None:
        async with dispatching(slow, bad, dispatch=GENEROUS, hedges=EAGER) as dispatcher:
            await warm_up(dispatcher)
            dispatcher.drain_target("bad")
            slow.script, bad.script = Script.GATED, Script.DIE_AFTER_TEXT
            request = asyncio.create_task(dispatcher.recognize(make_segment(), PLAIN, pieces.append))
            await slow.until(lambda: slow.running == 1)
            dispatcher.add_target("bad", bad.url)
            await request

    with pytest.raises(InstanceFailed, match="connection"):
        run(story())
    assert pieces == ["4"]


# --- leaving, deadlines, emptying ---------------------------------------------------------------------------------


def test_a_client_that_leaves_ends_its_second_try_too() -> None:
    """Both instances free their slots."""
    one, other = Instance("one"), Instance("other")

    async def story() -> None:
        async with dispatching(one, other, dispatch=GENEROUS, hedges=EAGER) as dispatcher:
            await warm_up(dispatcher)
            one.script = other.script = Script.GATED
            request = await late_on(dispatcher, one, other)
            request.cancel()
            for instance in (one, other):
                await instance.until(lambda instance=instance: instance.running == 0)  # type: ignore[misc]
            assert (dispatcher.in_flight, dispatcher.stats().abandoned) == (0, 1)

    run(story())


def test_a_deadline_ends_what_runs_and_counts_against_nobody() -> None:
    """The instance frees the slot; it may be well, only not that fast."""
    one = Instance("one", Script.GATED)

    async def story() -> None:
        async with dispatching(one, clock=FakeClock()) as dispatcher:
            segment = replace(make_segment(), requester=Requester(deadline=0.1))
            with pytest.raises(DeadlineExceeded):
                await dispatcher.recognize(segment, PLAIN)
            await one.until(lambda: one.abandoned == 1)
            assert failures_of(dispatcher, "one") == (0, 0)
            assert dispatcher.stats().failed == {"deadline_exceeded": 1}

    run(story())


def test_a_target_is_empty_when_what_it_has_is_done() -> None:
    """And one that nobody knows is empty already."""
    one = Instance("one", Script.GATED)

    async def story() -> None:
        async with dispatching(one) as dispatcher:
            request = asyncio.create_task(ask(dispatcher))
            await one.until(lambda: one.running == 1)
            dispatcher.drain_target("one")
            emptying = asyncio.create_task(dispatcher.wait_drained("one", 10.0))
            await asyncio.sleep(0)
            assert not emptying.done()
            one.gate.set()
            assert await emptying
            assert (await request).instance == "one"
            assert await dispatcher.wait_drained("nobody", 0.0)

    run(story())


def test_what_is_not_done_when_a_target_must_be_empty_goes_elsewhere() -> None:
    """At no cost: its owner wanted that."""
    one, other = Instance("one", Script.GATED), Instance("other")

    async def story() -> None:
        async with dispatching(one, limits=LimitsConfig(attempts=1)) as dispatcher:
            request = asyncio.create_task(ask(dispatcher))
            await one.until(lambda: one.running == 1)
            dispatcher.drain_target("one")
            await other.listen()
            dispatcher.add_target("other", other.url)
            assert not await dispatcher.wait_drained("one", 0.05)
            assert (await request).instance == "other"
            assert dispatcher.stats().retries == 0
        await other.vanish()

    run(story())


@pytest.mark.slow
def test_every_instance_may_be_replaced_while_work_goes_on() -> None:
    """One after another says that it leaves, goes when it is empty and comes back; nobody notices."""
    fleet = [Instance(f"asr-{n}", Script.DELAYED, slots=4) for n in range(3)]

    async def story() -> None:
        async with dispatching(*fleet) as dispatcher:
            is_over = asyncio.Event()

            async def client(name: str) -> int:
                count = 0
                while not is_over.is_set():
                    assert (await ask(dispatcher, name)).text == expected_text(make_segment())
                    count += 1
                return count

            clients = [asyncio.create_task(client(f"client-{n}")) for n in range(6)]
            for instance in fleet:
                instance.script, instance.state = Script.DRAINING, "draining"
                await until_state(dispatcher, instance.name, "leaving")
                await instance.until(lambda instance=instance: instance.running == 0)  # type: ignore[misc]
                await instance.vanish()
                instance.script, instance.state = Script.DELAYED, "ready"
                await instance.listen()
                await until_state(dispatcher, instance.name, "ready")
            is_over.set()
            assert min(await asyncio.gather(*clients)) > 0
            assert dispatcher.stats().failed == {}

    run(story())
