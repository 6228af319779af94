"""A clip is checked, bounded, padded and mirrored before the network sees it."""

from __future__ import annotations

import numpy as np
import pytest

from harken.errors import UndecodableAudio
from harken.qwen3_asr.clip import FFT, HOP, frames_of, make_clip
from tests.qwen3_asr import reference


@pytest.mark.parametrize("samples", [0, 1, 7999, 8000, 8001, 16_000, 16_159, 16_160, 128_040])
def test_a_clip_holds_what_its_frames_are_cut_from(samples: int) -> None:
    """The clip with half an analysis window of itself, mirrored, at both ends; as much as its last frame reaches."""
    wave = reference.wave(samples / 16_000)
    padded = np.pad(wave, (0, max(0, 8000 - samples)))
    mirrored = np.pad(padded, FFT // 2, mode="reflect")
    clip = make_clip(wave)
    assert clip.frames == frames_of(samples) == len(padded) // HOP
    assert len(clip.samples) == clip.rows * HOP >= (clip.frames - 1) * HOP + FFT
    assert np.array_equal(clip.samples, mirrored[: len(clip.samples)])


def test_a_clip_that_exceeds_the_range_is_scaled_down() -> None:
    """Twice full scale is full scale, and the caller's array stays as it was."""
    full = reference.wave(1.0)
    full /= np.abs(full).max()
    loud = full * np.float32(2)
    before = loud.copy()
    assert np.array_equal(make_clip(loud).samples, make_clip(full).samples)
    assert np.array_equal(loud, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(bad: float) -> None:
    """One such sample would make every feature of the clip a NaN."""
    wave = reference.wave(1.0)
    wave[100] = bad
    with pytest.raises(UndecodableAudio, match="finite"):
        make_clip(wave)
