"""One recording while it is read: bytes in, pieces out, a few at a time. Blocking: it runs in a decoding thread.

The invariant: `start` comes first, `pull` until it says that it is over, `close` at the end, never two at a time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harken.audio.cutting import CutRule, cut, frame_levels
from harken.audio.decode import decode
from harken.audio.pieces import Piece, Pulled
from harken.audio.recording import DecodeLimits
from harken.audio.upload import Upload
from harken.audio.voice_activity import SpeechDetector, SpeechRule, speech_spans
from harken.clock import Clock
from harken.types import SAMPLE_RATE


class Reading:
    """Reads one upload."""

    def __init__(
        self,
        upload: Upload,
        limits: DecodeLimits,
        cut_rule: CutRule,
        speech: SpeechRule,
        *,
        detector: Callable[[], SpeechDetector],
        clock: Clock,
        is_abandoned: Callable[[], bool],
    ) -> None:
        self._upload = upload
        self._limits = limits
        self._cut_rule = cut_rule
        self._speech = speech
        self._detector = detector
        self._clock = clock
        self._is_abandoned = is_abandoned

    def start(self) -> float | None:
        """Look at the file's skeleton; returns the seconds that it promises."""
        return None

    def pull(self) -> Pulled:
        """Return the next pieces."""
        audio = decode(self._upload, self._limits, clock=self._clock, is_abandoned=self._is_abandoned)
        samples, rule = audio.samples, self._cut_rule
        probabilities = self._detector().probabilities(samples)
        if len(samples) <= int(rule.max_segment_s * SAMPLE_RATE) and not rule.splits_at_pauses:
            whole = Piece(
                start=0,
                end=len(samples),
                samples=samples,
                has_speech=bool(_highest(probabilities) >= 0.1),
                speech_prob=_highest(probabilities),
            )
            return Pulled(pieces=(whole,), is_over=True)
        spans = speech_spans(probabilities, len(samples), self._speech)
        if rule.splits_at_pauses:
            rule = CutRule(max_segment_s=rule.max_segment_s, long_silence_s=0.0, kept_silence_s=0.0)
        pieces = tuple(
            Piece(
                start=found.start,
                end=found.end,
                samples=samples[found.start : found.end] if found.has_speech else samples[:0],
                has_speech=found.has_speech,
                speech_prob=_highest(probabilities[found.start // 512 : -(-found.end // 512)]),
            )
            for found in cut(len(samples), spans, rule, frame_levels(samples))
        )
        return Pulled(pieces=pieces, is_over=True)

    def close(self) -> None:
        """Give everything back."""


def _highest(probabilities: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    width = min(3, len(probabilities))
    return float(np.convolve(probabilities, np.ones(width) / width, mode="valid").max())
