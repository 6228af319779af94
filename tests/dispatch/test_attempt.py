"""Single attempts, their time, and where their text goes."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientSession

from harken.dispatch.attempt import Pending, attempt, attempt_time_s
from harken.dispatch.lines.failures import Cut
from harken.dispatch.lines.line import DeadLine, Line
from harken.dispatch.lines.session import open_session
from harken.dispatch.lines.wire_line import WireLine
from harken.dispatch.targets.state import Event
from harken.dispatch.targets.target import Claim, Target
from harken.errors import DeadlineExceeded, InstanceFailed, TimedOut
from harken.types import ModelInfo, Options, Send, Transcript
from harken.wire import Job
from tests.dispatch.house import run
from tests.dispatch.instances import Instance, Script, expected_text, make_segment, running


@pytest.mark.parametrize(("audio_s", "limit_s", "time_s"), [(1.0, 300.0, 68.0), (30.0, 300.0, 300.0), (1.0, 5.0, 5.0)])
def test_a_short_segment_has_less_time_than_a_long_one(audio_s: float, limit_s: float, time_s: float) -> None:
    """And none has more than the configured limit."""
    assert attempt_time_s(audio_s, limit_s) == time_s


def ready(name: str, url: str, line: Line) -> Target:
    """A ready target with one slot."""
    target = Target(name, url, line)
    target.model = ModelInfo(name="m", revision="1", max_segment_s=30.0, languages=(), slots=1)
    target.apply(Event.SAID_READY)
    return target


def claimed(instance: Instance, session: ClientSession) -> Claim:
    """A claim on a ready target at the instance's address."""
    return ready(instance.name, instance.url, WireLine(instance.url, session)).claim(lambda: None)


def unheard(_text: str) -> None:
    """Nobody reads."""


async def attempted(
    instance: Instance, *, cut_early: bool = False, timeout_s: float = 5.0, left_s: float | None = None
) -> Transcript:
    """One attempt on a running instance, which is cut once the instance has it, or before it began."""
    job = Job(segment=make_segment(), options=Options(), wants_deltas=False)
    async with running(instance), open_session() as session:
        with claimed(instance, session) as claim:
            if cut_early:
                claim.target.cut("It is gone.")
            return await attempt(claim, job, unheard, timeout_s, left_s)


def test_an_attempt_returns_the_transcript() -> None:
    """The plain case."""
    assert run(attempted(Instance("one"))).text == expected_text(make_segment())


def test_an_attempt_has_a_time_limit() -> None:
    """Beats do not extend it."""
    with pytest.raises(TimedOut, match="one worked on it for longer than"):
        run(attempted(Instance("one", Script.GATED), timeout_s=0.1))


def test_the_clients_deadline_ends_an_attempt_as_its_own_error() -> None:
    """It is not the instance that took too long."""
    with pytest.raises(DeadlineExceeded):
        run(attempted(Instance("one", Script.GATED), left_s=0.1))


def test_a_deadline_that_is_further_away_than_the_limit_changes_nothing() -> None:
    """Then the limit is what ends it."""
    with pytest.raises(TimedOut):
        run(attempted(Instance("one", Script.GATED), timeout_s=0.1, left_s=10.0))


def test_a_claim_that_was_cut_before_its_attempt_began_ends_at_once() -> None:
    """The target was lost between the handing over and the first step."""
    with pytest.raises(Cut, match="It is gone"):
        run(attempted(Instance("one", Script.GATED), cut_early=True))


def test_a_time_out_of_the_readers_side_is_not_taken_for_ours() -> None:
    """It goes through as it is."""
    one = Instance("one")

    def broken(_text: str) -> None:
        raise TimeoutError("the reader's own")

    async def story() -> None:
        job = Job(segment=make_segment(), options=Options(), wants_deltas=True)
        async with running(one), open_session() as session:
            with claimed(one, session) as claim:
                await attempt(claim, job, broken, 5.0)

    with pytest.raises(TimeoutError, match="the reader's own"):
        run(story())


def test_a_ticket_that_nobody_waits_for_takes_no_answer() -> None:
    """Its caller left; an error for it is no defect."""

    async def story() -> None:
        pending = Pending(audio_s=1.0, deadline=1.0)
        pending.refuse(TimedOut())
        pending.take_back()
        pending.handed = asyncio.get_running_loop().create_future()
        pending.handed.cancel()
        pending.refuse(TimedOut())
        assert not pending.is_waiting

    run(story())


class Odd(DeadLine):
    """A line that meets something nobody thought of."""

    async def recognize(self, job: Job, send: Send) -> Transcript:
        """Tell a word, then fail by a defect."""
        send("one")
        raise ValueError("year 10000 is out of range")


def test_a_defect_of_a_line_is_a_failure_of_its_target() -> None:
    """So another one is tried; what went wrong is in the log, and no business of the client's."""
    target = ready("odd", "http://odd", Odd())
    job = Job(segment=make_segment(), options=Options(), wants_deltas=True)

    async def attempted_there(send: Send) -> Transcript:
        with target.claim(lambda: None) as claim:
            return await attempt(claim, job, send, 5.0)

    with pytest.raises(InstanceFailed, match="odd answered something") as failed:
        run(attempted_there(unheard))
    assert failed.value.retryable
    assert "10000" not in failed.value.message


def test_a_defect_of_whoever_takes_the_text_is_none_of_the_targets() -> None:
    """It goes through as it is."""
    target = ready("odd", "http://odd", Odd())
    job = Job(segment=make_segment(), options=Options(), wants_deltas=True)

    def reader(_text: str) -> None:
        raise LookupError("the reader's own")

    async def attempted_there() -> None:
        with target.claim(lambda: None) as claim:
            await attempt(claim, job, reader, 5.0)

    with pytest.raises(LookupError):
        run(attempted_there())
