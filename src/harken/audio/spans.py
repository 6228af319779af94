"""From probabilities to spans of speech, as they come. Pure: a hysteresis, as in Silero's own post-processing.

A span is told once nothing that follows can change it. What is known beyond the last of them is told too: whether a
span is growing, and how far. The invariant: spans are sorted and disjoint (two may touch), and the same whatever number
of frames is fed at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harken.types import SAMPLE_RATE

FRAME: Final = 512
"""Samples per probability."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Span:
    """Samples [start, end) of a recording."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechRule:
    """When a run of probabilities counts as speech. Chosen to miss nothing: noise taken for speech costs time only.

    Attributes:
        threshold: speech begins at a frame of at least this probability.
        release: and goes on until frames stay below this one (lower, so that it does not flicker) …
        min_silence_s: … for at least so long.
        min_speech_s: shorter runs are clicks, not words.
        padding_before_s: added in front, for soft beginnings …
        padding_after_s: … and behind, for soft ends. Where two spans would overlap by it, they share the pause.
        possible: a piece without such a run counts as speech all the same where the mean of three frames reaches this,
            as it is or made louder: soft words are no runs, but hardly a sound without speech reaches this (decision
            0006 has the figures). None: runs alone decide.
        wants_times: it matters when speech begins and ends. Without that, a recording of one piece need only be heard
            to its end where nobody clearly speaks at its loudest place (`glance`).
    """

    threshold: float = 0.4
    release: float = 0.25
    min_silence_s: float = 0.2
    min_speech_s: float = 0.06
    padding_before_s: float = 0.15
    padding_after_s: float = 0.15
    possible: float | None = 0.07
    wants_times: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What became known.

    Attributes:
        spans: that are finished, in order, behind those told before.
        growing_from: start of a span behind them that has not ended yet; None where there is none.
        settled: up to here everything is known: speech in the spans, and from `growing_from` on; silence elsewhere.
    """

    spans: tuple[Span, ...] = ()
    growing_from: int | None = None
    settled: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """A run of speech that has ended: where its padded span begins, and where it ended without padding."""

    start: int
    end: int


class SpanFinder:
    """Turns probabilities into spans."""

    def __init__(self, rule: SpeechRule) -> None:
        self._rule = rule
        self._patience = max(1, round(rule.min_silence_s * SAMPLE_RATE / FRAME))
        self._shortest = rule.min_speech_s * SAMPLE_RATE / FRAME
        self._before = round(rule.padding_before_s * SAMPLE_RATE)
        self._after = round(rule.padding_after_s * SAMPLE_RATE)
        self._frames = 0
        self._n_samples = 0
        self._first, self._last = -1, -1  # frames of the run that goes on: where it began, and where speech was last
        self._growing_from: int | None = None  # the same run's padded start, once it is long enough to be one
        self._ended: _Run | None = None  # the run before it, while its padding may still meet the next one's
        self._found: list[Span] = []

    def feed(self, probabilities: NDArray[np.float32], n_samples: int) -> Heard:
        """Take the next frames.

        Args:
            probabilities: float32 [frames].
            n_samples: samples of the recording up to their end; the last frame of all may be cut short.
        """
        self._n_samples = n_samples
        for value in probabilities.tolist():
            self._step(value)
            self._frames += 1
        ended = self._ended
        if ended is not None and self._earliest() >= ended.end + self._after:
            self._finish_span(ended, ended.end + self._after)
        return self._heard(self._settled())

    def finish(self) -> Heard:
        """Tell the rest: no frames follow."""
        if self._growing_from is not None:
            self._end_run()
        if self._ended is not None:
            self._finish_span(self._ended, self._ended.end + self._after)
        return self._heard(self._n_samples)

    def _step(self, value: float) -> None:
        if self._first < 0:
            if value < self._rule.threshold:
                return
            self._first = self._last = self._frames
        elif value >= self._rule.release:
            self._last = self._frames
        elif self._frames - self._last >= self._patience:
            self._end_run()
            return
        if self._growing_from is None and self._last + 1 - self._first >= self._shortest:
            self._begin_span()

    def _begin_span(self) -> None:
        """The run is long enough to be one."""
        first, ended = self._first * FRAME, self._ended
        start = max(0, first - self._before)
        if ended is not None:
            end = ended.end + self._after
            if start < end:
                start = end = ended.end + (first - ended.end) * self._after // (self._after + self._before)
            self._finish_span(ended, end)
        self._growing_from = start

    def _end_run(self) -> None:
        if self._growing_from is not None:
            self._ended = _Run(start=self._growing_from, end=(self._last + 1) * FRAME)
        self._first, self._growing_from = -1, None

    def _finish_span(self, ended: _Run, end: int) -> None:
        self._found.append(Span(start=ended.start, end=min(end, self._n_samples)))
        self._ended = None

    def _earliest(self) -> int:
        """Where the next span begins at the earliest, its padding included."""
        if self._growing_from is not None:
            return self._growing_from
        return max(0, (self._first if self._first >= 0 else self._frames) * FRAME - self._before)

    def _settled(self) -> int:
        if self._growing_from is not None:
            settled = (self._last + 1) * FRAME
        else:
            settled = self._earliest() if self._ended is None else self._ended.end
        return min(settled, self._n_samples)

    def _heard(self, settled: int) -> Heard:
        growing_from = self._growing_from if self._ended is None else self._ended.start
        spans, self._found = tuple(self._found), []
        return Heard(spans=spans, growing_from=growing_from, settled=settled)
