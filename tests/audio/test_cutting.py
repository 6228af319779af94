"""Cutting: the partition holds for every input, and the cuts lie where nobody speaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.audio import Cut, CutRule, Span, cut, frame_levels

SECOND = 16_000


def _span(start_s: float, end_s: float) -> Span:
    return Span(start=round(start_s * SECOND), end=round(end_s * SECOND))


def _seconds(pieces: tuple[Cut, ...]) -> list[tuple[float, float, bool]]:
    return [(round(piece.start / SECOND, 2), round(piece.end / SECOND, 2), piece.has_speech) for piece in pieces]


@st.composite
def _recordings(draw: st.DrawFn) -> tuple[int, list[Span]]:
    edges = draw(st.lists(st.integers(0, 600 * SECOND), unique=True, max_size=40))
    edges.sort()
    n_samples = draw(st.integers(edges[-1] if edges else 0, 700 * SECOND))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return n_samples, [Span(start=start, end=end) for start, end in pairs]


@settings(max_examples=150, deadline=None)
@given(
    recording=_recordings(),
    max_segment_s=st.floats(1.0, 40.0),
    long_silence_s=st.floats(0.0, 5.0),
    kept_silence_s=st.floats(0.0, 5.0),
    has_levels=st.booleans(),
)
def test_the_pieces_are_a_partition(
    recording: tuple[int, list[Span]],
    max_segment_s: float,
    long_silence_s: float,
    kept_silence_s: float,
    has_levels: bool,
) -> None:
    """No sample is lost, none comes twice, none is empty or too long, and no speech is called silence."""
    n_samples, speech = recording
    rule = CutRule(max_segment_s=max_segment_s, long_silence_s=long_silence_s, kept_silence_s=kept_silence_s)
    levels = np.random.default_rng(1).random(-(-n_samples // 512), np.float32) if has_levels else None
    pieces = cut(n_samples, speech, rule, levels)
    edges = [0, *(piece.end for piece in pieces)]
    assert [piece.start for piece in pieces] == edges[:-1]
    assert edges[-1] == n_samples
    assert all(0 < len(piece) <= max_segment_s * SECOND for piece in pieces)
    for piece in pieces:
        overlaps = any(span.start < piece.end and piece.start < span.end for span in speech)
        assert piece.has_speech or not overlaps


def test_an_empty_recording_has_no_pieces() -> None:
    """Nothing to cut."""
    assert cut(0, []) == ()


def test_a_short_recording_is_one_piece() -> None:
    """Short silences stay with the speech."""
    assert _seconds(cut(10 * SECOND, [_span(1, 4), _span(5, 9)])) == [(0, 10, True)]


def test_a_silent_recording_has_no_speech() -> None:
    """However short; and long ones are cut into equal pieces."""
    assert _seconds(cut(SECOND, [])) == [(0, 1, False)]
    assert _seconds(cut(60 * SECOND + 1, [])) == [(0, 20, False), (20, 40, False), (40, 60, False)]


def test_long_silences_are_pieces_of_their_own() -> None:
    """With a little of them left to the speech on either side."""
    pieces = cut(60 * SECOND, [_span(10, 20), _span(30, 40)])
    assert _seconds(pieces) == [
        (0, 9.6, False),
        (9.6, 20.4, True),
        (20.4, 29.6, False),
        (29.6, 40.4, True),
        (40.4, 60, False),
    ]


def test_long_speech_is_cut_in_the_middle_of_its_longest_pause() -> None:
    """Within reach: the pause at 10 s is too early, the one at 28 s is shorter."""
    speech = [_span(0, 9), _span(11, 20), _span(21, 27.9), _span(28.1, 45)]
    assert _seconds(cut(45 * SECOND, speech)) == [(0, 20.5, True), (20.5, 45, True)]


def test_the_tail_is_never_tiny() -> None:
    """31 s of speech without a pause are not 30 s and 1 s."""
    pieces = cut(31 * SECOND, [_span(0, 31)])
    assert [piece.has_speech for piece in pieces] == [True, True]
    assert min(map(len, pieces)) >= 7.4 * SECOND


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    """The quiet place at 27 s is in reach of the latest cut at 30 s, the one at 12 s is not."""
    samples = np.full(50 * SECOND, 0.5, np.float32)
    for at in (12, 27):
        samples[at * SECOND : at * SECOND + 3200] = 0.01
    first = cut(len(samples), [_span(0, 50)], levels=frame_levels(samples))[0]
    assert 27.0 <= first.end / SECOND <= 27.2


def test_without_levels_the_cut_is_as_late_as_possible() -> None:
    """There is nothing else to go by."""
    assert cut(70 * SECOND, [_span(0, 70)])[0].end == 30 * SECOND


def test_segments_shorter_than_a_second_are_refused() -> None:
    """A configuration error, not a recording's."""
    with pytest.raises(ValueError, match="too short"):
        cut(SECOND, [], CutRule(max_segment_s=0.5))


def test_levels_are_mean_squares_of_frames() -> None:
    """The last frame may be shorter."""
    samples = np.concatenate([np.full(512, 0.5), np.full(100, 0.25)]).astype(np.float32)
    assert frame_levels(samples).tolist() == [0.25, 0.0625]
    assert len(frame_levels(np.zeros(0, np.float32))) == 0
