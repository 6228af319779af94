"""Where to cut a recording into segments that fit the model. Pure: numbers in, a partition out.

Long silences become pieces of their own, marked as such, so that nobody has to recognise them. What lies between them
is cut in the middle of pauses, at the longest pause within reach; where nobody pauses, at the quietest place. The
invariant: the pieces are in order, none is longer than allowed, and together they are the recording: no sample is lost
and none comes twice.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harken.audio.voice_activity import FRAME, Span
from harken.types import SAMPLE_RATE

_SMOOTHING_FRAMES: Final = 3
"""A cut wants about a tenth of a second of quiet, not one quiet frame between two loud ones."""


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
        long_silence_s: silences of at least this length become pieces of their own …
        kept_silence_s: … after leaving so much of them to the speech on either side.
        quiet_search_s: how far back from the latest possible place the quietest one is looked for.
        splits_at_pauses: every run of speech becomes a piece of its own, and every pause a piece without speech, also
            in recordings that would fit into one piece (OpenAI's `server_vad`). How long a pause is, and how much
            sound is kept around speech, is then said by `SpeechRule` alone.
    """

    max_segment_s: float = 30.0
    long_silence_s: float = 3.0
    kept_silence_s: float = 0.4
    quiet_search_s: float = 5.0
    splits_at_pauses: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pause:
    middle: int
    length: int


def frame_levels(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean square of each frame of 512 samples, float32 [ceil(n / 512)]; the last may be shorter."""
    whole = len(samples) // FRAME * FRAME
    frames = samples[:whole].reshape(-1, FRAME)
    levels = np.einsum("ij,ij->i", frames, frames) / FRAME
    rest = samples[whole:]
    return levels if not len(rest) else np.append(levels, np.mean(rest * rest, dtype=np.float32))


def cut(
    n_samples: int,
    speech: Sequence[Span],
    rule: CutRule | None = None,
    levels: NDArray[np.float32] | None = None,
) -> tuple[Cut, ...]:
    """Partition [0, n_samples).

    Args:
        n_samples: length of the recording, ≥ 0.
        speech: sorted, disjoint spans inside it, as `speech_spans` gives them.
        rule: how to cut; None means the defaults.
        levels: loudness per frame of 512 samples, as `frame_levels` gives it; without it, speech that never pauses is
            cut at the latest possible place.

    Returns:
        The pieces in order; none for an empty recording.

    Raises:
        ValueError: the longest segment is shorter than a second.
    """
    rule = rule or CutRule()
    if rule.max_segment_s < 1.0:
        raise ValueError(f"segments of at most {rule.max_segment_s} s are too short to cut speech into")
    pieces: list[Cut] = []
    for part, has_speech in _parts(n_samples, speech, rule):
        if has_speech:
            pieces.extend(_cut_speech(part, speech, rule, levels))
        else:
            pieces.extend(_cut_evenly(part, rule))
    return tuple(pieces)


def _parts(n_samples: int, speech: Sequence[Span], rule: CutRule) -> Iterator[tuple[Span, bool]]:
    """Yield stretches that hold speech and long silences, alternating, together the whole recording."""
    at = 0
    for silence in _long_silences(n_samples, speech, rule):
        if silence.start > at:
            yield Span(start=at, end=silence.start), True
        yield silence, False
        at = silence.end
    if at < n_samples:
        yield Span(start=at, end=n_samples), True


def _long_silences(n_samples: int, speech: Sequence[Span], rule: CutRule) -> Iterator[Span]:
    kept = round(rule.kept_silence_s * SAMPLE_RATE)
    for gap in _gaps(n_samples, speech):
        # Nobody speaks before the start or behind the end, so nothing is left to them.
        start = gap.start + (kept if gap.start > 0 else 0)
        end = gap.end - (kept if gap.end < n_samples else 0)
        is_everything = len(speech) == 0
        if end > start and (is_everything or gap.end - gap.start >= rule.long_silence_s * SAMPLE_RATE):
            yield Span(start=start, end=end)


def _gaps(n_samples: int, speech: Sequence[Span]) -> Iterator[Span]:
    at = 0
    for span in speech:
        if span.start > at:
            yield Span(start=at, end=span.start)
        at = span.end
    if at < n_samples:
        yield Span(start=at, end=n_samples)


def _cut_evenly(part: Span, rule: CutRule) -> Iterator[Cut]:
    """Cut silence into as few pieces as possible, of equal length."""
    length = part.end - part.start
    count = -(-length // int(rule.max_segment_s * SAMPLE_RATE))
    edges = [part.start + length * index // count for index in range(count + 1)]
    for start, end in itertools.pairwise(edges):
        yield Cut(start=start, end=end, has_speech=False)


def _cut_speech(part: Span, speech: Sequence[Span], rule: CutRule, levels: NDArray[np.float32] | None) -> Iterator[Cut]:
    longest = int(rule.max_segment_s * SAMPLE_RATE)
    # A tail shorter than a quarter segment gives the model too little context; the piece before it gives way.
    tail = longest // 4
    pauses = _pauses(part, speech)
    at = part.start
    while part.end - at > longest:
        latest = min(at + longest, part.end - tail)
        place = _longest_pause(pauses, at + longest // 2, latest)
        if place is None:
            place = _quietest(levels, latest, rule)
        yield Cut(start=at, end=place, has_speech=True)
        at = place
    yield Cut(start=at, end=part.end, has_speech=True)


def _pauses(part: Span, speech: Sequence[Span]) -> list[_Pause]:
    """Return the gaps between neighbouring spans of speech inside `part`, in order."""
    first = bisect_left(speech, part.start, key=lambda span: span.end)
    last = bisect_left(speech, part.end, key=lambda span: span.start)
    inside = speech[first:last]
    return [
        _Pause(middle=(before.end + after.start) // 2, length=after.start - before.end)
        for before, after in itertools.pairwise(inside)
    ]


def _longest_pause(pauses: Sequence[_Pause], earliest: int, latest: int) -> int | None:
    """Return the middle of the longest pause whose middle lies in [earliest, latest], the later one of equals."""
    first = bisect_left(pauses, earliest, key=lambda pause: pause.middle)
    last = bisect_right(pauses, latest, key=lambda pause: pause.middle)
    best = max(pauses[first:last], key=lambda pause: (pause.length, pause.middle), default=None)
    return best.middle if best else None


def _quietest(levels: NDArray[np.float32] | None, latest: int, rule: CutRule) -> int:
    """Return the middle of the quietest tenth of a second in reach of `latest`, the later one of equals."""
    reach = min(rule.quiet_search_s, rule.max_segment_s / 4) * SAMPLE_RATE
    first, last = int(latest - reach) // FRAME + 1, latest // FRAME - _SMOOTHING_FRAMES
    if levels is None or last <= first or last + _SMOOTHING_FRAMES > len(levels):
        return latest
    sums = np.convolve(levels[first : last + _SMOOTHING_FRAMES], np.ones(_SMOOTHING_FRAMES), mode="valid")
    index = len(sums) - 1 - int(np.argmin(sums[::-1]))
    return (first + index) * FRAME + _SMOOTHING_FRAMES * FRAME // 2
