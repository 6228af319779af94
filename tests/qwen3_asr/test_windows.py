"""The arithmetic of chunks and windows."""

from __future__ import annotations

import importlib
import random
from typing import Any

import pytest
import torch

from harken.qwen3_asr.windows import after_stem, plan_windows, tokens_of


@pytest.mark.parametrize(("seconds", "tokens"), [(1, 13), (8, 104), (30, 390), (60, 780), (120, 1560), (1200, 15600)])
def test_a_second_is_thirteen_tokens(seconds: int, tokens: int) -> None:
    """The published counts."""
    assert tokens_of(seconds * 100, 100) == tokens


def test_every_length_has_as_many_tokens_as_in_the_reference() -> None:
    """All lengths up to 50 s of frames."""
    modeling: Any = importlib.import_module("transformers.models.qwen3_asr.modeling_qwen3_asr")
    frames = torch.arange(1, 5001)
    assert [tokens_of(int(n), 100) for n in frames] == modeling._get_feat_extract_output_lengths(frames).tolist()


def test_nothing_stays_nothing() -> None:
    """A remainder of no frames adds no token."""
    assert (after_stem(0), after_stem(1), tokens_of(0, 100)) == (0, 1, 0)


def test_every_token_is_in_exactly_one_window() -> None:
    """Spans of random clips cover their own tokens in order, and full windows are full."""
    draw = random.Random(7)
    for _ in range(200):
        frames = [draw.randrange(1, 3100) for _ in range(draw.randrange(1, 6))]
        plan = plan_windows(frames, chunk_frames=100, window_chunks=8)
        start = 0
        for count, chunks, full, tail in zip(frames, plan.chunks, plan.full, plan.tails, strict=True):
            assert (full.start, full.end) == (start, tail.start)
            assert tail.end - full.start == tokens_of(count, 100)
            assert (full.end - full.start) % plan.width == 0 <= tail.end - tail.start < plan.width
            start += chunks * 13
        assert plan.full_tokens + sum(plan.tail_lengths) == sum(tokens_of(count, 100) for count in frames)
