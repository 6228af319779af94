"""Where to cut a recording into pieces that fit the model, while it is still being heard. Pure.

Long silences become pieces of their own, marked as such, so that nobody has to recognise them. What lies between them
is cut in the middle of pauses, at the longest pause within reach; where nobody pauses, at the quietest place. A
recording that fits into one piece is one. The invariant: the pieces are in order, none is longer than allowed, and
together they are the recording: no sample is lost and none comes twice; and they are the same however it is fed.

The algorithm is written as a generator over what is known so far: it yields pieces, and None where it cannot go on
before more is known. A piece is decided once a quarter of the longest one is known behind the place of its cut.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from harken.audio.levels import Levels, quietest_place
from harken.audio.spans import Heard, Span
from harken.types import SAMPLE_RATE


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """One piece of a recording: samples [start, end).

    Attributes:
        start: the first sample.
        end: the sample behind the last.
        has_speech: false where no speech was found in the whole piece; it need not be recognised.
    """

    start: int
    end: int
    has_speech: bool

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, kw_only=True, slots=True)
class CutRule:
    """How to cut.

    Attributes:
        max_segment_s: no piece is longer; at least 1.
        long_silence_s: silences of at least this length (or of the longest piece's) become pieces of their own …
        kept_silence_s: … after leaving so much of them to the speech on either side.
        quiet_search_s: how far back from the latest possible place the quietest one is looked for.
        splits_at_pauses: every span of speech becomes a piece of its own, and every pause a piece without speech, also
            in a recording that would fit into one piece (OpenAI's `server_vad`). How long a pause is, and how much
            sound is kept around speech, is then said by `SpeechRule` alone.
    """

    max_segment_s: float = 30.0
    long_silence_s: float = 3.0
    kept_silence_s: float = 0.4
    quiet_search_s: float = 5.0
    splits_at_pauses: bool = False


@dataclass(kw_only=True, slots=True)
class _Known:
    """What is known of the recording behind the last cut.

    Attributes:
        spans: finished spans of speech; of those before the last cut, the last.
        growing_from: start of the span that has not ended yet.
        settled: up to here speech and silence are known.
        n_samples: heard so far.
        is_all: the recording ends there.
        levels: loudness of its frames.
    """

    spans: list[Span] = field(default_factory=list)
    growing_from: int | None = None
    settled: int = 0
    n_samples: int = 0
    is_all: bool = False
    levels: Levels = field(default_factory=Levels)

    def spans_behind(self, at: int) -> Iterator[tuple[int, int | None]]:
        """Yield start and end of the spans that end behind `at`; the end is None where it is not known yet."""
        for span in self.spans[bisect_right(self.spans, at, key=lambda span: span.end) :]:
            yield span.start, span.end
        if self.growing_from is not None:
            yield self.growing_from, None

    def longest_pause(self, earliest: int, latest: int) -> int | None:
        """Return the middle of the longest pause whose middle lies in [earliest, latest], the later one of equals."""
        starts = [span.start for span in self.spans]
        if self.growing_from is not None:
            starts.append(self.growing_from)
        # Each span's end, and the start of the one behind it.
        pauses = (
            (start - before.end, (before.end + start) // 2)
            for before, start in zip(self.spans, starts[1:], strict=False)
        )
        best = max((pause for pause in pauses if earliest <= pause[1] <= latest), default=None)
        return None if best is None else best[1]

    def has_speech(self, start: int, end: int) -> bool:
        """Whether a span overlaps [start, end)."""
        first, _ = next(self.spans_behind(start), (end, None))
        return first < end

    def forget(self, at: int) -> None:
        """Let go of what lies before a cut."""
        passed = bisect_right(self.spans, at, key=lambda span: span.end)
        del self.spans[: max(0, passed - 1)]
        self.levels.forget(at)


class Cutter:
    """Partitions one recording.

    Args:
        rule: how to cut.

    Raises:
        ValueError: the longest segment is shorter than a second.
    """

    def __init__(self, rule: CutRule) -> None:
        if rule.max_segment_s < 1.0:
            raise ValueError(f"segments of at most {rule.max_segment_s} s are too short to cut speech into")
        self._rule = rule
        self._longest = int(rule.max_segment_s * SAMPLE_RATE)
        # A tail shorter than a quarter segment gives the model too little context; the piece before it gives way.
        self._tail = self._longest // 4
        splits = rule.splits_at_pauses
        self._kept = 0 if splits else round(rule.kept_silence_s * SAMPLE_RATE)
        self._long = 0 if splits else min(self._longest, math.ceil(rule.long_silence_s * SAMPLE_RATE))
        self._known = _Known()
        self._pieces = self._cut_all()

    def feed(self, heard: Heard, levels: Sequence[float], n_samples: int) -> list[Cut]:
        """Take what became known; returns the pieces that it decides.

        Args:
            heard: of speech.
            levels: loudness of the frames that follow those fed before.
            n_samples: length of the recording so far, up to the end of these frames.
        """
        known = self._known
        known.spans.extend(heard.spans)
        known.growing_from, known.settled, known.n_samples = heard.growing_from, heard.settled, n_samples
        known.levels.extend(levels)
        return list(iter(lambda: next(self._pieces, None), None))

    def finish(self, heard: Heard) -> list[Cut]:
        """Return the rest of the pieces: the recording ends where it was last fed to."""
        self._known.is_all = True
        return self.feed(heard, [], self._known.n_samples)

    def _cut_all(self) -> Generator[Cut | None, None, None]:
        known = self._known
        while not self._rule.splits_at_pauses and known.n_samples <= self._longest:
            if known.is_all:
                if known.n_samples:
                    yield Cut(start=0, end=known.n_samples, has_speech=known.has_speech(0, known.n_samples))
                return
            yield None
        at = 0
        if (yield from self._begins_silent()):
            at = yield from self._cut_silence(at)
        while not (known.is_all and at == known.n_samples):
            at = yield from self._cut_speech(at)
            at = yield from self._cut_silence(at)

    def _begins_silent(self) -> Generator[None, None, bool]:
        """Tell whether the recording begins with a long silence. Nobody speaks before it, so nothing is left there."""
        known = self._known
        while True:
            first, _ = next(known.spans_behind(0), (None, None))
            if first is not None or known.is_all:
                silent = known.n_samples if first is None else first - self._kept
                return silent > 0 and (first is None or first >= self._long)
            if known.settled >= self._long and known.settled > self._kept:
                return True
            yield None

    def _cut_silence(self, at: int) -> Generator[Cut | None, None, int]:
        """Cut silence from `at` on into pieces of the longest length, and what is left; returns where it ends."""
        known = self._known
        while True:
            following, _ = next(known.spans_behind(at), (None, None))
            is_end_known = following is not None or known.is_all
            if following is not None:
                end = max(at, following - self._kept)
            else:
                end = known.n_samples if known.is_all else known.settled - self._kept
            while end - at > self._longest or (is_end_known and end > at):
                place = min(end, at + self._longest)
                yield Cut(start=at, end=place, has_speech=False)
                known.forget(place)
                at = place
            if is_end_known:
                return at
            yield None

    def _cut_speech(self, at: int) -> Generator[Cut | None, None, int]:
        """Cut what lies between two long silences, from `at` on; returns where the second one begins."""
        known = self._known
        while True:
            end, is_known = self._end_of_speech(at)
            while end - at > (self._longest if is_known else self._longest + self._tail - 1):
                latest = min(at + self._longest, end - self._tail)
                place = known.longest_pause(at + self._longest // 2, latest)
                if place is None:
                    reach = min(self._rule.quiet_search_s, self._rule.max_segment_s / 4)
                    place = quietest_place(known.levels, latest - round(reach * SAMPLE_RATE), latest)
                yield Cut(start=at, end=place, has_speech=known.has_speech(at, place))
                known.forget(place)
                at = place
            if is_known:
                if end > at:
                    yield Cut(start=at, end=end, has_speech=known.has_speech(at, end))
                    known.forget(end)
                return end
            yield None

    def _end_of_speech(self, at: int) -> tuple[int, bool]:
        """Return where the next long silence behind `at` begins, and true; or how far there is none for sure."""
        known = self._known
        before: int | None = None
        for start, end in known.spans_behind(at):
            if before is not None and self._is_long(before, start):
                return before + self._kept, True
            if end is None:
                return max(at, known.settled), False
            before = end
        if before is None:
            return (known.n_samples if known.is_all else at), known.is_all
        if known.is_all:
            is_long = known.n_samples - before >= self._long and known.n_samples > before + self._kept
            return (before + self._kept if is_long else known.n_samples), True
        is_long = known.settled > before and self._is_long(before, known.settled)
        return (before + self._kept if is_long else before), is_long

    def _is_long(self, start: int, end: int) -> bool:
        """Whether a silence between two spans becomes a piece of its own, or divides them as if it were one."""
        return end - start >= self._long and (end - start > 2 * self._kept or self._rule.splits_at_pauses)
