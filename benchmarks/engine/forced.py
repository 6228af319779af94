"""A model that writes exactly as many tokens as it is told, whatever its weights are.

It never says "done" and each of its tokens reads as one letter, so a stream shows the first token the moment it is
written. Only the reading of tokens differs from the model in service: what the network computes is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, cast

from harken.qwen3_asr.answer import AnswerReader
from harken.qwen3_asr.model import Qwen3ASR
from harken.types import Options

KINDS = ("bfloat16", "int8", "int4", "float32")
"""What weights are kept in."""

_LETTER = "x"


class Letters(AnswerReader):
    """Every token is text."""

    def read(self, piece: str) -> str:
        """All of it."""
        return piece


class Forced(Qwen3ASR):
    """A recogniser that stops at its cap and nowhere else."""

    def detokenize(self, ids: Sequence[int]) -> str:
        """One letter for each token: most of a large vocabulary is not in the small tokenizer."""
        return _LETTER * len(ids)

    def parse(self, raw: str, options: Options) -> tuple[str, str]:
        """All of it, in no language."""
        return raw, ""

    def reader(self, options: Options) -> AnswerReader:
        """One that shows every token."""
        return Letters(forced=options.language)

    def bytes_of(self, token: int) -> bytes:
        """One letter."""
        return _LETTER.encode()

    def text_start(self, ids: Sequence[int]) -> int:
        """There is no header."""
        return 0


class Weights(TypedDict, total=False):
    """Arguments of `Qwen3ASR.load`."""

    dtype: str
    quantize: str


def placement(kind: str) -> Weights:
    """The arguments of `Qwen3ASR.load` for weights of a kind."""
    return {"dtype": kind} if kind in ("bfloat16", "float32") else {"quantize": kind}


def load_forced(folder: Path, kind: str, device: str) -> Forced:
    """Load a checkpoint as `Forced`.

    Raises:
        ConfigError: weights of this kind cannot be had on this device.
    """
    model = cast("Forced", Forced.load(folder, device=device, **placement(kind)))
    model.stop_ids = frozenset()
    return model
