"""One segment to one real server, and every way in which that ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import numpy as np
import pytest

from harken.dispatch.lines.failures import ConnectionLost, Stalled
from harken.dispatch.lines.relay import Relay
from harken.dispatch.lines.session import open_session
from harken.errors import CanaryFailed, Draining, EngineFailed, HarkenError, InstanceFailed, QueueFull, UnknownLanguage
from harken.types import Options, Segment, Send, Transcript
from harken.wire import Job
from tests.dispatch.house import run
from tests.dispatch.instances import Instance, Script, expected_text, make_segment, running


def nobody(_text: str) -> None:
    """Nobody reads."""


def job_of(segment: Segment, *, wants_deltas: bool = True) -> Job:
    """A job without wishes."""
    return Job(segment=segment, options=Options(language="Chinese", context="名字"), wants_deltas=wants_deltas)


async def relayed(instance: Instance, segment: Segment, send: Send = nobody, silence_s: float = 6.0) -> Transcript:
    """Relay one segment over a session of its own."""
    async with running(instance), open_session() as session:
        return await Relay(session, silence_s=silence_s).recognize(instance.url, job_of(segment), send)


def test_text_comes_as_deltas_and_then_whole() -> None:
    """What was sent adds up to the transcript."""
    segment, pieces = make_segment(), list[str]()
    transcript = run(relayed(Instance("one"), segment, pieces.append))
    assert "".join(pieces) == transcript.text == expected_text(segment)
    assert len(pieces) == 2


def test_the_instance_gets_exactly_the_samples_and_the_options() -> None:
    """Thirty seconds, bit for bit; options in any script."""
    one, segment = Instance("one"), make_segment(seconds=30)
    run(relayed(one, segment))
    (job,) = one.jobs
    assert np.array_equal(job.segment.samples, segment.samples)
    assert job.segment.samples.dtype == np.float32
    assert job.options == Options(language="Chinese", context="名字")


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        (Script.DIE_BEFORE_TEXT, ConnectionLost, "was lost"),
        (Script.DIE_AFTER_TEXT, ConnectionLost, "was lost"),
        (Script.STOP_SHORT, InstanceFailed, "without a result"),
        (Script.GARBAGE, InstanceFailed, "broke the protocol"),
        (Script.LONG_LINE, InstanceFailed, "broke the protocol"),
        (Script.ODD_VALUES, InstanceFailed, "broke the protocol"),
        (Script.OTHER_VERSION, InstanceFailed, "no segment should end"),
        (Script.DEFECT, InstanceFailed, "no segment should end"),
        (Script.ERROR_PAGE, InstanceFailed, "HTTP 500"),
        (Script.DRAINING, Draining, "Shutting down"),
        (Script.FULL, QueueFull, "No room"),
        (Script.ENGINE_FAILS, EngineFailed, "The model raised"),
        (Script.CLIENT_FAULT, UnknownLanguage, "No such language"),
    ],
)
def test_every_bad_end_is_one_error_that_says_what_happened(
    script: Script, kind: type[HarkenError], words: str
) -> None:
    """The instance's own words where it ended as a segment may, else ours."""
    with pytest.raises(HarkenError, match=words) as caught:
        run(relayed(Instance("one", script), make_segment()))
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (Script.GARBAGE, "nonsense"),
        (Script.LONG_LINE, "longer than"),
        (Script.ODD_VALUES, "A text is none"),
        (Script.OTHER_VERSION, "wire_error: This side speaks another wire version"),
        (Script.DEFECT, "internal_error: Something went wrong"),
    ],
)
def test_what_an_instance_wrote_in_place_of_an_end_is_for_the_log_alone(script: Script, words: str) -> None:
    """It is the cause, which is logged, and no part of what a client reads."""
    with pytest.raises(InstanceFailed) as caught:
        run(relayed(Instance("one", script), make_segment()))
    assert words in repr(caught.value.__cause__)
    assert words not in caught.value.message


def test_a_segment_does_not_end_as_a_canary_may() -> None:
    """That the model does not know its canary ends a proof; a client would be told of a server that cannot start."""

    async def story() -> None:
        one = Instance("one", Script.WRONG_CANARY)
        async with running(one), open_session() as session:
            relay = Relay(session)
            with pytest.raises(CanaryFailed):
                await relay.prove(one.url)
            await relay.recognize(one.url, job_of(make_segment()), nobody)

    with pytest.raises(InstanceFailed):
        run(story())


def test_retry_after_comes_through() -> None:
    """The instance knows best when it has room."""
    with pytest.raises(QueueFull) as caught:
        run(relayed(Instance("one", Script.FULL), make_segment()))
    assert caught.value.retry_after_s == 3


def test_a_silent_instance_is_given_up() -> None:
    """It took the segment, and then nothing came."""
    with pytest.raises(InstanceFailed, match=r"silent for 0\.1 s"):
        run(relayed(Instance("one", Script.HANG), make_segment(), silence_s=0.1))


@pytest.mark.slow
def test_beats_keep_a_slow_instance() -> None:
    """Silence counts, not time: it takes five times as long as silence may last."""
    one = Instance("one", Script.GATED)

    async def story() -> Transcript:
        asyncio.get_running_loop().call_later(0.75, one.gate.set)
        return await relayed(one, make_segment(), silence_s=0.15)

    assert run(story()).text


def test_a_segment_that_makes_no_progress_is_taken_away() -> None:
    """Its instance lives and says so, again and again the same."""
    one = Instance("one", Script.GATED)
    one.progress = 3

    async def story() -> None:
        async with running(one), open_session() as session:
            with pytest.raises(Stalled, match=r"no progress for 0\.2 s"):
                await Relay(session, stall_s=0.2).recognize(one.url, job_of(make_segment()), nobody)
            await one.until(lambda: one.abandoned == 1)

    run(story())


def test_an_instance_proves_itself() -> None:
    """It is right, wrong, or fails on it as on any other segment."""

    async def story() -> None:
        one = Instance("one")
        async with running(one), open_session() as session:
            relay = Relay(session)
            assert (await relay.prove(one.url)).text == "canary"
            one.canary = "something else"
            with pytest.raises(CanaryFailed, match="something else"):
                await relay.prove(one.url)
            one.script = Script.ENGINE_FAILS
            with pytest.raises(EngineFailed):
                await relay.prove(one.url)
            assert one.proofs == 3
            assert one.jobs == []

    run(story())


def test_nobody_listening_is_a_lost_connection() -> None:
    """Refused at once."""

    async def story() -> None:
        async with open_session() as session:
            await Relay(session).recognize(f"http://127.0.0.1:{free_port()}", job_of(make_segment()), nobody)

    with pytest.raises(ConnectionLost, match="cannot be reached"):
        run(story())


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_that_accepts_and_never_answers_is_given_up() -> None:
    """As a stopped process does: the kernel still takes connections for it."""

    async def story() -> None:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            async with open_session() as session:
                await Relay(session, silence_s=0.1).recognize(url, job_of(make_segment(seconds=30)), nobody)

    with pytest.raises(InstanceFailed, match="silent"):
        run(story())


def test_leaving_closes_the_connection_so_that_the_instance_stops_too() -> None:
    """The instance sees that nobody waits any more."""
    one = Instance("one", Script.GATED)

    async def story() -> None:
        async with running(one), open_session() as session:
            task = asyncio.create_task(Relay(session).recognize(one.url, job_of(make_segment()), nobody))
            await one.until(lambda: one.running == 1)
            task.cancel()
            await one.until(lambda: one.abandoned == 1)

    run(story())
    assert one.running == 0


def test_one_connection_carries_one_segment_after_another() -> None:
    """No new connection for each; a failed segment's end is read to its end as well."""
    one = Instance("one")

    async def story() -> int:
        async with running(one), open_session() as session:
            relay = Relay(session)
            for script in (Script.ANSWER, Script.ENGINE_FAILS, Script.ANSWER, Script.FULL, Script.ANSWER):
                one.script = script
                with contextlib.suppress(EngineFailed, QueueFull):
                    await relay.recognize(one.url, job_of(make_segment()), nobody)
            return len(one.connections)

    assert run(story()) == 1


def test_what_the_readers_side_raises_is_not_blamed_on_the_instance() -> None:
    """Even where it looks like a network error."""

    def broken(_text: str) -> None:
        raise ConnectionResetError("the reader's own")

    one = Instance("one")
    with pytest.raises(ConnectionResetError, match="the reader's own"):
        run(relayed(one, make_segment(), broken))
