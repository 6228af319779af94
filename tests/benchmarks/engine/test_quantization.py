"""How two kinds of weights are compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.engine.arithmetic import Clip
from benchmarks.engine.forced import load_forced
from benchmarks.engine.quantization import agreement, follow, same_share, sounds_of

CLIP = Clip.of(2.0)


def test_agreement_is_of_tokens_and_of_texts() -> None:
    """Place by place; text by text."""
    assert agreement([[1, 2], [3, 4]], [[1, 2], [3, 5]]) == 0.75
    assert same_share(["one", "two"], ["one", "too"]) == 0.5


@pytest.mark.slow
def test_a_model_agrees_with_itself(tiny_folder: Path) -> None:
    """After its own tokens it writes its own."""
    model = load_forced(tiny_folder, "float32", "cpu")
    sounds = sounds_of(CLIP, 2)
    written = follow(model, sounds, CLIP.tokens)
    assert follow(model, sounds, CLIP.tokens, written) == written


@pytest.mark.slow
def test_other_tokens_lead_elsewhere(tiny_folder: Path) -> None:
    """The told ones are read, not its own."""
    model = load_forced(tiny_folder, "float32", "cpu")
    sounds = sounds_of(CLIP, 1)
    written = follow(model, sounds, CLIP.tokens)
    others = [[(token + 1) % 300 for token in written[0]]]
    assert follow(model, sounds, CLIP.tokens, others) != written
    assert follow(model, sounds, CLIP.tokens, others)[0][0] == written[0][0]
