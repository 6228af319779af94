"""The dispatcher against real servers: waiting, binding, retrying, leaving; each story ends with its invariants."""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys

import pytest

from harken.config import LimitsConfig
from harken.dispatch.dispatcher import Dispatcher
from harken.dispatch.recognized import Recognized
from harken.errors import (
    Draining,
    EngineFailed,
    HarkenError,
    InstanceFailed,
    NoReadyInstance,
    QueueFull,
    TimedOut,
    UnknownLanguage,
    UnsupportedOption,
)
from harken.testing.clock import FakeClock
from harken.types import Options, Recognizer, Segment, Transcript, Wish
from tests.dispatch.house import FAST, SLOW_LOOKS, check_idle, dispatching, run, state_of, until_state, until_waiting
from tests.dispatch.instances import Instance, Script, expected_text, make_segment, running

PLAIN = Options()


async def ask(dispatcher: Recognizer, request_id: str = "req", *, seed: int = 0) -> Transcript:
    """Have one second of noise recognised."""
    return await dispatcher.recognize(make_segment(request_id, seed=seed), PLAIN)


# --- the plain way ------------------------------------------------------------------------------------------------


def test_a_segment_comes_back_recognised_and_names_its_instance() -> None:
    """With the text as it came, and whole."""

    async def story() -> None:
        async with dispatching(Instance("one")) as dispatcher:
            segment, pieces = make_segment(seconds=30), list[str]()
            transcript = await dispatcher.recognize(segment, PLAIN, pieces.append)
            assert transcript.text == "".join(pieces) == expected_text(segment)
            assert transcript.instance == "one"

    run(story())


def test_who_listens_is_told_of_what_was_recognised_and_of_nothing_else() -> None:
    """The segment as it was given, by which target, and how long that took; afterwards nobody is told."""
    one, told = Instance("one"), list[Recognized]()

    async def story() -> None:
        async with dispatching(one, fleet=SLOW_LOOKS, limits=LimitsConfig(attempts=1)) as dispatcher:
            dispatcher.listen(told.append)
            options = Options(language="Chinese")
            transcript = await dispatcher.recognize(make_segment("heard"), options)
            one.script = Script.ENGINE_FAILS
            with pytest.raises(EngineFailed):
                await ask(dispatcher, "failed")
            one.script = Script.ANSWER
            dispatcher.listen(None)
            await ask(dispatcher, "unheard")
            (heard,) = told
            assert (heard.target, heard.job.segment.request_id, heard.job.options) == ("one", "heard", options)
            assert heard.transcript == transcript
            assert 0.0 < heard.took_s < 10.0
            (line,) = dispatcher.traffic()
            assert (line.name, line.successes, line.failures) == ("one", 2, 1)
            assert line.standing.ends > 2.0

    run(story())


def test_nobody_reading_before_the_end_means_no_deltas_on_the_wire() -> None:
    """They would be sent for nothing."""
    one = Instance("one")

    async def story() -> None:
        async with dispatching(one) as dispatcher:
            await ask(dispatcher)

    run(story())
    assert [job.wants_deltas for job in one.jobs] == [False]


def test_work_is_spread_and_no_instance_ever_has_more_than_its_slots() -> None:
    """Sixty at once over three instances with two slots each."""
    instances = [Instance(name, slots=2) for name in ("a", "b", "c")]

    async def story() -> list[Transcript]:
        async with dispatching(*instances) as dispatcher:
            return await asyncio.gather(*(ask(dispatcher, f"req-{n}", seed=n) for n in range(60)))

    transcripts = run(story())
    assert [each.text for each in transcripts] == [expected_text(make_segment(seed=n)) for n in range(60)]
    assert all(instance.most_running <= 2 for instance in instances)
    assert all(len(instance.seen) >= 10 for instance in instances)


def test_segments_wait_here_and_go_out_in_the_order_of_their_coming() -> None:
    """Late binding: with one slot taken, nothing of the others is sent; then first come, first served."""
    one = Instance("one", Script.GATED, slots=1)

    async def story() -> None:
        async with dispatching(one) as dispatcher, asyncio.TaskGroup() as group:
            for n in range(5):
                group.create_task(ask(dispatcher, f"req-{n}"))
                await until_waiting(dispatcher, max(0, n))
            await one.until(lambda: one.running == 1)
            assert (one.seen, dispatcher.queued_audio_s, dispatcher.in_flight) == (["req-0"], 4.0, 1)
            one.gate.set()

    run(story())
    assert one.seen == [f"req-{n}" for n in range(5)]


# --- waiting ------------------------------------------------------------------------------------------------------


def test_requests_are_held_while_the_first_instance_starts() -> None:
    """Not refused: they are served as soon as it is ready."""
    one = Instance("one")
    one.state = "starting"

    async def story() -> None:
        async with dispatching(one, ready=0) as dispatcher, asyncio.TaskGroup() as group:
            request = group.create_task(ask(dispatcher))
            await until_waiting(dispatcher, 1)
            await one.until(lambda: one.looks >= 2)
            assert not request.done()
            one.state = "ready"

    run(story())
    assert one.seen == ["req"]


def test_the_queue_is_bounded_and_a_refusal_says_when_to_come_back() -> None:
    """Two seconds of audio may wait; the third is refused with a Retry-After."""
    one = Instance("one", Script.GATED, slots=1)

    async def story() -> QueueFull:
        limits = LimitsConfig(queue_audio_s=2.0)
        async with dispatching(one, limits=limits) as dispatcher, asyncio.TaskGroup() as group:
            for n in range(3):
                group.create_task(ask(dispatcher, f"req-{n}"))
                await until_waiting(dispatcher, n)
            with pytest.raises(QueueFull) as caught:
                await ask(dispatcher, "one too many")
            one.gate.set()
            return caught.value

    refusal = run(story())
    assert refusal.retry_after_s == 1
    assert one.seen == ["req-0", "req-1", "req-2"]


def test_an_accepted_recording_is_never_refused_in_its_middle() -> None:
    """With a full queue a first segment is refused; the next one of a recording that runs already waits."""
    one = Instance("one", Script.GATED, slots=1)

    async def story() -> None:
        async with dispatching(one, limits=LimitsConfig(queue_audio_s=1.0)) as dispatcher, asyncio.TaskGroup() as group:
            for n in range(2):
                group.create_task(ask(dispatcher, f"req-{n}"))
                await until_waiting(dispatcher, n)
            with pytest.raises(QueueFull):
                await ask(dispatcher, "req-2")
            group.create_task(dispatcher.recognize(make_segment("req-0", index=1), PLAIN))
            await until_waiting(dispatcher, 2)
            one.gate.set()

    run(story())
    assert one.seen == ["req-0", "req-1", "req-0"]


@pytest.mark.parametrize(("state", "kind"), [("starting", NoReadyInstance), ("ready", TimedOut)])
def test_waiting_has_an_end(state: str, kind: type[HarkenError]) -> None:
    """And the error says whether nobody was there or nobody had time; by the clock that was given."""
    one, clock = Instance("one", Script.GATED, slots=1), FakeClock()
    one.state = state

    async def story() -> HarkenError:
        limits = LimitsConfig(queue_timeout_s=300.0)
        async with dispatching(one, limits=limits, clock=clock, ready=state == "ready") as dispatcher:
            async with asyncio.TaskGroup() as group:
                if state == "ready":
                    group.create_task(ask(dispatcher, "runs"))
                    await one.until(lambda: one.running == 1)
                request = asyncio.create_task(ask(dispatcher, "waits"))
                await until_waiting(dispatcher, 1)
                clock.advance(300.0)
                with pytest.raises(kind) as caught:
                    await request
                one.gate.set()
            return caught.value

    assert run(story()).retry_after_s is not None


def test_a_waiting_request_whose_client_leaves_is_gone_at_once() -> None:
    """Its audio no longer counts, and its instance never hears of it."""
    one = Instance("one", Script.GATED, slots=1)

    async def story() -> None:
        async with dispatching(one) as dispatcher, asyncio.TaskGroup() as group:
            group.create_task(ask(dispatcher, "runs"))
            await one.until(lambda: one.running == 1)
            waiting = asyncio.create_task(ask(dispatcher, "leaves"))
            await until_waiting(dispatcher, 1)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert dispatcher.queued_audio_s == 0
            one.gate.set()

    run(story())
    assert one.seen == ["runs"]


def test_a_client_that_leaves_in_the_moment_it_gets_its_slot_gives_it_back() -> None:
    """The slot is handed over and the caller cancelled within one turn of the loop."""
    one = Instance("one", Script.GATED, slots=1)

    async def story() -> None:
        async with dispatching(one) as dispatcher:
            first = asyncio.create_task(ask(dispatcher, "first"))
            await one.until(lambda: one.running == 1)
            second = asyncio.create_task(ask(dispatcher, "second"))
            await until_waiting(dispatcher, 1)
            claim = next(iter(next(iter(dispatcher._pool))._claims))
            claim.release()
            second.cancel()
            assert dispatcher.in_flight == 1
            await asyncio.wait([second])
            assert dispatcher.in_flight == 0
            one.gate.set()
            await first

    run(story())


def test_a_running_request_whose_client_leaves_stops_the_instance_and_frees_the_slot() -> None:
    """The connection is closed; the next one gets the slot."""
    one = Instance("one", Script.GATED, slots=1)

    async def story() -> None:
        async with dispatching(one) as dispatcher:
            request = asyncio.create_task(ask(dispatcher, "leaves"))
            await one.until(lambda: one.running == 1)
            request.cancel()
            await one.until(lambda: one.abandoned == 1)
            assert dispatcher.in_flight == 0
            one.script = Script.ANSWER
            await ask(dispatcher, "stays")

    run(story())
    assert one.seen == ["leaves", "stays"]


# --- trying again -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        Script.DIE_BEFORE_TEXT,
        Script.DIE_AFTER_TEXT,
        Script.HANG,
        Script.STOP_SHORT,
        Script.GARBAGE,
        Script.LONG_LINE,
        Script.OTHER_VERSION,
        Script.DEFECT,
        Script.WRONG_CANARY,
        Script.ODD_VALUES,
        Script.ERROR_PAGE,
        Script.ENGINE_FAILS,
        Script.DRAINING,
        Script.FULL,
    ],
)
def test_what_one_instance_fails_another_does(script: Script) -> None:
    """Whatever goes wrong there, the client gets the right answer, from the other, after one failed try."""
    bad, good = Instance("bad", script), Instance("good")

    async def story() -> Transcript:
        async with dispatching(bad, good, silence_s=0.3) as dispatcher:
            # The bad one is the first in rotation.
            return await ask(dispatcher)

    transcript = run(story())
    assert (transcript.text, transcript.instance) == (expected_text(make_segment()), "good")
    assert (len(bad.seen), len(good.seen)) == (1, 1)


def test_after_the_first_text_there_is_no_other_try() -> None:
    """The client has half a sentence; a second instance would start it again."""
    bad, good = Instance("bad", Script.DIE_AFTER_TEXT), Instance("good")
    pieces: list[str] = []

    async def story() -> None:
        async with dispatching(bad, good) as dispatcher:
            await dispatcher.recognize(make_segment(), PLAIN, pieces.append)

    with pytest.raises(InstanceFailed):
        run(story())
    assert (pieces, good.seen) == (["4"], [])


def test_before_the_first_text_there_is_another_try_though_somebody_reads() -> None:
    """Nothing has reached the client yet, so nothing is said twice."""
    bad, good = Instance("bad", Script.DIE_BEFORE_TEXT), Instance("good")
    pieces: list[str] = []

    async def story() -> None:
        async with dispatching(bad, good) as dispatcher:
            await dispatcher.recognize(make_segment(), PLAIN, pieces.append)

    run(story())
    assert "".join(pieces) == expected_text(make_segment())


def test_the_clients_own_mistake_is_not_tried_again() -> None:
    """It would be the same mistake elsewhere."""
    bad, good = Instance("bad", Script.CLIENT_FAULT), Instance("good")

    async def story() -> None:
        async with dispatching(bad, good) as dispatcher:
            await ask(dispatcher)

    with pytest.raises(UnknownLanguage):
        run(story())
    assert good.seen == []


def test_tries_are_limited_and_the_last_error_is_the_clients() -> None:
    """Four tries, on four different instances, and then the truth."""
    instances = [Instance(f"asr-{n}", Script.ENGINE_FAILS) for n in range(6)]

    async def story() -> None:
        async with dispatching(*instances, limits=LimitsConfig(attempts=4)) as dispatcher:
            await ask(dispatcher)

    with pytest.raises(EngineFailed, match="The model raised"):
        run(story())
    assert sorted(len(instance.seen) for instance in instances) == [0, 0, 1, 1, 1, 1]


def test_with_one_instance_only_it_is_tried_there_again() -> None:
    """Better the same than none."""
    one = Instance("one", Script.ENGINE_FAILS)

    async def story() -> None:
        async with dispatching(one, limits=LimitsConfig(attempts=3)) as dispatcher:
            await ask(dispatcher)

    with pytest.raises(EngineFailed):
        run(story())
    assert len(one.seen) == 3


def test_one_recording_takes_down_at_most_three_instances() -> None:
    """Each died while it ran there alone; and the client reads neither addresses nor a library's words."""
    instances = [Instance(f"asr-{n}", Script.DIE_BEFORE_TEXT) for n in range(5)]

    async def story() -> None:
        async with dispatching(*instances, limits=LimitsConfig(attempts=9), fleet=SLOW_LOOKS) as dispatcher:
            await ask(dispatcher)

    with pytest.raises(InstanceFailed, match=r"^The connection to the instance was lost\.$"):
        run(story())
    assert sum(len(instance.seen) for instance in instances) == 3


def test_a_segment_whose_instances_others_kill_gets_more_than_its_tries() -> None:
    """Five die under it while another runs beside it; the sixth answers."""
    instances = [Instance(f"asr-{n}", Script.GATED) for n in range(5)]

    async def story() -> None:
        async with running(*instances), Dispatcher(LimitsConfig(attempts=2), FAST) as dispatcher:
            requests: list[asyncio.Task[Transcript]] = []
            for n, instance in enumerate(instances):
                dispatcher.add_target(instance.name, instance.url)
                requests = requests or [asyncio.create_task(ask(dispatcher, f"req-{n}")) for n in range(2)]
                await instance.until(lambda instance=instance: instance.running == 2)  # type: ignore[misc]
                if n == len(instances) - 1:
                    instance.gate.set()
                else:
                    dispatcher.remove_target(instance.name)
            assert {each.instance for each in await asyncio.gather(*requests)} == {"asr-4"}

    run(story())


def test_a_segment_that_takes_too_long_is_taken_elsewhere() -> None:
    """Though its instance beats."""
    slow, quick = Instance("slow", Script.GATED), Instance("quick")

    async def story() -> Transcript:
        async with dispatching(slow, quick, limits=LimitsConfig(segment_timeout_s=0.2)) as dispatcher:
            transcript = await ask(dispatcher)
            await slow.until(lambda: slow.abandoned == 1)
            return transcript

    assert run(story()).instance == "quick"


def test_a_full_instance_is_asked_again_only_after_it_said_ready() -> None:
    """Being turned away costs neither a try nor health, and does not become a busy loop."""
    one = Instance("one", Script.FULL)

    async def story() -> None:
        async with dispatching(one, limits=LimitsConfig(attempts=1)) as dispatcher, asyncio.TaskGroup() as group:
            group.create_task(ask(dispatcher))
            await one.until(lambda: len(one.seen) == 3)
            looks = one.looks
            one.script = Script.ANSWER
            assert looks >= 3
            target = next(iter(dispatcher._pool))
            assert (target.failures, target.vitals.failures) == (0, 0)

    run(story())


def test_being_turned_away_has_an_end_too() -> None:
    """The waits add up, however often it got a slot in between."""
    one, clock = Instance("one", Script.FULL), FakeClock()

    async def story() -> None:
        async with dispatching(one, limits=LimitsConfig(queue_timeout_s=300.0), clock=clock) as dispatcher:
            request = asyncio.create_task(ask(dispatcher))
            await one.until(lambda: len(one.seen) == 3)
            clock.advance(300.0)
            with pytest.raises((TimedOut, NoReadyInstance)):
                await request

    run(story())


def test_a_connection_that_went_stale_is_an_ordinary_retry() -> None:
    """The only instance was restarted behind our back: the kept connection is dead, the next look finds it well."""
    one = Instance("one")

    async def story() -> None:
        async with dispatching(one, fleet=SLOW_LOOKS) as dispatcher:
            await ask(dispatcher, "before")
            await one.vanish()
            await one.listen()
            await ask(dispatcher, "after")

    run(story())
    assert one.seen == ["before", "after"]


# --- targets ------------------------------------------------------------------------------------------------------


def test_a_refused_connection_makes_a_target_suspect_until_a_look_is_answered() -> None:
    """It gets nothing until then; its segments go elsewhere."""
    one, other = Instance("one"), Instance("other")

    async def story() -> None:
        async with dispatching(one, other) as dispatcher:
            await one.vanish()
            for n in range(6):
                assert (await ask(dispatcher, f"req-{n}")).instance == "other"
            assert state_of(dispatcher, "one") in {"suspect", "unresponsive"}
            await one.listen()
            await until_state(dispatcher, "one", "ready")
            # The other did six meanwhile, so it is this one's turn.
            assert (await ask(dispatcher)).instance == "one"

    run(story())


def test_an_instance_that_fails_again_and_again_is_set_aside() -> None:
    """Though it answers every look; the others do the work, and each segment is right."""
    bad, good = Instance("bad", Script.ENGINE_FAILS), Instance("good")

    async def story() -> None:
        async with dispatching(bad, good) as dispatcher:
            for n in range(30):
                assert (await ask(dispatcher, f"req-{n}")).instance == "good"
            assert state_of(dispatcher, "bad") == "resting"
            stats = dispatcher.stats()
            assert (stats.recognized, stats.tries, stats.retries, stats.ejections) == (30, 35, 5, 1)

    run(story())
    assert len(bad.seen) == 5


def test_an_instance_of_another_version_is_never_ready_and_says_why() -> None:
    """By name."""
    one = Instance("one")
    one.state_body = b'{"version": 1}'

    async def story() -> str:
        async with dispatching(one, ready=0) as dispatcher:
            with pytest.raises(NoReadyInstance):
                await dispatcher.wait_ready(0.1)
            return dispatcher.health()[0].detail

    assert "the other 1" in run(story())


def test_a_drained_target_finishes_and_gets_nothing_more() -> None:
    """Though it is ready by its own word."""
    one, other = Instance("one", Script.GATED), Instance("other")

    async def story() -> None:
        async with dispatching(one, other) as dispatcher:
            running_there = asyncio.create_task(ask(dispatcher, "accepted"))
            await one.until(lambda: one.running == 1)
            dispatcher.drain_target("one")
            assert {(await ask(dispatcher)).instance for _ in range(4)} == {"other"}
            one.gate.set()
            assert (await running_there).instance == "one"
            assert state_of(dispatcher, "one") == "draining"

    run(story())


def test_what_runs_on_a_removed_target_goes_elsewhere() -> None:
    """Its owner knows that it is dead; nobody waits for its silence to be noticed."""
    one, other = Instance("one", Script.GATED), Instance("other")

    async def story() -> None:
        async with dispatching(one, other) as dispatcher:
            request = asyncio.create_task(ask(dispatcher))
            await one.until(lambda: one.running == 1)
            dispatcher.remove_target("one")
            assert (await request).instance == "other"
            assert [each.name for each in dispatcher.health()] == ["other"]

    run(story())


def test_the_owner_is_told_of_a_silent_target_and_its_segments_are_taken_elsewhere() -> None:
    """Looks fail, so nobody waits for the segment's own silence."""
    one, other = Instance("one", Script.HANG), Instance("other")
    told: list[str] = []

    async def story() -> Transcript:
        async with dispatching(one, other) as dispatcher:
            dispatcher.on_unresponsive = lambda name, _why: told.append(name)
            request = asyncio.create_task(ask(dispatcher))
            await one.until(lambda: one.running == 1)
            one.state_body = b"not a state"
            return await request

    assert run(story()).instance == "other"
    assert told == ["one"]


def test_new_targets_serve_those_who_wait_already() -> None:
    """As after a restart of everything."""
    one = Instance("one")

    async def story() -> None:
        async with running(one), Dispatcher(LimitsConfig(), FAST) as dispatcher:
            request = asyncio.create_task(ask(dispatcher))
            await until_waiting(dispatcher, 1)
            dispatcher.add_target("one", one.url)
            assert (await request).instance == "one"

    run(story())


# --- what is served -----------------------------------------------------------------------------------------------


def test_the_model_is_known_as_soon_as_one_instance_told() -> None:
    """Also while none is ready."""
    one = Instance("one", slots=3)
    one.state = "starting"

    async def story() -> None:
        async with dispatching(one, ready=0) as dispatcher:
            asking = asyncio.create_task(dispatcher.model())
            await one.until(lambda: one.looks >= 2)
            assert not asking.done()
            one.state = "warming"
            model = await asking
            assert (model.name, model.slots) == ("checksum", 3)

    run(story())


def test_clients_are_told_the_model_that_is_ready_now() -> None:
    """Not the one that was known first: it may have been replaced by another revision."""
    old, new = Instance("old", revision="1"), Instance("new", revision="2")

    async def story() -> None:
        async with dispatching(old, new) as dispatcher:
            assert (await dispatcher.model()).revision == "1+2"  # an answer may be of either: no cache may mix them up
            old.state = "draining"
            await until_state(dispatcher, "old", "leaving")
            assert (await dispatcher.model()).revision == "2"

    run(story())


# --- targets that cannot do the same ----------------------------------------------------------------------------------


def test_a_fleet_says_that_it_lacks_what_one_of_it_lacks_and_a_prefix_goes_where_it_is_known() -> None:
    """An answer may come from any; who asks all the same is never sent where the beginning would be passed over."""
    able, unable = Instance("able"), Instance("unable")
    unable.lacks = (Wish.CONTEXT, Wish.PREFIX)
    behind = Options(language="English", prefix="one")

    async def story() -> None:
        async with dispatching(able, unable, limits=LimitsConfig(attempts=2)) as dispatcher:
            assert (await dispatcher.model()).lacks == (Wish.CONTEXT, Wish.PREFIX)
            asked = [dispatcher.recognize(make_segment(f"behind-{n}", seed=n), behind) for n in range(12)]
            plain = [ask(dispatcher, f"plain-{n}", seed=n) for n in range(12)]
            await asyncio.gather(*asked, *plain)
            assert {job.options.prefix for job in unable.jobs} == {""}
            assert sum(job.options.prefix == "one" for job in able.jobs) == 12
            dispatcher.remove_target("able")
            with pytest.raises(UnsupportedOption, match="No instance here can go on behind a text"):
                await dispatcher.recognize(make_segment(), behind)
            assert len(unable.jobs) + len(able.jobs) == 24

    run(story())


def test_a_session_stays_at_home_until_home_is_full_or_gone() -> None:
    """By the name that its transcripts bore. Nobody waits for home, and a name that nobody has changes nothing."""
    one, two = Instance("one"), Instance("two")

    def draft(number: int, home: str) -> Segment:
        return dataclasses.replace(make_segment(f"draft-{number}", seed=number), home=home)

    async def story() -> None:
        async with dispatching(one, two, fleet=SLOW_LOOKS) as dispatcher:
            home = ""
            for number in range(9):
                home = (await dispatcher.recognize(draft(number, home), PLAIN)).instance
            here, there = (one, two) if home == "one" else (two, one)
            assert (len(here.seen), len(there.seen)) == (9, 0)
            here.script = Script.GATED
            held = [asyncio.create_task(dispatcher.recognize(draft(n, home), PLAIN)) for n in (20, 21)]
            await here.until(lambda: here.running == 2)
            assert (await dispatcher.recognize(draft(22, home), PLAIN)).instance == there.name
            here.gate.set()
            await asyncio.gather(*held)
            here.script = Script.DIE_BEFORE_TEXT
            assert (await dispatcher.recognize(draft(23, home), PLAIN)).instance == there.name
            here.script = Script.ANSWER
            dispatcher.remove_target(home)
            for name in (home, "nobody"):
                assert (await dispatcher.recognize(draft(24, name), PLAIN)).instance == there.name

    run(story())


def test_an_upstream_is_home_by_the_name_that_it_gives_itself() -> None:
    """Its target is called by its address; its transcripts bear its own name."""
    instances = [Instance("pod-a"), Instance("pod-b")]

    async def story() -> None:
        async with running(*instances), Dispatcher(LimitsConfig(), FAST) as dispatcher:
            for place, instance in enumerate(instances):
                instance.names_itself = True
                dispatcher.add_target(f"10.0.0.{place}", instance.url)
            await dispatcher.wait_ready(5.0, count=2)
            home, seen = "", set[str]()
            for number in range(8):
                segment = dataclasses.replace(make_segment(f"draft-{number}", seed=number), home=home)
                home = (await dispatcher.recognize(segment, PLAIN)).instance
                seen.add(home)
            assert len(seen) == 1
            assert seen <= {"pod-a", "pod-b"}

    run(story())


def test_a_fleet_of_one_kind_lacks_what_its_kind_lacks() -> None:
    """Whichever of it told first."""

    async def story() -> None:
        async with dispatching(Instance("one"), Instance("two")) as dispatcher:
            assert (await dispatcher.model()).lacks == ()

    run(story())


def test_more_slots_are_used_as_soon_as_an_instance_tells_of_them() -> None:
    """Also while it is ready all the time."""
    one = Instance("one", Script.GATED, slots=1)

    async def story() -> None:
        async with dispatching(one) as dispatcher, asyncio.TaskGroup() as group:
            for n in range(3):
                group.create_task(ask(dispatcher, f"req-{n}"))
            await until_waiting(dispatcher, 2)
            one.slots = 3
            await one.until(lambda: one.running == 3)
            one.gate.set()

    run(story())


def test_only_so_many_may_wait_for_the_first_instance() -> None:
    """Each of them holds an upload; the others are told when to come back, and those who waited are served."""
    one = Instance("one")
    one.state = "starting"

    async def story() -> None:
        async with dispatching(one, ready=0) as dispatcher:
            asking = [asyncio.create_task(dispatcher.model()) for _ in range(256)]
            await asyncio.sleep(0)
            with pytest.raises(QueueFull) as caught:
                await dispatcher.model()
            assert caught.value.retry_after_s == 5
            asking.pop().cancel()
            await asyncio.sleep(0)
            asking.append(asyncio.create_task(dispatcher.model()))
            one.state = "ready"
            assert {model.name for model in await asyncio.gather(*asking)} == {"checksum"}

    run(story())


def test_asking_for_the_model_has_an_end() -> None:
    """Nobody told in time."""

    async def story() -> None:
        async with dispatching(limits=LimitsConfig(queue_timeout_s=0.05)) as dispatcher:
            with pytest.raises(NoReadyInstance):
                await dispatcher.model()

    run(story())


def test_health_shows_each_target() -> None:
    """In the order in which they came."""

    async def story() -> None:
        async with dispatching(Instance("b", slots=3), Instance("a")) as dispatcher:
            shown = [(each.name, each.state, each.slots, each.in_flight) for each in dispatcher.health()]
            assert shown == [("b", "ready", 3, 0), ("a", "ready", 2, 0)]

    run(story())


# --- the end ------------------------------------------------------------------------------------------------------


def test_leaving_the_dispatcher_ends_everything_with_an_answer() -> None:
    """What waits and what runs is told that the server shuts down; nothing is left."""
    one = Instance("one", Script.GATED, slots=1)

    async def story() -> list[Transcript | BaseException]:
        async with running(one):
            async with Dispatcher(LimitsConfig(), FAST) as dispatcher:
                dispatcher.add_target("one", one.url)
                requests = [asyncio.create_task(ask(dispatcher, f"req-{n}")) for n in range(3)]
                await one.until(lambda: one.running == 1)
                await until_waiting(dispatcher, 2)
            check_idle(dispatcher)
            await one.until(lambda: one.abandoned == 1)
        return await asyncio.gather(*requests, return_exceptions=True)

    assert [type(each) for each in run(story())] == [Draining] * 3


def test_an_error_of_the_block_comes_out_as_it_is() -> None:
    """Not wrapped into a group of one."""

    async def story() -> None:
        async with dispatching(Instance("one")):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(story())


def test_a_defect_of_our_own_ends_the_block_loudly() -> None:
    """A gateway whose lookout is dead must not go on as if nothing were wrong."""
    one = Instance("one")

    def broken(_name: str, _why: str) -> None:
        raise ZeroDivisionError

    async def story() -> None:
        async with dispatching(one) as dispatcher:
            dispatcher.on_unresponsive = broken
            one.state_body = b"not a state"
            await asyncio.Event().wait()

    with pytest.RaisesGroup(ZeroDivisionError):
        run(story())


@pytest.mark.slow
def test_importing_the_dispatcher_loads_neither_torch_nor_aiohttp() -> None:
    """A gateway starts in well under a second."""
    code = "import sys, harken.dispatch.dispatcher; print(sorted({'torch', 'aiohttp'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"
