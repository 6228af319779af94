"""A model made to misbehave, and what the guard makes of it."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.errors import Draining, InstanceFailed, InternalError
from harken.testing import MisbehavingRecognizer, hear, spell
from harken.testing.recognizer import Behaviour
from harken.testing.spelling import WORD_S, WORDS
from harken.transcribe.guard import EXTRA_MAX
from harken.transcribe.mending import mend
from harken.transcribe.result import PlacedTranscript, Repair, RepairKind
from harken.types import SAMPLE_RATE, Finish, Options, Segment

COUNTING = WORDS[:10] * 2
START_S = 100.0
END_S = START_S + len(COUNTING) * WORD_S


def mended(
    recognizer: MisbehavingRecognizer, words: tuple[str, ...] = COUNTING, options: Options | None = None
) -> PlacedTranscript:
    """A piece that begins at 100 s, recognised and mended."""
    segment = Segment(samples=spell(words), request_id="r", start=round(START_S * SAMPLE_RATE))
    wanted = options or Options()

    async def run() -> PlacedTranscript:
        answer = await recognizer.recognize(segment, wanted)
        return await mend(segment, wanted, answer, recognizer.recognize)

    return asyncio.run(run())


def extra_s(recognizer: MisbehavingRecognizer) -> float:
    """Seconds of audio that were recognised beyond the first time."""
    return sum(length for _, length, _ in recognizer.asked[1:]) / SAMPLE_RATE


def loops_if(bad: Behaviour) -> MisbehavingRecognizer:
    """A recognizer of that behaviour."""
    return MisbehavingRecognizer(finish=bad)


def on_seven(segment: Segment, options: Options) -> Finish:
    """A bad spot: whatever holds a seven and more than another word loops."""
    words = [word.text for word in hear(segment.samples)]
    return Finish.LOOP if "seven" in words and len(words) > 2 else Finish.STOP


def test_an_answer_without_trouble_costs_nothing() -> None:
    """It is not asked again, nothing is written down."""
    recognizer = MisbehavingRecognizer()
    found = mended(recognizer)
    assert (found.text, found.repairs) == (" ".join(COUNTING), ())
    assert len(recognizer.asked) == 1


@pytest.mark.parametrize("notices", [True, False])
def test_a_loop_that_a_penalty_cures_is_asked_once_more(notices: bool) -> None:
    """Whether the engine noticed it or only the text shows it."""
    recognizer = MisbehavingRecognizer(
        finish=lambda _, options: Finish.LOOP if options.repetition_penalty == 1.0 else Finish.STOP,
        notices_loops=notices,
    )
    found = mended(recognizer)
    assert found.text == " ".join(COUNTING)
    assert found.finish is Finish.STOP
    assert found.repairs == (Repair(kind=RepairKind.LOOP, start_s=START_S, end_s=END_S, is_resolved=True),)
    assert [options.repetition_penalty for _, _, options in recognizer.asked] == [1.0, 1.15]


def test_a_loop_that_a_penalty_does_not_cure_is_cut_in_two() -> None:
    """Halves, quarters: each in a quiet place, so that every word is there once, at its own time."""
    recognizer = loops_if(lambda segment, _: Finish.LOOP if segment.audio_s > 2.0 else Finish.STOP)
    found = mended(recognizer, options=Options(wants_words=True, wants_logprobs=True))
    assert found.text == " ".join(COUNTING)
    assert (found.start_s, found.end_s) == (START_S, END_S)
    assert found.repairs == (Repair(kind=RepairKind.LOOP, start_s=START_S, end_s=END_S, is_resolved=True),)
    assert [word.text for word in found.words or ()] == list(COUNTING)
    starts = [word.start_s for word in found.words or ()]
    assert starts == pytest.approx([START_S + WORD_S * place for place in range(len(COUNTING))])
    assert found.tokens == len(found.logprobs or ()) == len(COUNTING)
    assert (found.avg_logprob, found.no_speech_prob) == (-0.5, 0.25)


def test_one_bad_spot_costs_only_its_surroundings() -> None:
    """Of a loop that stays, one round is left; the rest of the piece is whole, and the place is flagged."""
    recognizer = loops_if(on_seven)
    found = mended(recognizer, WORDS[:10] * 3)
    assert found.text == " ".join(WORDS[:10] * 3)
    unresolved = [repair for repair in found.repairs if not repair.is_resolved]
    assert len(unresolved) == len(found.repairs) == 3
    assert all(repair.end_s - repair.start_s < 3.0 for repair in unresolved)
    assert found.finish is Finish.LOOP
    assert extra_s(recognizer) <= EXTRA_MAX * 30 * WORD_S


def test_a_loop_that_nothing_cures_is_taken_down_to_one_round_and_flagged() -> None:
    """The text before it is kept, with its words and log-probabilities; what it cost is bounded."""
    recognizer = loops_if(lambda *_: Finish.LOOP)
    found = mended(recognizer, options=Options(wants_words=True, wants_logprobs=True))
    assert found.text == " ".join(COUNTING)
    assert [word.text for word in found.words or ()] == list(COUNTING)
    assert len(found.logprobs or ()) <= len(COUNTING)
    assert found.finish is Finish.LOOP
    assert found.repairs
    assert not any(repair.is_resolved for repair in found.repairs)
    assert extra_s(recognizer) == pytest.approx(EXTRA_MAX * len(COUNTING) * WORD_S)


def test_an_answer_that_ran_into_its_cap_is_cut_at_once() -> None:
    """No penalty first: the model had more to say, not the same again."""
    recognizer = loops_if(lambda segment, _: Finish.LENGTH if segment.audio_s > 4.0 else Finish.STOP)
    found = mended(recognizer)
    assert found.text == " ".join(COUNTING)
    assert found.repairs == (Repair(kind=RepairKind.LENGTH, start_s=START_S, end_s=END_S, is_resolved=True),)
    assert {options.repetition_penalty for _, _, options in recognizer.asked} == {1.0}
    assert len(recognizer.asked) == 3


def test_a_second_look_that_fails_leaves_the_first_answer_flagged() -> None:
    """A bad answer that is marked is worth more than none; but what trying again cannot help is raised."""
    always = MisbehavingRecognizer(finish=lambda *_: Finish.LOOP, failures=[None, InstanceFailed()])
    found = mended(always)
    assert found.text == " ".join(COUNTING)
    assert [repair.is_resolved for repair in found.repairs] == [False]
    for error in (Draining(), InternalError()):
        with pytest.raises(type(error)):
            mended(MisbehavingRecognizer(finish=lambda *_: Finish.LOOP, failures=[None, error]))


def test_a_cap_that_is_always_reached_is_flagged() -> None:
    """The text stays as it is; the reader knows that words may be missing."""
    recognizer = loops_if(lambda *_: Finish.LENGTH)
    found = mended(recognizer)
    assert found.text
    assert found.finish is Finish.LENGTH
    assert {(repair.kind, repair.is_resolved) for repair in found.repairs} == {(RepairKind.LENGTH, False)}
    assert extra_s(recognizer) <= EXTRA_MAX * len(COUNTING) * WORD_S


def test_a_loop_of_marks_leaves_no_more_than_one_of_each_part() -> None:
    """Marks without a word are a loop however long the piece is."""
    found = mended(MisbehavingRecognizer(leaks=True), options=Options(context="!" * 50))
    assert found.text == "!" * len(found.repairs)
    assert not any(repair.is_resolved for repair in found.repairs)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(WORDS[:8]), min_size=1, max_size=40),
    st.floats(0.3, 10.0),
    st.sampled_from([Finish.LOOP, Finish.LENGTH]),
    st.sampled_from([1.0, 1.15, 1.3]),
)
def test_whatever_goes_wrong_ends_within_its_bounds(
    words: list[str], longest_s: float, how: Finish, cure: float
) -> None:
    """A piece of any length, any limit of the model: bounded work, times in order, and right or flagged."""

    def behave(segment: Segment, options: Options) -> Finish:
        return how if segment.audio_s > longest_s and options.repetition_penalty <= cure else Finish.STOP

    recognizer = loops_if(behave)
    found = mended(recognizer, tuple(words), Options(wants_words=True))
    assert extra_s(recognizer) <= EXTRA_MAX * len(words) * WORD_S + 1e-6
    times = [time for word in found.words or () for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    is_resolved = all(repair.is_resolved for repair in found.repairs)
    assert is_resolved == (found.finish is Finish.STOP)
    if is_resolved:
        assert found.text.split() == words
    assert np.isfinite(times).all()
