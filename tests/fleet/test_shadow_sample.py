"""Which segments of the traffic are kept for a shadow sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.fleet.shadow import Heard
from harken.fleet.shadow_sample import Samples
from harken.types import ANYBODY, Options, Requester, Segment

SECOND = 16_000


def offer(samples: Samples, seconds: float, language: str = "English", request: str = "req", mark: float = 0.0) -> bool:
    """A segment of somebody's recording; all its samples are `mark`."""
    sound = np.full(int(seconds * SECOND), mark, np.float32)
    segment = Segment(samples=sound, request_id=request, requester=Requester(key="somebody"))
    return samples.offer(segment, Options(), Heard(text="hello", language=language))


def marks(samples: Samples) -> list[float]:
    """Which ones are kept, oldest first."""
    return [float(sample.segment.samples[0]) for sample in samples]


OFFERS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.01, 0.5, 1.0, 2.5]),
        st.sampled_from(["", "English", "Chinese"]),
        st.sampled_from(["a", "b", "c"]),
    ),
    max_size=40,
)


@pytest.mark.slow
@given(OFFERS, st.integers(0, 5), st.sampled_from([1.0, 3.0, 100.0]))
def test_whatever_is_offered_the_bounds_hold_and_kinds_do_not_get_fewer(
    offers: list[tuple[float, str, str]], wanted: int, audio_s: float
) -> None:
    """In segments and in audio-seconds."""
    samples, before = Samples(wanted, audio_s), 0
    for seconds, language, request in offers:
        offer(samples, seconds, language, request)
        assert len(samples) <= wanted
        assert sum(sample.segment.audio_s for sample in samples) == samples.held_s <= audio_s
        kinds = len({sample.kind for sample in samples})
        if audio_s == 100.0:
            assert kinds >= before
        before = kinds


def test_a_rush_of_clips_leaves_the_one_long_chinese_segment() -> None:
    """It is the only one of its kind."""
    samples = Samples(4, 300.0)
    offer(samples, 20.0, "Chinese", mark=0.5)
    for number in range(50):
        offer(samples, 1.0, request=f"clip-{number}")
    assert len(samples) == 4
    assert 0.5 in marks(samples)


def test_one_long_recording_makes_room_for_others() -> None:
    """As soon as there are others."""
    samples = Samples(4, 300.0)
    for _ in range(8):
        offer(samples, 20.0, request="file")
    assert [offer(samples, 20.0, request=f"other-{n}", mark=0.25) for n in range(5)] == [True, True, True, False, False]
    assert {sample.source for sample in samples} == {"file", "other-0", "other-1", "other-2"}


def test_what_is_not_more_varied_is_not_copied() -> None:
    """Heavy traffic of one kind costs a comparison per segment."""
    samples = Samples(2, 300.0)
    assert [offer(samples, 1.0, request=f"clip-{n}") for n in range(4)] == [True, True, False, False]


def test_a_kept_segment_is_a_copy_that_names_nobody() -> None:
    """Neither the recording that it was cut from nor its client's key stays in memory through it."""
    samples = Samples(1, 300.0)
    recording = np.zeros(100 * SECOND, np.float32)
    segment = Segment(samples=recording[:SECOND], request_id="req-7", requester=Requester(key="somebody"))
    samples.offer(segment, Options(), Heard(text="", language=""))
    (kept,) = samples
    recording[:] = 1.0
    assert kept.segment.samples.base is None
    assert not kept.segment.samples.any()
    assert (kept.segment.requester, "req" in kept.segment.request_id) == (ANYBODY, False)


def test_a_segment_longer_than_all_that_may_be_held_is_not_taken() -> None:
    """Nor an empty one."""
    samples = Samples(4, 2.0)
    assert [offer(samples, seconds) for seconds in (3.0, 0.0)] == [False, False]


def test_as_much_audio_as_may_be_held_is_enough() -> None:
    """However few segments that are."""
    samples = Samples(20, 30.0)
    offer(samples, 26.0)
    assert not samples.is_enough
    offer(samples, 3.0)
    assert samples.is_enough


def test_cleared_samples_are_gone() -> None:
    """With their audio."""
    samples = Samples(4, 300.0)
    offer(samples, 1.0)
    samples.clear()
    assert (len(samples), samples.held_s) == (0, 0.0)
