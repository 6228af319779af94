"""Samples in, pieces out: listens to a recording as it comes, and cuts it.

Ties together what is known of speech (`spans`), of loudness (`levels`) and of places to cut (`cutting`), and holds the
samples meanwhile: at most about one and a half of the longest piece. The invariant: the pieces are the same however the
samples are fed.

A peak above 1 divides. The largest peak is known only at the end, so each piece is divided by the largest one up to its
own end: one factor in each piece, and in a recording of one piece the factor of the published front end.

Where nobody asks when speech begins, listening is put off until the recording is too long to be one piece. One that
ends before may be done with a glance.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from harken.audio.cutting import Cut, CutRule, Cutter
from harken.audio.glance import CLEAR, loudest_places
from harken.audio.levels import frame_levels
from harken.audio.mixing import peak_of, within_one
from harken.audio.pieces import Piece
from harken.audio.spans import FRAME, SpanFinder, SpeechRule
from harken.audio.tape import Tape
from harken.audio.voice_activity import CALL_SAMPLES
from harken.types import SAMPLE_RATE

_SMOOTHING_FRAMES = 3


class Ear(Protocol):
    """One recording that is being heard."""

    def feed(self, samples: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return the probabilities of the next frames; see `harken.audio.voice_activity.Listener.feed`."""
        ...


class Detector(Protocol):
    """What is asked of `harken.audio.voice_activity.SpeechDetector`."""

    def listen(self) -> Ear:
        """Begin a recording."""
        ...

    def probabilities(self, samples: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return the probabilities of samples as they are, heard from their beginning."""
        ...

    def loud_probabilities(self, samples: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return the probabilities of samples that were made as loud as speech usually is."""
        ...


class Segmenter:
    """Cuts one recording.

    Args:
        detector: gives the probabilities of the recording's frames.
        cut: how to cut.
        speech: what counts as speech.
    """

    def __init__(self, detector: Detector, cut: CutRule, speech: SpeechRule) -> None:
        self._detector = detector
        self._ear = detector.listen()
        self._speech = speech
        self._spans = SpanFinder(speech)
        self._cutter = Cutter(cut)
        self._tape = Tape(CALL_SAMPLES)
        self._unheard: list[NDArray[np.float32]] = []
        is_glance_enough = not (speech.wants_times or cut.splits_at_pauses or speech.possible is None)
        self._put_off_to = int(cut.max_segment_s * SAMPLE_RATE) if is_glance_enough else 0
        self._probabilities = np.zeros(0, np.float32)
        self._first_frame = 0
        self._heard = 0
        self._heard_peak = 0.0
        self._taken_peak = 0.0

    def feed(self, mono: NDArray[np.float32]) -> list[Piece]:
        """Take float32 [n ≥ 0], mono, 16 kHz, finite, in any scale; returns the pieces that it completes."""
        while len(mono):
            count, reel = self._tape.put(mono)
            mono = mono[count:]
            if len(reel) == CALL_SAMPLES:
                self._unheard.append(reel)
        return [] if self._tape.end <= self._put_off_to else self._hear_all()

    def finish(self) -> list[Piece]:
        """Return the last pieces: the recording ends here."""
        if 0 < self._tape.end <= self._put_off_to and (piece := self._glance()) is not None:
            return [piece]
        if self._tape.end % CALL_SAMPLES:
            self._unheard.append(self._tape.put(np.zeros(0, np.float32))[1])
        return self._hear_all() + self._pieces(self._cutter.finish(self._spans.finish()))

    def _glance(self) -> Piece | None:
        """Return the whole recording as a piece, if somebody clearly speaks where it is loudest."""
        samples = self._tape.held()
        within_one(samples, peak_of(samples))
        for place in loudest_places(samples):
            speech_prob = highest(self._detector.probabilities(place))
            if speech_prob >= CLEAR:
                return Piece(start=0, end=len(samples), samples=samples, has_speech=True, speech_prob=speech_prob)
        return None

    def _hear_all(self) -> list[Piece]:
        reels, self._unheard = self._unheard, []
        return [piece for reel in reels for piece in self._hear(reel)]

    def _hear(self, reel: NDArray[np.float32]) -> list[Piece]:
        self._heard += len(reel)
        self._heard_peak = max(self._heard_peak, peak_of(reel))
        samples = within_one(reel.copy(), self._heard_peak) if self._heard_peak > 1.0 else reel
        found = self._ear.feed(samples)
        self._probabilities = np.concatenate([self._probabilities, found])
        heard = self._spans.feed(found, self._heard)
        return self._pieces(self._cutter.feed(heard, frame_levels(samples).tolist(), self._heard))

    def _pieces(self, cuts: list[Cut]) -> list[Piece]:
        return [self._piece(cut) for cut in cuts]

    def _piece(self, cut: Cut) -> Piece:
        samples = self._tape.take(cut.end)
        self._taken_peak = max(self._taken_peak, peak_of(samples))
        inside = self._take_probabilities(cut)
        speech_prob, has_speech = highest(inside), cut.has_speech
        spoken = np.flatnonzero(inside >= self._speech.threshold) + cut.start // FRAME
        if not has_speech and self._speech.possible is not None:
            speech_prob = max(speech_prob, highest(self._detector.loud_probabilities(samples)))
            has_speech = speech_prob >= self._speech.possible
        return Piece(
            start=cut.start,
            end=cut.end,
            samples=within_one(samples, self._taken_peak) if has_speech else np.zeros(0, np.float32),
            has_speech=has_speech,
            speech_prob=speech_prob,
            speech_start=max(int(spoken[0]) * FRAME, cut.start) if len(spoken) else None,
            speech_end=min((int(spoken[-1]) + 1) * FRAME, cut.end) if len(spoken) else None,
        )

    def _take_probabilities(self, cut: Cut) -> NDArray[np.float32]:
        """Return those of the piece's frames, and let go of what lies before its end."""
        first, last = cut.start // FRAME - self._first_frame, -(-cut.end // FRAME) - self._first_frame
        inside = self._probabilities[first:last]
        passed = cut.end // FRAME - self._first_frame
        self._probabilities = self._probabilities[passed:].copy()
        self._first_frame += passed
        return inside


def highest(probabilities: NDArray[np.float32]) -> float:
    """Return the highest mean of three neighbouring frames, or of all where there are fewer."""
    width = min(_SMOOTHING_FRAMES, len(probabilities))
    return float(np.convolve(probabilities, np.ones(width) / width, mode="valid").max())
