"""Where somebody speaks in a session, found and cut from some place on as `server_vad` does it with a file. Pure.

Owns the spans and their cuts in places of the session; what becomes of them is `hearing`'s to say. The invariant: from
the same place on, a session and a file with the same sound are cut alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harken.audio import CutRule, SpeechRule
from harken.audio.cutting import Cut, Cutter
from harken.audio.levels import frame_levels
from harken.audio.spans import FRAME, Heard, SpanFinder
from harken.types import SAMPLE_RATE


@dataclass(frozen=True, kw_only=True, slots=True)
class Speech:
    """Samples [start, end) in which somebody speaks; with `is_end`, a pause follows."""

    start: int
    end: int
    is_end: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What became known.

    Attributes:
        cuts: pieces with speech, in order.
        growing_from: start of a span that has not ended.
        settled: up to here speech and silence are known.
    """

    cuts: tuple[Speech, ...]
    growing_from: int | None
    settled: int


class TurnSpans:
    """Of one session.

    Args:
        rule: what counts as speech.
        cut: how long a piece may be.
        start: where it begins to listen.
    """

    def __init__(self, rule: SpeechRule, cut: CutRule, start: int) -> None:
        self._rule = rule
        self._finder = SpanFinder(rule)
        self._cutter = Cutter(replace(cut, splits_at_pauses=True))
        self._start = start
        self._ends: set[int] = set()

    def feed(self, probabilities: NDArray[np.float32], samples: NDArray[np.float32], end: int) -> Told:
        """Take the next frames, with their probabilities, up to a place of the session."""
        heard = self._finder.feed(probabilities, end - self._start)
        return self._told(heard, self._cutter.feed(heard, frame_levels(samples).tolist(), end - self._start))

    def finish(self) -> Told:
        """Nothing follows."""
        heard = self._finder.finish()
        return self._told(heard, self._cutter.finish(heard))

    def earliest(self, heard: int) -> int:
        """Where speech that has not been told of may begin at the earliest."""
        unsure = self._rule.min_speech_s + self._rule.padding_before_s + self._rule.padding_after_s
        return heard - round(unsure * SAMPLE_RATE) - 2 * FRAME

    def _told(self, heard: Heard, cuts: Iterable[Cut]) -> Told:
        self._ends.update(span.end for span in heard.spans)
        found = []
        for cut in cuts:
            if cut.has_speech:
                is_end = cut.end in self._ends
                found.append(Speech(start=cut.start + self._start, end=cut.end + self._start, is_end=is_end))
        if found:
            self._ends = {end for end in self._ends if end + self._start > found[-1].end}
        growing_from = None if heard.growing_from is None else heard.growing_from + self._start
        return Told(cuts=tuple(found), growing_from=growing_from, settled=heard.settled + self._start)
