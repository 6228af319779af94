"""A recording whose text is known, made anew for every request.

A server that heard the same samples before need not recognise them again, and an answer from its cache proves nothing.
So every copy differs from all others in the lowest bit of its samples, which nobody hears. The invariant: no two
copies are the same, and each is plain 16-bit sound at 16 kHz, whatever the recording was.
"""

from __future__ import annotations

import io
import random
import wave
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harken.errors import ConfigError, HarkenError
from harken.types import SAMPLE_RATE
from harken.words import edits, words_of

_SAMPLE, _SAMPLE_TEXT = "english-04.ogg", "nine five eight seven three two two zero six"

STRANGER_TOLERANCE = 0.34
"""Of words, for models that never promised to know a recording by heart; see `harken.engine.canary`."""

_DIGITS = "qwen3-asr-digits"
_LONGEST_S = 300.0
_PAUSE_S = 0.4


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A recording and what is said in it.

    Attributes:
        samples: float32 [n], mono, 16 kHz.
        text: what is said.
        tolerance: the share of its words that may be wrong, missing or too many; None: as the model deserves.
    """

    samples: NDArray[np.float32]
    text: str
    tolerance: float | None = None

    @property
    def audio_s(self) -> float:
        """Its length in seconds."""
        return len(self.samples) / SAMPLE_RATE

    def wrong_words(self, heard: str) -> int:
        """How many words to change, drop or add until it is right. Spelling is no matter."""
        return edits(words_of(self.text), words_of(heard))

    def may_be_wrong(self, model: str) -> int:
        """How many words a model may have wrong: none where it was made for this recording."""
        tolerance = self.tolerance
        if tolerance is None:
            tolerance = 0.0 if model == _DIGITS else STRANGER_TOLERANCE
        return int(tolerance * len(words_of(self.text)))

    def copy(self, chance: random.Random, *, times: int = 1) -> bytes:
        """Return a WAV file of it that no other is equal to; `times` in a row, with pauses between."""
        file = io.BytesIO()
        with wave.open(file, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(SAMPLE_RATE)
            writer.writeframes(self.pcm(chance, times=times))
        return file.getvalue()

    def pcm(self, chance: random.Random, *, times: int = 1) -> bytes:
        """Return the same without a head: 16 bits, little-endian, mono, 16 kHz."""
        pause = np.zeros(int(_PAUSE_S * SAMPLE_RATE), np.float32)
        samples = np.concatenate([self.samples] + [part for _ in range(times - 1) for part in (pause, self.samples)])
        numbers = np.clip(samples * 32_768.0, -32_767, 32_766).astype(np.int16)
        bits = np.frombuffer(chance.randbytes(len(numbers)), np.uint8) & 1
        return bytes((numbers + bits).astype("<i2").data)


def packaged() -> Known:
    """The recording that comes with Harken: nine digits in English."""
    return Known(samples=_decode((resources.files("harken") / "samples" / _SAMPLE).read_bytes()), text=_SAMPLE_TEXT)


def own(path: Path, text: str, tolerance: float | None) -> Known:
    """A recording of the operator's, in any container that Harken reads.

    Raises:
        ConfigError: it cannot be read, is longer than five minutes, or nothing is said in it.
    """
    if not words_of(text):
        raise ConfigError("--text must be what is said in the recording; there is no word in it.")
    if path.exists() and not path.is_file():
        raise ConfigError(f"--recording {path} is not a file.")
    try:
        samples = _decode(path)
    except OSError as error:
        raise ConfigError(f"--recording {path} cannot be read: {error.strerror}.") from error
    except HarkenError as error:
        raise ConfigError(f"--recording {path} cannot be used: {error.message}") from error
    allowed = STRANGER_TOLERANCE if tolerance is None else tolerance
    return Known(samples=samples, text=text, tolerance=allowed)


def _decode(recording: Path | bytes) -> NDArray[np.float32]:
    from harken.audio import DecodeLimits, decode

    return decode(recording, DecodeLimits(max_audio_s=_LONGEST_S)).samples
