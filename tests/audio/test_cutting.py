"""Cutting: the partition holds for every input, the cuts lie where nobody speaks, and feeding changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.audio import CutRule, frame_levels
from harken.audio.cutting import Cut, Cutter
from harken.audio.spans import FRAME, Heard, Span
from tests.audio.plain_cutting import plain_cut

SECOND = 16_000


def _span(start_s: float, end_s: float) -> Span:
    return Span(start=round(start_s * SECOND), end=round(end_s * SECOND))


def _cut(
    n_samples: int, speech: list[Span], rule: CutRule | None = None, levels: list[float] | None = None
) -> list[Cut]:
    """Cut a recording that is known as a whole."""
    cutter = Cutter(rule or CutRule())
    pieces = cutter.feed(Heard(spans=tuple(speech), settled=n_samples), levels or [], n_samples)
    return pieces + cutter.finish(Heard(settled=n_samples))


def _cut_in_steps(
    n_samples: int, speech: list[Span], rule: CutRule, levels: list[float], steps: list[int], lag: int
) -> list[Cut]:
    """Cut it while it is heard, so many samples at a time; what is known lags behind what was heard."""
    cutter, pieces, told, heard = Cutter(rule), [], 0, 0
    while heard < n_samples:
        first = heard // FRAME
        heard = min(n_samples, heard + FRAME * steps[heard % len(steps)])
        settled = max(0, heard - lag)
        finished = [span for span in speech[told:] if span.end < settled]
        told += len(finished)
        growing = speech[told].start if told < len(speech) and speech[told].start < settled else None
        what = Heard(spans=tuple(finished), growing_from=growing, settled=settled)
        pieces += cutter.feed(what, levels[first : -(-heard // FRAME)], heard)
    return pieces + cutter.finish(Heard(spans=tuple(speech[told:]), settled=n_samples))


def _seconds(pieces: list[Cut]) -> list[tuple[float, float, bool]]:
    return [(round(piece.start / SECOND, 2), round(piece.end / SECOND, 2), piece.has_speech) for piece in pieces]


@st.composite
def _recordings(draw: st.DrawFn) -> tuple[int, list[Span]]:
    lengths = draw(st.lists(st.tuples(st.integers(0, 12 * SECOND), st.integers(1, 60 * SECOND)), max_size=20))
    spans, at = [], 0
    for gap, length in lengths:
        spans.append(Span(start=at + gap, end=at + gap + length))
        at += gap + length
    return at + draw(st.sampled_from([0, 1, SECOND, 4 * SECOND, 100 * SECOND])), spans


@settings(max_examples=100, deadline=None)
@given(
    recording=_recordings(),
    rule=st.builds(
        CutRule,
        max_segment_s=st.floats(1.0, 40.0),
        long_silence_s=st.floats(0.0, 5.0),
        kept_silence_s=st.floats(0.0, 5.0),
        splits_at_pauses=st.booleans(),
    ),
    has_levels=st.booleans(),
    steps=st.lists(st.integers(1, 2000), min_size=1, max_size=5),
    lag=st.integers(0, 40_000),
)
def test_the_pieces_are_a_partition_however_the_recording_is_fed(
    recording: tuple[int, list[Span]], rule: CutRule, has_levels: bool, steps: list[int], lag: int
) -> None:
    """No sample is lost, none comes twice, no piece is empty or too long; and they are the plain reference's."""
    n_samples, speech = recording
    levels = np.random.default_rng(1).random(-(-n_samples // FRAME)).tolist() if has_levels else []
    pieces = _cut_in_steps(n_samples, speech, rule, levels, steps, lag)
    assert pieces == plain_cut(n_samples, speech, rule, levels)
    edges = [0, *(piece.end for piece in pieces)]
    assert [piece.start for piece in pieces] == edges[:-1]
    assert edges[-1] == n_samples
    longest = int(rule.max_segment_s * SECOND)
    assert all(0 < len(piece) <= longest for piece in pieces)


@settings(max_examples=50, deadline=None)
@given(recording=_recordings(), max_segment_s=st.floats(1.0, 30.0))
def test_little_is_held_back(recording: tuple[int, list[Span]], max_segment_s: float) -> None:
    """What waits for its piece is never more than the longest piece, a quarter, and a silence that may be long."""
    n_samples, speech = recording
    rule, cutter, decided, told = (
        CutRule(max_segment_s=max_segment_s),
        Cutter(CutRule(max_segment_s=max_segment_s)),
        0,
        0,
    )
    for heard in range(0, n_samples, SECOND):
        finished = [span for span in speech[told:] if span.end < heard]
        told += len(finished)
        growing = speech[told].start if told < len(speech) and speech[told].start < heard else None
        for piece in cutter.feed(Heard(spans=tuple(finished), growing_from=growing, settled=heard), [], heard):
            decided = piece.end
        assert heard - decided <= 1.25 * max_segment_s * SECOND + (rule.long_silence_s + 1) * SECOND


def test_an_empty_recording_has_no_pieces() -> None:
    """Nothing to cut, by any rule."""
    assert _cut(0, []) == _cut(0, [], CutRule(splits_at_pauses=True)) == []


def test_a_short_recording_is_one_piece() -> None:
    """However long its silences are."""
    assert _seconds(_cut(30 * SECOND, [_span(6, 7), _span(15, 19)])) == [(0, 30, True)]


def test_a_silent_recording_has_no_speech() -> None:
    """However short; and long ones are cut into pieces of the greatest length, and a rest."""
    assert _seconds(_cut(SECOND, [])) == [(0, 1, False)]
    assert _seconds(_cut(70 * SECOND, [])) == [(0, 30, False), (30, 60, False), (60, 70, False)]


def test_long_silences_are_pieces_of_their_own() -> None:
    """With a little of them left to the speech on either side."""
    pieces = _cut(60 * SECOND, [_span(10, 20), _span(30, 40)])
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
    assert _seconds(_cut(45 * SECOND, speech)) == [(0, 20.5, True), (20.5, 45, True)]


def test_the_tail_is_never_tiny() -> None:
    """31 s of speech without a pause are not 30 s and 1 s."""
    pieces = _cut(31 * SECOND, [_span(0, 31)])
    assert [piece.has_speech for piece in pieces] == [True, True]
    assert min(map(len, pieces)) >= 7.4 * SECOND


def test_speech_without_a_pause_is_cut_where_it_is_quietest() -> None:
    """The quiet place at 27 s is in reach of the latest cut at 30 s, the one at 12 s is not."""
    samples = np.full(50 * SECOND, 0.5, np.float32)
    for at in (12, 27):
        samples[at * SECOND : at * SECOND + 3200] = 0.01
    first = _cut(len(samples), [_span(0, 50)], levels=frame_levels(samples).tolist())[0]
    assert 27.0 <= first.end / SECOND <= 27.2


def test_without_levels_the_cut_is_as_late_as_possible() -> None:
    """There is nothing else to go by."""
    assert _cut(70 * SECOND, [_span(0, 70)])[0].end == 30 * SECOND


def test_every_pause_divides_where_the_client_asked_for_it() -> None:
    """Also in a short recording, also where the padding of two spans leaves nothing between them."""
    pieces = _cut(10 * SECOND, [_span(1, 3), _span(3, 4), _span(5, 10)], CutRule(splits_at_pauses=True))
    assert _seconds(pieces) == [(0, 1, False), (1, 3, True), (3, 4, True), (4, 5, False), (5, 10, True)]


def test_speech_is_cut_once_a_quarter_of_a_piece_is_known_behind_it() -> None:
    """Nobody waits for the end of a recording of hours."""
    cutter = Cutter(CutRule(max_segment_s=30.0))
    assert cutter.feed(Heard(growing_from=0, settled=37 * SECOND), [], 37 * SECOND) == []
    pieces = cutter.feed(Heard(growing_from=0, settled=38 * SECOND), [], 38 * SECOND)
    assert _seconds(pieces) == [(0, 30, True)]


def test_segments_shorter_than_a_second_are_refused() -> None:
    """A configuration error, not a recording's."""
    with pytest.raises(ValueError, match="too short"):
        Cutter(CutRule(max_segment_s=0.5))
