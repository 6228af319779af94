"""A segment as a form, and as a WAV file."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harken.dispatch.lines.openai.request import Abilities, Option, fields_of, options_of, wav_of
from harken.types import Options
from harken.wire import Job
from tests.dispatch.instances import make_segment


def job(*, wants_deltas: bool = False, **options: object) -> Job:
    """A job with some wishes."""
    return Job(segment=make_segment(), options=Options(**options), wants_deltas=wants_deltas)  # type: ignore[arg-type]


@given(arrays(np.int16, st.integers(0, 200)))
def test_sixteen_bit_samples_come_back_bit_for_bit(pcm: np.ndarray[tuple[int], np.dtype[np.int16]]) -> None:
    """So that an upstream hears exactly what a recording of 16 bits holds."""
    read, rate = soundfile.read(io.BytesIO(wav_of(pcm.astype(np.float32) / np.float32(32_768))), dtype="int16")
    assert rate == 16_000
    assert np.array_equal(read, pcm)


def test_samples_beyond_full_scale_are_clipped_and_never_wrap() -> None:
    """A wrapped sample is a loud click."""
    read, _ = soundfile.read(io.BytesIO(wav_of(np.array([1.5, 1.0, -1.0, -7.0], dtype=np.float32))), dtype="int16")
    assert read.tolist() == [32_767, 32_767, -32_768, -32_768]


def test_a_plain_segment_asks_for_nothing_that_could_be_refused() -> None:
    """A model, a format, a file."""
    asked = options_of(job(), Abilities())
    assert asked == frozenset()
    assert fields_of(job(), "m", asked) == [("model", "m"), ("response_format", "json")]


@pytest.mark.parametrize(
    ("wish", "option"),
    [
        (job(context="Ada"), Option.PROMPT),
        (job(repetition_penalty=1.15), Option.PENALTY),
        (job(wants_logprobs=True), Option.LOGPROBS),
        (job(wants_deltas=True), Option.STREAM),
        (job(wants_words=True), Option.WORDS),
    ],
)
def test_a_wish_is_asked_for_until_it_was_refused(wish: Job, option: Option) -> None:
    """Each by its own field."""
    assert options_of(wish, Abilities()) == {option}
    assert options_of(wish, Abilities().without(option)) == frozenset()
    assert len(fields_of(wish, "", frozenset())) < len(fields_of(wish, "", frozenset({option})))


def test_words_are_asked_for_without_a_stream_and_without_tokens() -> None:
    """No server has them together."""
    wish = job(wants_words=True, wants_logprobs=True, wants_deltas=True)
    assert options_of(wish, Abilities(is_terse=True)) == {Option.WORDS}


def test_a_terse_server_streams_unless_the_language_is_forced() -> None:
    """Then it has nothing to tell."""
    assert options_of(job(), Abilities(is_terse=True)) == {Option.STREAM}
    assert options_of(job(language="English"), Abilities(is_terse=True)) == frozenset()
