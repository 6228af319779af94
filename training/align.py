"""Word times from an aligner checkpoint by transformers' own code: the reference for Harken's, and the judge's.

Owns one loop: a recording and its text in, the words with their repaired times out, each recording
alone in float32. Refuses to know what the times should be.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import Qwen3ASRForTokenClassification, Qwen3ASRProcessor


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A word and when it was said, in seconds."""

    text: str
    start_s: float
    end_s: float


class Aligner:
    """A checkpoint folder in the `-hf` layout; `load` before the first `place`."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._model = model
        self._processor = processor

    @classmethod
    def load(cls, folder: Path) -> "Aligner":
        """Read a folder; raises OSError where something is missing."""
        loader: Any = Qwen3ASRForTokenClassification  # its types are wrong
        processor: Any = Qwen3ASRProcessor
        model = loader.from_pretrained(folder, dtype=torch.float32).eval()
        return cls(model, processor.from_pretrained(folder))

    @torch.inference_mode()
    def place(self, samples: npt.NDArray[np.float32], text: str, language: str) -> list[Placed]:
        """The words of `text` in mono float32 samples at 16 kHz; `language` decides how it is split into words."""
        inputs, words = self._processor.prepare_forced_aligner_inputs(samples, text, language)
        logits = self._model(**inputs).logits
        found = self._processor.decode_forced_alignment(
            logits, inputs["input_ids"], words, self._model.config.timestamp_token_id
        )
        return [Placed(text=row["text"], start_s=row["start_time"], end_s=row["end_time"]) for row in found[0]]


def errors_s(said: Iterable[tuple[float, float]], placed: Iterable[Placed]) -> npt.NDArray[np.float64]:
    """Signed errors (placed minus said) in seconds, [words, 2]: starts and ends."""
    wanted = np.array(list(said)).reshape(-1, 2)
    found: npt.NDArray[np.float64] = np.array([(word.start_s, word.end_s) for word in placed]).reshape(-1, 2)
    off: npt.NDArray[np.float64] = found - wanted
    return off
