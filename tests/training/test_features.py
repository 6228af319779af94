"""Rules of training.features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from training.features import log_mel, token_count, token_times_s


@pytest.mark.slow
@pytest.mark.parametrize("samples", [100, 8000, 16000, 16159, 48123, 128000])
def test_features_are_those_of_transformers_for_a_clip_alone(samples: int) -> None:
    """Equal frames, equal values, whatever the length."""
    from transformers import Qwen3ASRFeatureExtractor

    wave = (np.random.default_rng(samples).standard_normal(samples) * 0.1).astype(np.float32)
    extractor: Any = Qwen3ASRFeatureExtractor  # its types are wrong
    reference = extractor(feature_size=128)(wave, sampling_rate=16000, padding=True)
    frames = max(samples, 8000) // 160
    ours = log_mel(wave)
    assert ours.shape == (128, frames)
    assert torch.allclose(ours, reference["input_features"][0, :, :frames], atol=1e-4)


@pytest.mark.parametrize(("frames", "tokens"), [(100, 13), (1, 1), (50, 7), (800, 104), (3000, 390), (150, 20)])
def test_tokens_follow_from_frames(frames: int, tokens: int) -> None:
    """Thirteen a second; a remainder by three halvings."""
    assert token_count(frames) == tokens


def test_token_times_restart_every_second() -> None:
    """The fourteenth token begins the second second."""
    times = token_times_s(14)
    assert times[12] == pytest.approx(0.96)
    assert times[13] == 1.0
