"""The packed encoder: windows stay alone, whatever they are packed with."""

from __future__ import annotations

import pytest
import torch

from harken.qwen3_asr.clip import make_clip
from harken.qwen3_asr.model import Qwen3ASR
from tests.qwen3_asr import reference

SECONDS = (0.3, 1.0, 7.99, 8.0, 8.01, 16.0, 20.0)


@pytest.fixture(scope="module")
def clips(ours: Qwen3ASR) -> list[torch.Tensor]:
    """Features of clips with and without full windows, with and without tails."""
    return ours.network.features(
        [make_clip(reference.wave(seconds, seed)) for seed, seconds in enumerate(SECONDS)]
    ).clips


def _features(ours: Qwen3ASR, seconds: float) -> torch.Tensor:
    return ours.network.features([make_clip(reference.wave(seconds))]).clips[0]


def test_a_clip_is_encoded_the_same_alone_and_packed(ours: Qwen3ASR, clips: list[torch.Tensor]) -> None:
    """Packing may change the order of additions, nothing more."""
    packed = ours.network.encode(clips)
    for clip, together in zip(clips, packed, strict=True):
        (alone,) = ours.network.encode([clip])
        assert (alone - together).abs().max() <= 1e-5


def test_a_clip_does_not_notice_another_one_that_is_broken(ours: Qwen3ASR, clips: list[torch.Tensor]) -> None:
    """Not even a NaN gets from one clip into another."""
    packed = ours.network.encode([clips[0], torch.full((128, 930), torch.nan), clips[4]])
    assert packed[0].isfinite().all()
    assert packed[2].isfinite().all()
    assert not packed[1].isfinite().any()


def test_nothing_crosses_the_border_of_a_window(ours: Qwen3ASR) -> None:
    """Other sound after 8 s leaves the tokens of the first 8 s as they are."""
    first = _features(ours, 20.0)
    second = first.clone()
    second[:, 800:] = torch.randn(128, first.shape[1] - 800, generator=torch.Generator().manual_seed(1))
    a, b = ours.network.encode([first])[0], ours.network.encode([second])[0]
    assert torch.equal(a[:104], b[:104])
    assert not torch.equal(a[104:], b[104:])


def test_sound_inside_a_window_is_heard_by_all_of_it(ours: Qwen3ASR) -> None:
    """Attention runs in both directions: a change in the last second changes the first token."""
    first = _features(ours, 8.0)
    second = first.clone()
    second[:, 700:] = 0.0
    a, b = ours.network.encode([first])[0], ours.network.encode([second])[0]
    assert not torch.equal(a[0], b[0])


@pytest.mark.slow
def test_many_chunks_are_convolved_in_groups(ours: Qwen3ASR) -> None:
    """More seconds than go through the convolutions at once give the tokens of each clip alone."""
    clip = _features(ours, 27.0)
    (alone,) = ours.network.encode([clip])
    for together in ours.network.encode([clip] * 4):
        assert (alone - together).abs().max() <= 1e-5
