"""Rules of harken.qwen3_asr.word_times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.qwen3_asr.word_times import SHORTEST_MS, place_words

_TICKS = st.lists(st.integers(0, 60), min_size=2, max_size=60).map(lambda ticks: sorted(ticks[: len(ticks) // 2 * 2]))


def _spans(times_ms: list[int], end_ms: int) -> list[tuple[int, int]]:
    texts = [str(number) for number in range(len(times_ms) // 2)]
    placed = place_words(texts, times_ms, end_ms)
    assert [word.text for word in placed] == texts
    return [(round(word.start_s * 1000), round(word.end_s * 1000)) for word in placed]


@given(ticks=_TICKS, end_ms=st.integers(0, 6000))
def test_words_are_in_order_apart_within_the_audio_and_have_a_width(ticks: list[int], end_ms: int) -> None:
    """For any times that do not run backwards, also such as lie behind the end."""
    spans = _spans([80 * tick for tick in ticks], end_ms)
    flat = [time for span in spans for time in span]
    assert flat == sorted(flat)
    assert flat[0] >= 0
    assert flat[-1] <= end_ms
    assert min(end - start for start, end in spans) >= min(SHORTEST_MS, end_ms // len(spans))


@given(ticks=st.lists(st.integers(0, 60), min_size=2, max_size=40, unique=True).map(sorted))
def test_words_that_have_a_width_stay_where_they_are(ticks: list[int]) -> None:
    """What is right already is not moved."""
    times_ms = [80 * tick for tick in ticks[: len(ticks) // 2 * 2]]
    assert [time for span in _spans(times_ms, 4800) for time in span] == times_ms


@pytest.mark.parametrize(
    ("times_ms", "end_ms", "expected"),
    [
        ([0, 80, 400, 400, 800, 880], 1000, [(0, 80), (360, 400), (800, 880)]),
        ([0, 400, 400, 400, 800, 880], 1000, [(0, 400), (400, 440), (800, 880)]),
        ([0, 400, 400, 400, 400, 880], 1000, [(0, 400), (400, 440), (440, 880)]),
        ([0, 0, 0, 0, 0, 0], 1000, [(0, 40), (40, 80), (80, 120)]),
        ([960, 960, 960, 960, 1040, 1040], 1000, [(880, 920), (920, 960), (960, 1000)]),
        ([0, 0, 0, 0], 30, [(0, 15), (15, 30)]),
        ([80, 2000], 1500, [(80, 1500)]),
    ],
)
def test_a_word_of_no_length_gets_half_a_tick(
    times_ms: list[int], end_ms: int, expected: list[tuple[int, int]]
) -> None:
    """Out of the silence before it, else after it, else from its neighbour; with no room for all, equal shares."""
    assert _spans(times_ms, end_ms) == expected


def test_without_words_there_are_no_times() -> None:
    """An empty text is no error."""
    assert place_words([], [], 1000) == ()
