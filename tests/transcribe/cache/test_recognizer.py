"""What was recognised is not recognised again, and what is being recognised is recognised once."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from harken.errors import DeadlineExceeded, EngineFailed, HarkenError, InstanceFailed, QueueFull, UndecodableAudio
from harken.testing import FakeClock
from harken.types import Finish, Options, Priority, Requester, Segment
from tests.transcribe.cache.askers import GatedRecognizer, ask, cached, settle


def test_what_was_recognised_is_not_recognised_again() -> None:
    """The second answer equals the first, the name of the instance included."""

    async def scene() -> None:
        under = GatedRecognizer()
        under.gate.set()
        async with cached(under) as cache:
            first, second = await ask(cache), await ask(cache)
            assert first == second
            assert (first.is_cached, second.is_cached) == (False, True)
            await ask(cache, seed=1)
        assert len(under.asked) == 2

    asyncio.run(scene())


def test_those_who_ask_at_once_share_one_recognition() -> None:
    """A hundred askers of ten recordings are ten recognitions."""

    async def scene() -> None:
        under = GatedRecognizer()
        async with cached(under) as cache:
            asking = [ask(cache, seed=number % 10) for number in range(100)]
            await settle()
            under.gate.set()
            answers = await asyncio.gather(*asking)
            assert sum(not answer.is_cached for answer in answers) == 10
        assert len(under.asked) == 10

    asyncio.run(scene())


@pytest.mark.parametrize("finish", [Finish.LENGTH, Finish.LOOP])
def test_only_whole_answers_are_kept(finish: Finish) -> None:
    """A bad answer is worth another try."""

    async def scene() -> None:
        under = GatedRecognizer(finish=finish)
        under.gate.set()
        async with cached(under) as cache:
            await ask(cache)
            await ask(cache)
        assert len(under.asked) == 2

    asyncio.run(scene())


def test_an_answer_of_a_model_that_was_replaced_meanwhile_is_not_kept() -> None:
    """Its name says the old model; nobody can tell whose answer it is."""

    async def scene() -> None:
        under = GatedRecognizer()
        async with cached(under) as cache:
            asking = ask(cache)
            await settle()
            under.info = dataclasses.replace(under.info, revision="2")
            under.gate.set()
            await asking
            under.info = dataclasses.replace(under.info, revision="1")
            await ask(cache)
        assert len(under.asked) == 2

    asyncio.run(scene())


def test_keys_do_not_see_each_other_s_answers() -> None:
    """Neither kept ones nor those in flight."""

    async def scene() -> None:
        under = GatedRecognizer()
        async with cached(under) as cache:
            asking = [ask(cache, requester=Requester(key=key)) for key in ("a", "b", "a")]
            await settle()
            under.gate.set()
            await asyncio.gather(*asking)
        assert [one.requester.key for one in under.asked] == ["a", "b"]

    asyncio.run(scene())


def test_who_began_may_leave() -> None:
    """The recognition goes on for the others, and ends when the last one leaves."""

    async def scene() -> None:
        under = GatedRecognizer()
        async with cached(under) as cache:
            asking = [ask(cache) for _ in range(3)]
            await settle()
            asking[0].cancel()
            await settle()
            assert under.running == 1
            asking[1].cancel()
            under.gate.set()
            assert (await asking[2]).text == "one two"
            assert under.cancelled == 0
        assert len(under.asked) == 1

    asyncio.run(scene())


def test_when_all_leave_the_work_is_cancelled() -> None:
    """Down to the slot; and who comes afterwards begins anew."""

    async def scene() -> None:
        under = GatedRecognizer()
        async with cached(under) as cache:
            asking = [ask(cache) for _ in range(3)]
            await settle()
            for one in asking:
                one.cancel()
            late = ask(cache)
            await settle()
            assert under.cancelled == 1
            under.gate.set()
            assert (await late).is_cached is False
        assert len(under.asked) == 2

    asyncio.run(scene())


def test_who_leaves_before_the_work_began_leaves_nothing() -> None:
    """Cancelled in the very moment of asking."""

    async def scene() -> None:
        under = GatedRecognizer()
        async with cached(under) as cache:
            for turns in range(5):
                asking = ask(cache)
                for _ in range(turns):
                    await asyncio.sleep(0)
                asking.cancel()
                await settle()
                assert under.running == 0
            assert not cache._tasks

    asyncio.run(scene())


def test_who_comes_later_is_told_the_text_so_far() -> None:
    """And then every delta, like the first."""

    async def scene() -> None:
        under = GatedRecognizer()
        first: list[str] = []
        later: list[str] = []
        async with cached(under) as cache:
            asking = [ask(cache, send=first.append)]
            await settle()
            asking += [ask(cache, send=later.append), ask(cache)]
            await settle()
            under.gate.set()
            await asyncio.gather(*asking)
        assert first == [" one", " two"]
        assert later == [" one two"]
        assert len(under.asked) == 1

    asyncio.run(scene())


def test_a_failure_reaches_all_who_wait_each_as_his_own_copy() -> None:
    """What one adds to his error must not show in another's."""

    async def scene() -> None:
        under = GatedRecognizer(failures=[UndecodableAudio("bad", retry_after_s=3)])
        under.gate.set()
        async with cached(under) as cache:
            found = await asyncio.gather(*(ask(cache) for _ in range(3)), return_exceptions=True)
            errors = [error for error in found if isinstance(error, UndecodableAudio)]
            assert len(errors) == 3
            assert len({id(error) for error in errors}) == 3
            assert {(error.message, error.retry_after_s) for error in errors} == {("bad", 3)}
        assert len(under.asked) == 1

    asyncio.run(scene())


def test_a_deadline_of_who_began_is_not_that_of_the_others() -> None:
    """They go on: one of them recognises it for the rest."""

    async def scene() -> None:
        under = GatedRecognizer(failures=[DeadlineExceeded()])
        under.gate.set()
        async with cached(under) as cache:
            found = await asyncio.gather(*(ask(cache) for _ in range(4)), return_exceptions=True)
        assert isinstance(found[0], DeadlineExceeded)
        assert [isinstance(one, Exception) for one in found[1:]] == [False] * 3
        assert len(under.asked) == 2

    asyncio.run(scene())


@pytest.mark.parametrize("second", [None, 200.0])
@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_recognition_outlasts_the_deadline_of_who_began_it(second: float | None, *, is_streamed: bool) -> None:
    """He leaves; it goes on for those who have time, and who was told its beginning is told its end."""

    async def scene() -> None:
        under, clock = GatedRecognizer(), FakeClock(100.0)
        async with cached(under, clock=clock) as cache:
            heard: list[str] = []
            send = heard.append if is_streamed else None
            first = ask(cache, send=send, requester=Requester(deadline=100.02))
            await settle()
            others = [ask(cache, send=send, requester=Requester(deadline=second)) for _ in range(3)]
            with pytest.raises(DeadlineExceeded):
                await first
            under.gate.set()
            assert {answer.text for answer in await asyncio.gather(*others)} == {"one two"}
        assert "".join(heard) == (" one two" * 4 if is_streamed else "")
        (asked,) = under.asked
        assert (asked.requester.deadline, asked.requester.ends_at) == (100.02, None)

    asyncio.run(scene())


def test_who_has_no_time_left_leaves_nothing_running() -> None:
    """His deadline is over before anything began."""

    async def scene() -> None:
        under = GatedRecognizer()
        async with cached(under, clock=FakeClock(100.0)) as cache:
            with pytest.raises(DeadlineExceeded):
                await ask(cache, requester=Requester(deadline=99.0))
            await settle()
            assert under.running == 0
            assert not cache._tasks

    asyncio.run(scene())


def test_nobody_waits_for_others_again_and_again() -> None:
    """Whoever followed twice in vain asks for himself, so that every asking ends."""

    async def scene() -> None:
        under = GatedRecognizer(failures=[DeadlineExceeded()] * 100)
        under.gate.set()
        async with cached(under) as cache:
            found = await asyncio.gather(*(ask(cache) for _ in range(5)), return_exceptions=True)
        assert all(isinstance(one, DeadlineExceeded) for one in found)
        assert len(under.asked) == 5

    asyncio.run(scene())


def test_a_full_queue_refuses_all_new_ones_and_no_accepted_one() -> None:
    """A recording in its middle is never refused, whoever stands before it."""

    async def scene() -> None:
        under = GatedRecognizer(failures=[QueueFull()])
        under.gate.set()
        async with cached(under) as cache:
            found = await asyncio.gather(ask(cache), ask(cache), ask(cache, index=3), return_exceptions=True)
        assert [type(one).__name__ for one in found] == ["QueueFull", "QueueFull", "Transcript"]

    asyncio.run(scene())


def test_a_deadline_that_only_hurries_ends_nothing() -> None:
    """It is over before anything began, and the answer comes all the same."""

    async def scene() -> None:
        under = GatedRecognizer()
        under.gate.set()
        async with cached(under, clock=FakeClock(100.0)) as cache:
            hurried = Requester(deadline=99.0, is_bound=False)
            assert (await ask(cache, requester=hurried)).text == "one two"

    asyncio.run(scene())


def test_a_follower_s_own_deadline_ends_his_waiting() -> None:
    """The recognition goes on for those who have time."""

    async def scene() -> None:
        under, clock = GatedRecognizer(), FakeClock(100.0)
        async with cached(under, clock=clock) as cache:
            patient = ask(cache)
            await settle()
            with pytest.raises(DeadlineExceeded):
                await ask(cache, requester=Requester(deadline=100.01))
            under.gate.set()
            assert (await patient).text == "one two"
        assert len(under.asked) == 1

    asyncio.run(scene())


def test_a_higher_class_does_not_wait_for_a_lower_one() -> None:
    """It begins its own; a class below joins that."""

    async def scene() -> None:
        under = GatedRecognizer()
        async with cached(under) as cache:
            classes = (Priority.BATCH, Priority.LIVE, Priority.INTERACTIVE, Priority.BATCH)
            asking = []
            for priority in classes:
                asking.append(ask(cache, requester=Requester(priority=priority)))
                await settle()
            under.gate.set()
            await asyncio.gather(*asking)
        assert [one.requester.priority for one in under.asked] == [Priority.BATCH, Priority.LIVE]

    asyncio.run(scene())


def test_who_heard_nothing_tries_again_where_text_had_gone_to_another() -> None:
    """Because text had left, no other instance could be tried; for him it can."""

    async def scene() -> None:
        under = GatedRecognizer(failures=[InstanceFailed()])
        heard: list[str] = []
        async with cached(under) as cache:
            streamed = ask(cache, send=heard.append)
            await settle()
            whole = ask(cache)
            await settle()
            under.gate.set()
            with pytest.raises(InstanceFailed):
                await streamed
            assert (await whole).text == "one two"

    asyncio.run(scene())


def test_a_failure_of_the_model_without_text_is_everybody_s() -> None:
    """All of the dispatcher's tries were made for all of them."""

    async def scene() -> None:
        under = GatedRecognizer(failures=[EngineFailed()])
        under.gate.set()
        async with cached(under) as cache:
            found = await asyncio.gather(ask(cache), ask(cache), return_exceptions=True)
        assert all(isinstance(one, EngineFailed) for one in found)

    asyncio.run(scene())


def test_a_defect_beneath_is_told_to_all_and_stops_nothing() -> None:
    """Nobody waits for ever, and the next asking is served."""

    class Defective(GatedRecognizer):
        async def recognize(self, segment: Segment, options: Options, send: object = None) -> object:  # type: ignore[override]
            self.asked.append(segment)
            raise ZeroDivisionError

    async def scene() -> None:
        under = Defective()
        async with cached(under) as cache:
            found = await asyncio.gather(ask(cache), ask(cache), return_exceptions=True)
            assert all(isinstance(one, ZeroDivisionError) for one in found)
            assert len(under.asked) == 1

    asyncio.run(scene())


def test_at_the_end_whoever_waits_is_told() -> None:
    """A server that goes leaves nobody waiting."""

    async def scene() -> None:
        under = GatedRecognizer()
        async with cached(under) as cache:
            asking = [ask(cache) for _ in range(3)]
            await settle()
            await cache.close()
            found = await asyncio.gather(*asking, return_exceptions=True)
            assert {type(one).__name__ for one in found} == {"Draining"}
            assert all(isinstance(one, HarkenError) for one in found)
        assert under.cancelled == 1

    asyncio.run(scene())
