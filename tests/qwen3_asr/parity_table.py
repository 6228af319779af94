"""Prints how far the network is from transformers' own, with random weights, for clips of many lengths.

    python tests/qwen3_asr/parity_table.py [checkpoint folder]

Each row is one clip (or several at once), each column the largest absolute difference in float32. With a folder, its
weights are compared instead of random ones. Exit status 1 if anything exceeds the tolerance.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from harken.qwen3_asr.model import Qwen3ASR
from harken.qwen3_asr.prompt import Prompt
from harken.types import Options
from tests.qwen3_asr import reference

DURATIONS_S = (0.3, 1.0, 7.99, 8.0, 8.01, 20.0, 30.0)
STEPS = 24
TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the table: largest absolute differences, and whether greedy tokens are the same."""

    label: str
    features: float
    encoder: float
    logits: float
    is_same_text: bool

    @property
    def is_equal(self) -> bool:
        """Whether everything is within the tolerance."""
        return max(self.features, self.encoder, self.logits) <= TOLERANCE and self.is_same_text


def write_answers(model: Qwen3ASR, prompts: Sequence[Prompt], steps: int) -> tuple[list[list[int]], Tensor]:
    """Let our network write `steps` tokens for all prompts in one batch, in slots out of order.

    Returns:
        The tokens of each, and the scores of every step, [prompts, steps, vocabulary].
    """
    network = model.network
    slots = [2 * index + 1 for index in reversed(range(len(prompts)))]
    lengths = [prompt.length for prompt in prompts]
    cache = model.open_cache(slots=2 * len(prompts), max_tokens=max(lengths) + steps)
    hidden = network.prefill(cache, [p.clip for p in prompts], [p.token_ids for p in prompts], slots)
    scores = [network.scores(hidden)]
    for step in range(steps - 1):
        tokens = scores[-1].argmax(-1).tolist()
        scores.append(network.scores(network.decode(cache, tokens, slots, [length + step for length in lengths])))
    stacked = torch.stack(scores, dim=1)
    return stacked.argmax(-1).tolist(), stacked


def compare(theirs: Any, ours: Qwen3ASR, clips: Sequence[reference.Wave], label: str) -> Row:
    """Compare clips, ours in one batch, each of theirs alone."""
    prompts = [ours.prompt(clip, Options()) for clip in clips]
    computed = ours.network.features([prompt.clip for prompt in prompts]).clips
    encoded = ours.network.encode(computed)
    tokens, scores = write_answers(ours, prompts, STEPS)
    features_gap = encoder_gap = scores_gap = 0.0
    is_same_text = True
    for index, (clip, prompt) in enumerate(zip(clips, prompts, strict=True)):
        features, mask = reference.reference_features(clip)
        with torch.inference_mode():
            expected = theirs.get_audio_features(features, mask).pooler_output
        ids, logits = reference.reference_answer(theirs, clip, prompt.token_ids, STEPS)
        features_gap = max(features_gap, _gap(computed[index], features[0, :, : int(mask.sum())]))
        encoder_gap = max(encoder_gap, _gap(encoded[index], expected))
        scores_gap = max(scores_gap, _gap(scores[index], logits))
        is_same_text &= tokens[index] == ids
    return Row(label=label, features=features_gap, encoder=encoder_gap, logits=scores_gap, is_same_text=is_same_text)


def table(theirs: Any, ours: Qwen3ASR) -> list[Row]:
    """Compare every duration alone, then all of them in one batch."""
    clips = [reference.wave(seconds, seed) for seed, seconds in enumerate(DURATIONS_S)]
    rows = [compare(theirs, ours, [clip], f"{s:g} s") for s, clip in zip(DURATIONS_S, clips, strict=True)]
    return [*rows, compare(theirs, ours, clips, "all in one batch")]


def random_pair(shape: Mapping[str, Any], folder: Path) -> tuple[Any, Qwen3ASR]:
    """Make a random network of theirs, save it, and load it as ours."""
    theirs = reference.random_model(shape)
    return theirs, Qwen3ASR.load(reference.write_hf(folder, theirs))


def show(rows: Sequence[Row]) -> str:
    """Lay the rows out for people."""
    lines = [f"{'audio':<18}{'features':>12}{'encoder':>12}{'logits':>12}   tokens"]
    for row in rows:
        words = "equal" if row.is_same_text else "DIFFERENT"
        lines.append(f"{row.label:<18}{row.features:>12.1e}{row.encoder:>12.1e}{row.logits:>12.1e}   {words}")
    return "\n".join(lines)


def _gap(ours: Tensor, theirs: Tensor) -> float:
    assert ours.shape == theirs.shape, f"{tuple(ours.shape)} is not {tuple(theirs.shape)}"
    return float((ours - theirs).abs().max())


def main(arguments: Sequence[str]) -> int:
    """Print the tables; returns the exit status."""
    pairs: list[tuple[str, tuple[Any, Qwen3ASR]]] = []
    with tempfile.TemporaryDirectory() as scratch:
        if arguments:
            folder = Path(arguments[0])
            theirs = reference.transformers.Qwen3ASRForConditionalGeneration.from_pretrained(
                folder, dtype=torch.float32
            ).eval()
            pairs.append((str(folder), (theirs, Qwen3ASR.load(folder))))
        else:
            pairs.append(("random, tiny", random_pair(reference.TINY, Path(scratch) / "tiny")))
            shaped = random_pair(reference.PROPORTIONED, Path(scratch) / "proportioned")
            pairs.append(("random, published head sizes", shaped))
        tables = [(title, table(*pair)) for title, pair in pairs]
    for title, rows in tables:
        heading = f"{title}: largest absolute difference to transformers, float32, {STEPS} greedy tokens"
        sys.stdout.write(f"{heading}\n{show(rows)}\n\n")
    return 0 if all(row.is_equal for _, rows in tables for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
