"""A recording whose text is known: proof that a model recognises, before it serves.

A checkpoint may bring its own (named in its harken.json); for the others there is a clip of spoken English digits in
this package. Spelling is no matter (see `harken.words`): "One, two, three." is "1 2 3". The packaged clip is synthetic
speech that the published models never promised to know by heart, so a third of it may differ; random weights differ in
all of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harken.errors import CanaryFailed, CheckpointError
from harken.types import SAMPLE_RATE, Options, Recognizer, Segment, Transcript
from harken.words import edits, words_of

REQUEST_ID = "canary"
"""Instead of a client's request."""

_DATA = Path(__file__).parent / "data"
_PACKAGED_TOLERANCE = 0.34


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """The recording, and what must be recognised in it.

    Attributes:
        samples: float32 [n], mono, 16 kHz.
        text: what is said.
        language: what must be detected; "" for anything.
        tolerance: share of the words that may be wrong, missing or too many, 0 to 1.
    """

    samples: NDArray[np.float32]
    text: str
    language: str = ""
    tolerance: float = 0.0

    async def check(self, recognizer: Recognizer) -> None:
        """Let a recognizer prove itself.

        Raises:
            CanaryFailed: it recognised something else; the message names both.
            HarkenError: it failed.
        """
        self.judge(await recognizer.recognize(self.segment(), Options()))

    def segment(self) -> Segment:
        """The recording as a segment."""
        return Segment(samples=self.samples, request_id=REQUEST_ID)

    def judge(self, heard: Transcript) -> None:
        """Compare what was recognised with what is said.

        Raises:
            CanaryFailed: it is something else; the message names both.
        """
        expected, got = words_of(self.text), words_of(heard.text)
        allowed = int(self.tolerance * len(expected))
        if edits(expected, got) > allowed:
            raise CanaryFailed(f"In the canary recording {self.text!r} is said; the model recognised {heard.text!r}.")
        if self.language and heard.language != self.language:
            raise CanaryFailed(
                f"The canary recording is {self.language}; the model took it for {heard.language or 'no speech'}."
            )


def read_canary(file: Path, text: str, language: str, tolerance: float = 0.0) -> Canary:
    """Read a canary's recording.

    Raises:
        CheckpointError: it is no 16 kHz mono recording that can be read.
    """
    import soundfile

    try:
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise CheckpointError(f"The canary recording {file} cannot be read: {error}") from error
    if rate != SAMPLE_RATE or samples.shape[1] != 1 or not len(samples):
        raise CheckpointError(f"The canary recording {file} must be mono with {SAMPLE_RATE} samples per second.")
    return Canary(samples=np.ascontiguousarray(samples[:, 0]), text=text, language=language, tolerance=tolerance)


def packaged_canary() -> Canary:
    """The clip of this package, for checkpoints that bring none."""
    card = json.loads((_DATA / "canary.json").read_text(encoding="utf-8"))
    return read_canary(_DATA / card["file"], card["text"], card["language"], _PACKAGED_TOLERANCE)
