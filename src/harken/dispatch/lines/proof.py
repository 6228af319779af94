"""A recording whose text is known, for servers that do not prove themselves.

An instance of ours has a canary of its own model and is strict with it. Of an upstream's model nothing is known, and it
was never promised that it knows our recording by heart; what is looked for is a server that answers 200 and recognises
nothing. So the answer only has to be plausible: some text, and no more than anybody can say in that time. It is played
a little louder or softer each time: a server that remembers what it has heard would prove its memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harken.errors import CanaryFailed
from harken.types import Options, Segment, Transcript
from harken.wire import Job

_CHARACTERS_PER_S = 40.0
"""Twice as many as the fastest speaker; a model that writes without end is far beyond."""

_SOFTER = 0.3
"""Three decibels: nothing to a model."""
_GOLDEN = 0.618034


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """The recording.

    Attributes:
        samples: float32 [n], mono, 16 kHz, of somebody speaking.
    """

    samples: NDArray[np.float32]

    def job(self, salt: float) -> Job:
        """What is asked of the server.

        Args:
            salt: any number; for different ones, such as times in seconds, the samples differ.
        """
        loudness = np.float32(1.0 - _SOFTER * (salt * _GOLDEN % 1.0))
        segment = Segment(samples=self.samples * loudness, request_id="canary")
        return Job(segment=segment, options=Options(), wants_deltas=False)

    def check(self, transcript: Transcript) -> None:
        """Accept a plausible answer.

        Raises:
            CanaryFailed: nothing was recognised, or more than can have been said.
        """
        if not transcript.text:
            raise CanaryFailed("The server recognised nothing in a recording of speech.")
        if len(transcript.text) > 20 + _CHARACTERS_PER_S * transcript.audio_s:
            raise CanaryFailed("The server recognised more in a recording than can be said in its time.")
