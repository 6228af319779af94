"""Pieces out of samples: the same however they are fed, whole, and in one scale each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harken.audio import CutRule, Piece, SpeechRule
from harken.audio.segmenting import Segmenter
from harken.audio.spans import FRAME
from harken.audio.voice_activity import CALL_SAMPLES

SECOND = 16_000


def loudness(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stands for the model: what is loud is speech."""
    frames = np.resize(
        np.append(samples, np.zeros(-len(samples) % FRAME, np.float32)), (-(-len(samples) // FRAME), FRAME)
    )
    return np.asarray(np.clip(np.abs(frames).max(axis=1), 0.0, 1.0), np.float32)


class Loudness:
    """A detector that takes loudness for speech; `louder` is what it makes of samples that nothing was heard in."""

    def __init__(self, louder: float = 1.0) -> None:
        self._louder = louder
        self.glances = 0
        self.heard = 0

    def listen(self) -> Loudness:
        """Nothing is remembered."""
        return self

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """What is loud is speech."""
        self.heard += len(samples)
        return loudness(samples)

    def probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """What is loud is speech; counts how often only a part was asked for."""
        self.glances += 1
        return loudness(samples)

    def loud_probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """As loud as the test wants."""
        return loudness(samples * np.float32(self._louder))


def pieces_of(
    samples: NDArray[np.float32],
    cut: CutRule,
    steps: list[int] | None = None,
    speech: SpeechRule | None = None,
    louder: float = 1.0,
) -> list[Piece]:
    """Feed so many samples at a time."""
    segmenter, found, at = Segmenter(Loudness(louder), cut, speech or SpeechRule()), list[Piece](), 0
    while at < len(samples):
        count = steps[at % len(steps)] if steps else len(samples)
        found += segmenter.feed(samples[at : at + count])
        at += count
    return found + segmenter.finish()


def recording(*parts: tuple[float, float]) -> NDArray[np.float32]:
    """Stretches of so many seconds and such a loudness."""
    chance = np.random.default_rng(3)
    return np.concatenate(
        [chance.uniform(-level, level, round(seconds * SECOND)).astype(np.float32) for seconds, level in parts]
    )


class Deaf(Loudness):
    """Hears speech in nothing but what is not too loud: a door is no word."""

    def probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """A door is no word."""
        found = super().probabilities(samples)
        return np.zeros_like(found) if found.max() > 0.95 else found


@pytest.mark.parametrize(
    ("parts", "glances", "is_heard"),
    [
        (((2, 0.8), (1, 0.0), (0.2, 1.0), (1, 0.0)), 2, False),
        (((2, 0.3), (1, 0.0), (0.2, 1.0), (1, 0.0)), 2, True),
        (((0.2, 1.0),), 1, True),
    ],
)
def test_where_the_loudest_place_is_no_speech_there_is_one_more_glance(
    parts: tuple[tuple[float, float], ...], glances: int, is_heard: bool
) -> None:
    """Elsewhere; where that says nothing either, or there is no elsewhere, all of it is heard."""
    ear = Deaf()
    segmenter = Segmenter(ear, CutRule(), TEXT_ONLY)
    assert [*segmenter.feed(recording(*parts)), *segmenter.finish()]
    assert (ear.glances, ear.heard > 0) == (glances, is_heard)


@settings(max_examples=12, deadline=None)
@given(
    parts=st.lists(
        st.tuples(st.floats(0.01, 8.0), st.sampled_from([0.0, 0.05, 0.3, 0.9, 1.7])), min_size=1, max_size=12
    ),
    max_segment_s=st.floats(1.0, 12.0),
    splits=st.booleans(),
    steps=st.lists(st.integers(1, 3 * CALL_SAMPLES), min_size=1, max_size=4),
)
def test_any_blocks_give_the_same_pieces_and_together_they_are_the_recording(
    parts: list[tuple[float, float]], max_segment_s: float, splits: bool, steps: list[int]
) -> None:
    """Sample by sample: places, probabilities, and what is in them."""
    samples = recording(*parts)
    rule = CutRule(max_segment_s=max_segment_s, splits_at_pauses=splits)
    pieces, whole = pieces_of(samples, rule, steps), pieces_of(samples, rule)
    assert [piece.end for piece in pieces] == [piece.end for piece in whole]
    peak = 1.0
    for piece, same in zip(pieces, whole, strict=True):
        raw = samples[piece.start : piece.end]
        peak = max(peak, float(np.abs(raw).max()))
        assert (piece.has_speech, piece.speech_prob) == (same.has_speech, same.speech_prob)
        assert np.array_equal(piece.samples, same.samples)
        assert np.allclose(piece.samples, raw / peak if piece.has_speech else raw[:0], atol=1e-6)
        assert piece.samples.size == 0 or np.abs(piece.samples).max() <= 1.0
    assert [piece.start for piece in pieces] == [0, *(piece.end for piece in pieces[:-1])]
    assert pieces[-1].end == len(samples)


def test_silence_holds_no_samples() -> None:
    """An hour of it is a few numbers."""
    pieces = pieces_of(recording((5, 0.9), (200, 0.01), (5, 0.9)), CutRule(max_segment_s=20))
    assert [piece.has_speech for piece in pieces] == [True, *[False] * 10, True]
    assert sum(piece.samples.nbytes for piece in pieces) < 4 * 12 * SECOND
    assert all(piece.speech_prob < 0.02 for piece in pieces if not piece.has_speech)


@pytest.mark.parametrize(
    ("possible", "louder", "is_kept"), [(0.1, 1.0, True), (0.3, 1.0, False), (0.3, 3.0, True), (None, 3.0, False)]
)
def test_what_may_be_speech_is_kept_though_it_is_no_run(possible: float | None, louder: float, is_kept: bool) -> None:
    """A faint word never reaches the threshold; as it is, or made louder, it may still be told from nothing at all."""
    faint = recording((0.5, 0.0), (0.1, 0.2), (0.5, 0.0))
    (piece,) = pieces_of(faint, CutRule(), speech=SpeechRule(possible=possible), louder=louder)
    assert piece.has_speech == is_kept
    assert piece.samples.size == (faint.size if is_kept else 0)


@pytest.mark.parametrize("length", [1, 511, 513, CALL_SAMPLES, CALL_SAMPLES + 1])
def test_the_shortest_recordings_are_one_piece(length: int) -> None:
    """One sample, and lengths around a frame and a call of the model."""
    samples = np.full(length, 0.5, np.float32)
    (piece,) = pieces_of(samples, CutRule())
    assert (piece.start, piece.end, piece.has_speech) == (0, length, True)
    assert piece.speech_prob == pytest.approx(0.5)
    assert np.array_equal(piece.samples, samples)


def test_a_piece_owns_its_samples() -> None:
    """Holding a piece holds nothing else of the recording."""
    for piece in pieces_of(recording((30, 0.9)), CutRule(max_segment_s=4)):
        assert piece.samples.base is None
        assert piece.samples.flags.writeable


def test_an_early_peak_counts_until_the_end_and_a_late_one_from_there_on() -> None:
    """The largest of all is known only at the end; each piece has one factor."""
    samples = recording((3, 0.5), (1, 0.0), (3, 2.0), (1, 0.0), (3, 1.0))
    pieces = [piece for piece in pieces_of(samples, CutRule(splits_at_pauses=True)) if piece.has_speech]
    assert [float(np.abs(piece.samples).max()) for piece in pieces] == pytest.approx([0.5, 1.0, 0.5], abs=0.01)


def test_a_piece_knows_where_somebody_speaks() -> None:
    """From its first to its last frame that is clearly speech; unknown where none is."""
    samples = np.zeros(4 * SECOND, np.float32)
    samples[SECOND : 2 * SECOND] = 0.5
    (piece,) = pieces_of(samples, CutRule(max_segment_s=30.0))
    assert piece.speech_start is not None
    assert piece.speech_end is not None
    assert SECOND - FRAME < piece.speech_start <= SECOND
    assert 2 * SECOND <= piece.speech_end < 2 * SECOND + FRAME
    (soft,) = pieces_of(samples * np.float32(0.2), CutRule(max_segment_s=30.0))
    assert soft.has_speech
    assert soft.speech_start is None


TEXT_ONLY = SpeechRule(wants_times=False)


def test_where_only_the_text_is_wanted_a_clear_recording_is_not_heard_to_its_end() -> None:
    """A glance at its loudest place says that it is not silent; the samples are those that hearing all of it gives."""
    samples, ear = recording((9, 0.0), (1, 0.9), (9, 0.1)), Loudness()
    segmenter = Segmenter(ear, CutRule(), TEXT_ONLY)
    (piece,) = [*segmenter.feed(samples), *segmenter.finish()]
    assert (ear.glances, ear.heard) == (1, 0)
    assert (piece.start, piece.end, piece.has_speech, piece.speech_start) == (0, len(samples), True, None)
    (same,) = pieces_of(samples, CutRule())
    assert np.array_equal(piece.samples, same.samples)


@settings(max_examples=12, deadline=None)
@given(
    parts=st.lists(
        st.tuples(st.floats(0.01, 8.0), st.sampled_from([0.0, 0.05, 0.45, 0.9, 1.7])), min_size=1, max_size=6
    ),
    max_segment_s=st.floats(1.0, 12.0),
    splits=st.booleans(),
    steps=st.lists(st.integers(1, 3 * CALL_SAMPLES), min_size=1, max_size=4),
)
def test_not_asking_for_times_changes_no_piece(
    parts: list[tuple[float, float]], max_segment_s: float, splits: bool, steps: list[int]
) -> None:
    """Whether a glance was enough, or all was heard after all: the same places, the same samples."""
    samples, rule = recording(*parts), CutRule(max_segment_s=max_segment_s, splits_at_pauses=splits)
    glanced, heard = pieces_of(samples, rule, steps, TEXT_ONLY), pieces_of(samples, rule, steps)
    for one, same in zip(glanced, heard, strict=True):
        assert (one.start, one.end, one.has_speech) == (same.start, same.end, same.has_speech)
        assert np.array_equal(one.samples, same.samples)
