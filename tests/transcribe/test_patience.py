"""How a failing piece is tried again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from harken.errors import (
    Draining,
    EngineFailed,
    HarkenError,
    InstanceFailed,
    InternalError,
    NoReadyInstance,
    QueueFull,
    UnsupportedOption,
)
from harken.testing import FakeClock, MisbehavingRecognizer, spell
from harken.transcribe.patience import Patient, Setback, wait_before_retry
from harken.types import ModelInfo, Options, Segment, Send, Transcript

SEGMENT = Segment(samples=spell(["one", "two", "three", "four"]), request_id="r")


def setback(error: HarkenError, retries: int = 0, *, is_told: bool = False, has_results: bool = True) -> Setback:
    """A failed try, right after it began."""
    return Setback(error=error, retries=retries, elapsed_s=0.0, is_told=is_told, has_results=has_results)


def waits(error: HarkenError, *, is_told: bool = False, has_results: bool = True) -> list[float]:
    """How long is waited before each further try, until there is none."""
    found: list[float] = []
    while True:
        state = setback(error, len(found), is_told=is_told, has_results=has_results)
        wait_s = wait_before_retry(state, patience_s=300.0)
        if wait_s is None:
            return found
        found.append(wait_s)


def test_what_may_pass_is_tried_three_times_more_with_longer_waits() -> None:
    """A hint of the error is obeyed within reason."""
    assert waits(EngineFailed()) == [0.5, 2.0, 8.0]
    assert waits(QueueFull(retry_after_s=5)) == [5.0, 5.0, 8.0]
    assert waits(QueueFull(retry_after_s=3600)) == [30.0, 30.0, 30.0]


@pytest.mark.parametrize("error", [InternalError(), UnsupportedOption(), Draining()])
def test_what_will_not_pass_is_told_at_once(error: HarkenError) -> None:
    """A defect, a request that is wrong, a server that leaves."""
    assert waits(error) == []


def test_nothing_is_tried_again_while_nothing_of_the_recording_is_done() -> None:
    """Its client loses nothing, and a full queue must refuse at once."""
    assert waits(QueueFull(), has_results=False) == []


def test_a_piece_on_which_instances_die_is_tried_once_more() -> None:
    """The dispatcher has tried several already; a recording that kills them must not go on for ever."""
    assert waits(InstanceFailed()) == [0.5]


def test_a_piece_whose_text_was_told_is_tried_even_if_nothing_else_is_done() -> None:
    """Nobody beneath may try it again after its first text."""
    assert waits(InstanceFailed(), is_told=True, has_results=False) == [0.5, 2.0]


def test_no_try_begins_after_the_patience_has_run_out() -> None:
    """Whatever waited for all of its time beneath is not made to wait as long again."""
    late = Setback(error=NoReadyInstance(), retries=0, elapsed_s=299.6, is_told=False, has_results=True)
    assert wait_before_retry(late, patience_s=300.0) is None
    assert wait_before_retry(late, patience_s=301.0) == 0.5


@dataclass
class Waits:
    """Sleeps by moving a clock."""

    clock: FakeClock = field(default_factory=FakeClock)
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        """Let that much time pass."""
        self.slept.append(seconds)
        self.clock.advance(seconds)


def recognize(
    recognizer: MisbehavingRecognizer, waits: Waits, sent: list[str] | None = None, *, patience_s: float = 300.0
) -> Transcript:
    """One segment, patiently."""
    patient = Patient(recognizer, patience_s=patience_s, clock=waits.clock, sleep=waits.sleep)
    return asyncio.run(patient.recognize(SEGMENT, Options(), None if sent is None else sent.append))


def test_the_answer_of_a_later_try_counts() -> None:
    """Two failures, then the text; each wait was kept."""
    waits = Waits()
    recognizer = MisbehavingRecognizer(failures=[EngineFailed(), QueueFull(), None])
    assert recognize(recognizer, waits).text == "one two three four"
    assert waits.slept == [0.5, 2.0]


def test_the_last_error_is_raised() -> None:
    """When tries or time run out."""
    waits = Waits()
    failures: list[HarkenError | None] = [EngineFailed(str(number)) for number in range(9)]
    with pytest.raises(EngineFailed, match="3"):
        recognize(MisbehavingRecognizer(failures=failures), waits)
    with pytest.raises(EngineFailed, match="1"):
        recognize(
            MisbehavingRecognizer(failures=[EngineFailed(str(number)) for number in range(9)]), Waits(), patience_s=2.0
        )


def test_only_the_first_try_sends_text() -> None:
    """What was told stays told; the others are silent, so that a dispatcher may try them elsewhere."""
    sent: list[str] = []
    recognizer = MisbehavingRecognizer(failures=[InstanceFailed(), InstanceFailed(), None])
    assert recognize(recognizer, Waits(), sent).text == "one two three four"
    assert sent == [" one", " two"]


@dataclass
class Fickle:
    """Tells the beginning of one text, fails, and then hears another one."""

    texts: list[str]

    async def model(self) -> ModelInfo:
        """Not asked for."""
        raise NotImplementedError

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """Fail if somebody reads along."""
        if send is not None:
            send(self.texts.pop(0))
            raise InstanceFailed("It died.")
        return Transcript(text=self.texts.pop(0), language="English", audio_s=segment.audio_s)


@pytest.mark.parametrize(
    ("heard", "has_results", "is_kept"),
    [("one two three", False, True), ("nine eight", False, False), ("nine eight", True, True)],
)
def test_who_read_the_beginning_of_a_text_is_told_of_no_other(heard: str, has_results: bool, is_kept: bool) -> None:
    """The first error is the answer then, but for a recording of which more would be lost."""
    waits = Waits()
    patient = Patient(Fickle([" one two", heard]), patience_s=300.0, clock=waits.clock, sleep=waits.sleep)
    asked = patient.recognize(SEGMENT, Options(), lambda _: None, has_results=lambda: has_results)
    if is_kept:
        assert asyncio.run(asked).text == heard
    else:
        with pytest.raises(InstanceFailed, match="died"):
            asyncio.run(asked)
