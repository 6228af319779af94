"""Spans of speech: the hysteresis, the padding, and that feeding bit by bit changes nothing."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.audio import SpeechRule
from harken.audio.spans import FRAME, Heard, Span, SpanFinder
from harken.types import SAMPLE_RATE


def _feed(finder: SpanFinder, values: list[float], at: int = 0) -> Heard:
    return finder.feed(np.array(values, np.float32), (at + len(values)) * FRAME)


def _spans(values: list[float], rule: SpeechRule) -> list[tuple[float, float]]:
    """All spans at once, in frames."""
    finder = SpanFinder(rule)
    found = (*_feed(finder, values).spans, *finder.finish().spans)
    return [(span.start / FRAME, span.end / FRAME) for span in found]


def _rule(padding_frames: int, **fields: Any) -> SpeechRule:
    padding_s = padding_frames * FRAME / SAMPLE_RATE
    bare: dict[str, Any] = {"threshold": 0.5, "release": 0.3, "min_silence_s": 0.064, "min_speech_s": 0.064}
    return SpeechRule(**(bare | fields), padding_before_s=padding_s, padding_after_s=padding_s)


BARE = _rule(0)


def test_speech_begins_at_the_threshold_and_lasts_until_the_release() -> None:
    """In between it does not flicker, and 0.4 alone does not begin it."""
    assert _spans([0.4, 0.4, 0.6, 0.4, 0.4, 0.2, 0.1, 0.4], BARE) == [(2, 5)]


def test_a_gap_shorter_than_the_shortest_silence_is_bridged() -> None:
    """One frame of two."""
    assert _spans([0.9, 0.9, 0.1, 0.9, 0.9], BARE) == [(0, 5)]
    assert _spans([0.9, 0.9, 0.1, 0.1, 0.9, 0.9], BARE) == [(0, 2), (4, 6)]


def test_a_click_is_no_speech() -> None:
    """One frame is shorter than the shortest speech, in the middle and at the end."""
    assert _spans([0.1, 0.9, 0.1, 0.1, 0.1, 0.9], BARE) == []


def test_padding_stays_inside_and_two_spans_share_a_short_pause() -> None:
    """Spans never overlap; the ones that touch stay two, because a pause is between them."""
    rule = _rule(1, min_silence_s=0.032, min_speech_s=0.0)
    assert _spans([0.9, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.9], rule) == [(0, 2), (2, 5), (6, 8)]
    assert _spans([0.9, 0.1, 0.9], rule) == [(0, 1.5), (1.5, 3)]


def test_padding_may_be_longer_in_front() -> None:
    """A pause that is too short for both is shared in proportion."""
    rule = SpeechRule(
        threshold=0.5, release=0.3, min_silence_s=0.032, min_speech_s=0.0, padding_before_s=0.096, padding_after_s=0.032
    )
    assert _spans([0.9, 0.1, 0.1, 0.9], rule) == [(0, 1.5), (1.5, 4)]
    assert _spans([0.1, 0.1, 0.1, 0.1, 0.9, 0.1, 0.1], rule) == [(1, 6)]


def test_a_span_is_told_as_soon_as_nothing_can_change_it() -> None:
    """While it grows its start is told, and how far it is speech for sure."""
    finder = SpanFinder(_rule(1))
    assert _feed(finder, [0.1, 0.1, 0.9]) == Heard(settled=FRAME)
    assert _feed(finder, [0.9], 3) == Heard(growing_from=FRAME, settled=4 * FRAME)
    assert _feed(finder, [0.1], 4) == Heard(growing_from=FRAME, settled=4 * FRAME)
    assert _feed(finder, [0.1], 5) == Heard(spans=(Span(start=FRAME, end=5 * FRAME),), settled=5 * FRAME)
    assert _feed(finder, [0.1] * 10, 6) == Heard(settled=15 * FRAME)
    assert finder.finish() == Heard(settled=16 * FRAME)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.floats(0, 1, width=32), max_size=200),
    st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)),
    st.integers(0, 511),
    st.lists(st.integers(1, 20), min_size=1, max_size=4),
)
@pytest.mark.slow
def test_feeding_bit_by_bit_gives_the_same_spans(
    values: list[float], padding_s: tuple[float, float], missing: int, steps: list[int]
) -> None:
    """Sorted, disjoint and inside; and what is called settled is never taken back."""
    rule = SpeechRule(padding_before_s=padding_s[0], padding_after_s=padding_s[1])
    n_samples = max(0, FRAME * len(values) - missing)
    finder, whole, found = SpanFinder(rule), SpanFinder(rule), list[Span]()
    at, told = 0, [Heard()]
    while at < len(values):
        some = values[at : at + steps[at % len(steps)]]
        at += len(some)
        told.append(finder.feed(np.array(some, np.float32), min(n_samples, at * FRAME)))
        found += told[-1].spans
    found += finder.finish().spans
    expected = (*whole.feed(np.array(values, np.float32), n_samples).spans, *whole.finish().spans)
    assert tuple(found) == expected
    edges = [edge for span in found for edge in (span.start, span.end)]
    assert edges == sorted(edges)
    assert all(span.start < span.end <= n_samples for span in found)
    for before, after in itertools.pairwise(told):
        assert before.settled <= after.settled
    for heard in told:
        open_ended = [span for span in found if span.start < heard.settled < span.end]
        assert [span.start for span in open_ended] == ([heard.growing_from] if open_ended else [])


@pytest.mark.parametrize("count", [1, 5])
def test_speech_at_the_very_end_is_told_at_the_end(count: int) -> None:
    """It has nothing behind it that could close it."""
    assert _spans([0.1] * 5 + [0.9] * count, _rule(0, min_speech_s=0.0)) == [(5, 5 + count)]
