"""What a stream of a recording is made of. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harken.types import SAMPLE_RATE


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Samples [start, end) of a recording; its pieces are in order and are together exactly the recording.

    Attributes:
        start: its first sample's place in the recording at 16 kHz.
        end: the place behind its last sample.
        samples: float32 [end − start], mono, 16 kHz, in [-1, 1]; [0] where there is no speech, so that a long silence
            holds no memory.
        has_speech: false where nobody speaks in all of it; it need not be recognised.
        speech_prob: the highest probability of speech that was heard in it, over about a tenth of a second, in [0, 1].
        speech_start: where its first frame of speech begins, counted as `start`; None where no frame is clearly speech,
            or where nobody asked for it (`SpeechRule.wants_times`).
        speech_end: where its last one ends.
    """

    start: int
    end: int
    samples: NDArray[np.float32]
    has_speech: bool
    speech_prob: float
    speech_start: int | None = None
    speech_end: int | None = None

    @property
    def audio_s(self) -> float:
        """Its length in seconds."""
        return (self.end - self.start) / SAMPLE_RATE


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulled:
    """What one pull gave: the next pieces, and whether they are the last."""

    pieces: tuple[Piece, ...]
    is_over: bool
