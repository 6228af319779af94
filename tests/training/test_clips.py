"""Rules of training.clips; they need espeak-ng."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from training.clips import Clip, ClipMaker
from training.espeak import Espeak
from training.script import Limits, draw_digits

_LIMITS = Limits(short_digits=6, long_digits=30, max_s=14.0, long_share=0.3)
_LATEST_GAP_S = 1.3


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    """Eighty clips."""
    maker = ClipMaker(Espeak(), [])
    return [maker.draw(seed, _LIMITS) for seed in range(80)]


@pytest.mark.slow
def test_what_is_said_depends_on_the_seed_alone(clips: list[Clip]) -> None:
    """Not on what was drawn before it."""
    again = ClipMaker(Espeak(), []).draw(41, _LIMITS)
    assert (again.digits, again.language) == (clips[41].digits, clips[41].language)
    assert len(again.samples) == pytest.approx(len(clips[41].samples), rel=0.05)


@pytest.mark.slow
def test_word_times_are_in_order_and_inside(clips: list[Clip]) -> None:
    """One span for every digit, none overlapping the next by more than a moment."""
    timed = [clip for clip in clips if clip.spans_s]
    assert len(timed) > len(clips) * 0.6
    for clip in timed:
        spans = clip.spans_s or ()
        assert len(spans) == len(clip.digits)
        assert all(start < end for start, end in spans)
        assert all(end <= later + 0.05 for (_, end), (later, _) in itertools.pairwise(spans))
        assert spans[-1][1] <= len(clip.samples) / 16000 + 0.01


@pytest.mark.slow
def test_clips_keep_their_limits(clips: list[Clip]) -> None:
    """Digits, seconds, and samples within [-1, 1]."""
    for clip in clips:
        assert len(clip.digits) <= _LIMITS.long_digits
        assert len(clip.samples) / 16000 <= _LIMITS.max_s + _LATEST_GAP_S
        assert float(np.abs(clip.samples).max(initial=0.0)) <= 1.0


@pytest.mark.slow
def test_every_kind_of_answer_occurs(clips: list[Clip]) -> None:
    """Both languages, and recordings without speech."""
    assert {clip.language for clip in clips} == {"English", "Chinese", "None"}
    assert all((clip.language == "None") == (not clip.digits) for clip in clips)


def test_some_strings_repeat_digits_on_purpose() -> None:
    """Runs are what a recogniser miscounts first."""
    rng = random.Random(4)
    runs = sum(
        any(a == b == c for a, b, c in zip(d, d[1:], d[2:], strict=False))
        for d in (draw_digits(rng, 10) for _ in range(300))
    )
    assert runs > 50
