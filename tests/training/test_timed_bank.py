"""Rules of training.timed_bank and of word times in a bank."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.bank import Recording, load, save
from training.timed_bank import FliteError, trimmed, word_starts

_PRINTED = "pau:0.152 w:0.252 ah:0.327 n:0.400 ey:0.551 t:0.617 pau:0.7 t:0.8 uw:0.9 pau:1.0 "


def test_word_starts_are_counted_off_the_phones() -> None:
    """One, eight, two: three phones, two, and two behind a pause."""
    assert word_starts(_PRINTED, (1, 8, 2)) == [0.152, 0.400, 0.7]


def test_other_phones_than_the_digits_have_are_an_error() -> None:
    """Times of the wrong words would teach nonsense."""
    with pytest.raises(FliteError):
        word_starts(_PRINTED, (1, 8))


def _recording(spans: tuple[tuple[float, float], ...] | None) -> Recording:
    return Recording(samples=np.full(16000, 0.25, np.float32), rate_hz=16000, digits=(1, 2), speaker="x", spans_s=spans)


def test_trimming_moves_the_times() -> None:
    """From 10 ms before the first word to 10 ms behind the last."""
    cut = trimmed(_recording(((0.3, 0.5), (0.5, 0.8))))
    assert len(cut.samples) == pytest.approx(0.52 * 16000, abs=2)
    assert np.allclose(cut.spans_s or (), ((0.01, 0.21), (0.21, 0.51)))


@pytest.mark.parametrize("spans", [None, ((0.1, 0.4), (0.4, 0.7))])
def test_a_bank_keeps_its_word_times(tmp_path: Path, spans: tuple[tuple[float, float], ...] | None) -> None:
    """Where it has any."""
    save([_recording(spans), _recording(spans)], tmp_path / "bank.npz")
    read = load(tmp_path / "bank.npz")
    assert [recording.spans_s for recording in read] == [spans, spans]
    assert [recording.digits for recording in read] == [(1, 2), (1, 2)]
