"""The features of a clip are those of the clip alone, sample for sample as the reference computes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harken.errors import UndecodableAudio
from harken.qwen3_asr.features import frames_of, log_mel
from tests.qwen3_asr import reference


@pytest.mark.parametrize("samples", [1, 159, 4800, 7999, 8000, 8001, 16_000, 16_079, 16_159, 16_161, 127_840, 128_160])
def test_features_equal_the_reference_for_a_clip_alone(samples: int) -> None:
    """Any length, also such that fall between frames or under half a second."""
    clip = reference.wave(samples / 16_000, seed=samples)
    features, mask = reference.reference_features(clip)
    computed = log_mel(clip)
    assert computed.shape == (128, int(mask.sum())) == (128, frames_of(samples))
    assert (computed - features[0, :, : computed.shape[1]]).abs().max() <= 1e-5


@pytest.mark.parametrize("samples", [0, 5, 20_000])
def test_silence_has_finite_features(samples: int) -> None:
    """An empty or silent clip lies on the floor of the logarithm everywhere."""
    assert torch.equal(log_mel(np.zeros(samples, np.float32)), torch.full((128, frames_of(samples)), -1.5))


def test_a_clip_that_exceeds_the_range_is_scaled_down() -> None:
    """Twice full scale gives the features of full scale, and the caller's array stays as it was."""
    clip = reference.wave(1.0)
    full = clip / np.abs(clip).max()
    loud = full * np.float32(2)
    before = loud.copy()
    assert torch.equal(log_mel(loud), log_mel(full))
    assert np.array_equal(loud, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(bad: float) -> None:
    """One such sample would make every feature of the clip a NaN."""
    clip = reference.wave(1.0)
    clip[100] = bad
    with pytest.raises(UndecodableAudio, match="finite"):
        log_mel(clip)
