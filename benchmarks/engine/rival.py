"""transformers' `generate` on the same clips and the same weights.

Batches of equal clips without padding, greedy, with as many new tokens as our engine writes. The clock runs for
`generate` alone, with features and ids on the device already, which is more than our engine is given; what the
processor takes before is told beside it.
"""

from __future__ import annotations

import importlib
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.engine.arithmetic import Clip
from benchmarks.engine.rounds import Pace
from harken.testing import speech_like


@dataclass(frozen=True, kw_only=True)
class Row:
    """One batch size.

    Attributes:
        kind: what weights and arithmetic are in.
        rtfx: of `generate`, in the median batch.
        rtfx_with_features: the processor's work counted, too.
        latency_p50_s: of a batch, `generate` alone.
        batches: measured.
    """

    kind: str
    audio_s: float
    tokens: int
    at_a_time: int
    rtfx: float
    rtfx_with_features: float
    latency_p50_s: float
    batches: int


class Rival:
    """The checkpoint, loaded by transformers.

    Args:
        folder: of a checkpoint.
        kind: "float32" or "bfloat16".
        device: in torch's words.
    """

    def __init__(self, folder: Path, kind: str, device: str) -> None:
        transformers: Any = importlib.import_module("transformers")
        transformers.utils.logging.disable_progress_bar()
        self._kind = kind
        self._dtype: torch.dtype = getattr(torch, kind)
        self._device = device
        self._processor = transformers.AutoProcessor.from_pretrained(folder)
        loaded = transformers.Qwen3ASRForConditionalGeneration.from_pretrained(folder, dtype=self._dtype)
        self._model = loaded.to(device).eval()

    def measure(self, clip: Clip, at_a_time: int, pace: Pace) -> Row:
        """One batch size: a warm-up, then as many batches as our rounds have, or as fill their time."""
        sounds = [speech_like(clip.audio_s)] * at_a_time
        self.write(sounds, clip.tokens)
        taken: list[tuple[float, float]] = []
        until = time.perf_counter() + pace.rounds * pace.duration_s
        while len(taken) < pace.rounds or time.perf_counter() < until:
            taken.append(self.write(sounds, clip.tokens)[1])
        prepare_s, generate_s = (statistics.median(times) for times in zip(*taken, strict=True))
        audio_s = at_a_time * clip.audio_s
        return Row(
            kind=self._kind,
            audio_s=clip.audio_s,
            tokens=clip.tokens,
            at_a_time=at_a_time,
            rtfx=round(audio_s / generate_s, 2),
            rtfx_with_features=round(audio_s / (prepare_s + generate_s), 2),
            latency_p50_s=round(generate_s, 4),
            batches=len(taken),
        )

    @torch.inference_mode()
    def write(self, sounds: list[Any], tokens: int) -> tuple[list[list[int]], tuple[float, float]]:
        """Write so many tokens for each sound of one length; also the seconds of preparing and of generating."""
        began = time.perf_counter()
        inputs = self._processor.apply_transcription_request(audio=sounds)
        inputs = inputs.to(self._device, self._dtype)
        self._wait()
        prepared = time.perf_counter()
        written = self._model.generate(**inputs, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False)
        self._wait()
        ended = time.perf_counter()
        new = written[:, inputs["input_ids"].shape[1] :]
        if new.shape[1] != tokens:
            raise RuntimeError(f"transformers wrote {new.shape[1]} tokens instead of {tokens}")
        return new.tolist(), (prepared - began, ended - prepared)

    def _wait(self) -> None:
        if self._device.startswith("cuda"):
            torch.cuda.synchronize(self._device)
