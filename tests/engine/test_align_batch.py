"""Rules of harken.engine.align_batch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.engine.align_batch import BATCH_AUDIO_S, BATCH_SEGMENTS, batch_size


@pytest.mark.parametrize(
    ("audio_s", "count"),
    [
        ([3.0], 1),
        ([400.0], 1),
        ([3.0] * 20, 8),
        ([30.0] * 20, 4),
        ([1.0, 1.0, 30.0, 1.0, 1.0], 4),
        ([20.0] * 6 + [30.0], 6),
    ],
)
def test_a_batch_is_bounded_in_segments_and_in_padded_seconds(audio_s: list[float], count: int) -> None:
    """Every segment is padded to the longest; a longest of its own goes alone."""
    assert batch_size(audio_s) == count


@given(st.lists(st.floats(0.1, 60), min_size=1, max_size=12))
def test_the_bounds_hold_and_somebody_always_goes(audio_s: list[float]) -> None:
    """For any waiting line."""
    count = batch_size(audio_s)
    assert 1 <= count <= BATCH_SEGMENTS
    assert count == 1 or max(audio_s[:count]) * count <= BATCH_AUDIO_S
