"""The features of a clip are those of the clip alone, sample for sample as the reference computes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from harken.qwen3_asr import features
from harken.qwen3_asr.clip import FFT, HOP, Clip, frames_of, make_clip
from harken.qwen3_asr.features import log_mel, mel_filters
from tests.qwen3_asr import reference

CPU = torch.device("cpu")
LENGTHS = (1, 159, 4800, 7999, 8000, 8001, 16_000, 16_079, 16_159, 16_161, 127_840, 128_000, 128_160)
WINDOW = 800


def _features(clips: list[Clip]) -> list[Tensor]:
    return log_mel(clips, mels=128, window_frames=WINDOW, device=CPU).clips


def _alone(wave: reference.Wave) -> Tensor:
    return _features([make_clip(wave)])[0]


def _plain(wave: reference.Wave) -> Tensor:
    """The same by torch's own short-time transform: slow, whole, one clip."""
    padded = torch.from_numpy(np.pad(wave, (0, max(0, 8000 - len(wave)))))
    spectrum = torch.stft(padded, 400, 160, window=torch.hann_window(400), pad_mode="reflect", return_complex=True)
    log = (mel_filters(128) @ spectrum[:, :-1].abs().square()).clamp(min=1e-10).log10()
    return (torch.maximum(log, log.max() - 8.0) + 4.0) / 4.0


@pytest.mark.parametrize("samples", LENGTHS)
def test_features_equal_the_reference_for_a_clip_alone(samples: int) -> None:
    """Any length, also such that fall between frames or under half a second."""
    wave = reference.wave(samples / 16_000, seed=samples)
    expected, mask = reference.reference_features(wave)
    computed = _alone(wave)
    assert computed.shape == (128, int(mask.sum())) == (128, frames_of(samples))
    assert (computed - expected[0, :, : computed.shape[1]]).abs().max() <= 1e-5
    assert (computed - _plain(wave)).abs().max() <= 1e-5


def test_no_other_clip_changes_a_bit() -> None:
    """Many lengths in one pass, louder neighbours and a single frame at a window's border among them."""
    waves = [reference.wave(samples / 16_000, seed) for seed, samples in enumerate((*LENGTHS, 300_000))]
    waves[3] *= 8
    together = _features([make_clip(wave) for wave in waves])
    for wave, computed in zip(waves, together, strict=True):
        assert torch.equal(computed, _alone(wave))


def test_what_follows_a_window_does_not_change_a_bit_of_it() -> None:
    """A clip that goes on has the same first window, but for the frames that looked over its end and for the floor."""
    wave = reference.wave(24.3)
    whole = _alone(wave)
    for seconds in (8.01, 9.0, 16.5):
        begun = _alone(wave[: round(seconds * 16_000)])
        full = begun.shape[1] // WINDOW * WINDOW
        floor = max(float(begun.min()), float(whole.min()))
        assert torch.equal(begun[:, :full].clamp(min=floor), whole[:, :full].clamp(min=floor))


def test_blocks_over_all_clips_give_the_same_within_rounding() -> None:
    """What a GPU does, here on the CPU: rows of several clips, and some of none, in one product."""
    clips = [make_clip(reference.wave(samples / 16_000, seed)) for seed, samples in enumerate(LENGTHS)]
    frames = torch.from_numpy(np.concatenate([clip.samples for clip in clips])).unfold(0, FFT, HOP)
    log = torch.cat([features._log_power(frames[rows], 128) for rows in features._blocks(clips, len(frames), None)], 1)
    for (start, clip), computed in zip(features._placed(clips), _features(clips), strict=True):
        own = log[:, start : start + clip.frames]
        assert (features._floored(own, own.amax()) - computed).abs().max() <= 1e-5


def test_large_blocks_leave_no_row_out() -> None:
    """Twenty clips of half a minute take four of them."""
    clips = [make_clip(np.zeros(480_000, np.float32))] * 20
    rows = sum(clip.rows for clip in clips) - 1
    blocks = list(features._blocks(clips, rows, None))
    assert [row for block in blocks for row in range(block.start, block.stop)] == list(range(rows))
    assert len(blocks) == 4


@pytest.mark.parametrize("samples", [0, 5, 20_000])
def test_silence_has_finite_features(samples: int) -> None:
    """An empty or silent clip lies on the floor of the logarithm everywhere."""
    assert torch.equal(_alone(np.zeros(samples, np.float32)), torch.full((128, frames_of(samples)), -1.5))
