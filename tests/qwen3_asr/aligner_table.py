"""Prints how far the forced aligner is from transformers' own: logits, classes and times, for clips of many lengths.

    python tests/qwen3_asr/aligner_table.py [checkpoint folder]

Without a folder: random weights, tiny and with the published head sizes, in both layouts, and the shipped aligner. Each
row is one clip, or all in one batch, in float32. "alone" is how far the batch moved the scores of the clip. With a
checkpoint of its own processor, the prompts are transformers' own, too. Exit status 1 if anything differs.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from harken.qwen3_asr.aligner import AlignPrompt, ForcedAligner
from tests.qwen3_asr import aligner_reference, reference

SHIPPED = Path(str(files("harken"))) / "checkpoints" / "digits-aligner"
DURATIONS_S = (0.3, 1.0, 7.99, 8.0, 8.01, 20.0, 30.0)
TOLERANCE = 1e-4
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "三", "五")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One clip: largest absolute differences of the scores, and whether classes, times and prompt are the same."""

    label: str
    words: int
    logits: float
    alone: float
    is_same_class: bool
    is_same_time: bool
    is_same_prompt: bool

    @property
    def is_equal(self) -> bool:
        """Whether everything is."""
        is_same = self.is_same_class and self.is_same_time and self.is_same_prompt
        return is_same and max(self.logits, self.alone) <= TOLERANCE


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Their aligner and ours, with the same weights; `processor` where the checkpoint has one."""

    title: str
    theirs: Any
    ours: ForcedAligner
    processor: Any | None = None
    vocabulary: Sequence[str] = aligner_reference.WORDS


def table(pair: Pair, durations_s: Sequence[float] = DURATIONS_S) -> list[Row]:
    """Compare every duration; ours once alone and once with all others in one batch."""
    clips = [reference.wave(seconds, seed) for seed, seconds in enumerate(durations_s)]
    texts = [_text(pair.vocabulary, seconds, seed) for seed, seconds in enumerate(durations_s)]
    prompts = []
    for clip, text in zip(clips, texts, strict=True):
        prompt = pair.ours.prompt(clip, text)
        assert prompt is not None, text
        prompts.append(prompt)
    together = pair.ours.network.scores([p.clip for p in prompts], [p.token_ids for p in prompts])
    timed = pair.ours.align(prompts)
    rows = []
    for index, (clip, text, prompt) in enumerate(zip(clips, texts, prompts, strict=True)):
        row = _row(pair, clip, text, prompt, together[index], timed[index].times_ms)
        rows.append(row)
    return rows


def _row(
    pair: Pair, clip: reference.Wave, text: str, prompt: AlignPrompt, together: torch.Tensor, times_ms: Sequence[int]
) -> Row:
    config = pair.ours.network.aligner_config
    ids, words = prompt.token_ids, list(prompt.words)
    if pair.processor is not None:
        ids, words = aligner_reference.ask(pair.processor, clip, text)
    expected = aligner_reference.answer(pair.theirs, clip, ids, config.class_ms, config.timestamp_token)
    (alone,) = pair.ours.network.scores([prompt.clip], [prompt.token_ids])
    return Row(
        label=f"{len(clip) / 16_000:g} s",
        words=len(prompt.words),
        logits=float((alone - expected.logits).abs().max()),
        alone=float((alone - together).abs().max()),
        is_same_class=together.argmax(-1).tolist() == expected.logits.argmax(-1).tolist(),
        is_same_time=list(times_ms) == expected.times_ms,
        is_same_prompt=ids.tolist() == prompt.token_ids.tolist() and words == list(prompt.words),
    )


def _text(vocabulary: Sequence[str], seconds: float, seed: int) -> str:
    count = max(1, round(2.5 * seconds))
    return " ".join(vocabulary[(7 * seed + 5 * index + index // 3) % len(vocabulary)] for index in range(count))


def random_pair(title: str, shape: dict[str, Any], folder: Path, *, is_original: bool = False) -> Pair:
    """Make a random aligner of theirs, save it, and load it as ours."""
    theirs = aligner_reference.random_aligner(shape)
    written = aligner_reference.write_hf(folder / "hf", theirs)
    if is_original:
        written = aligner_reference.write_original(folder / "original", written)
    return Pair(title=title, theirs=theirs, ours=ForcedAligner.load(written, dtype="float32"))


def folder_pair(folder: Path, vocabulary: Sequence[str] = DIGITS) -> Pair:
    """Load a checkpoint of the `-hf` layout twice."""
    theirs = reference.transformers.Qwen3ASRForTokenClassification.from_pretrained(folder, dtype=torch.float32).eval()
    processor = reference.transformers.AutoProcessor.from_pretrained(folder)
    ours = ForcedAligner.load(folder, dtype="float32")
    return Pair(title=folder.name, theirs=theirs, ours=ours, processor=processor, vocabulary=vocabulary)


def show(rows: Sequence[Row]) -> str:
    """Lay the rows out for people."""
    lines = [f"{'audio':<8}{'words':>6}{'logits':>10}{'alone':>10}   classes    times      prompt"]
    for row in rows:
        said = ["equal" if same else "DIFFERENT" for same in (row.is_same_class, row.is_same_time, row.is_same_prompt)]
        lines.append(
            f"{row.label:<8}{row.words:>6}{row.logits:>10.1e}{row.alone:>10.1e}   {said[0]:<11}{said[1]:<11}{said[2]}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print the tables; returns the exit status."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        if arguments:
            pairs = [folder_pair(Path(arguments[0]))]
        else:
            pairs = [
                random_pair("random, tiny, -hf layout", aligner_reference.TINY, root / "a"),
                random_pair("random, tiny, original layout", aligner_reference.TINY, root / "b", is_original=True),
                random_pair("random, published head sizes", aligner_reference.PROPORTIONED, root / "c"),
                folder_pair(SHIPPED),
            ]
        tables = [(pair.title, table(pair)) for pair in pairs]
    for title, rows in tables:
        sys.stdout.write(f"{title}: largest absolute difference to transformers, float32\n{show(rows)}\n\n")
    return 0 if all(row.is_equal for _, rows in tables for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
