"""Which segments of the traffic make a good sample: recent ones, of many lengths, languages and recordings.

Plain bookkeeping without a clock. It holds what clients sent, so it has a bound in segments and in audio-seconds, and
whoever owns it clears it as soon as the roll has no more use for it. The invariant: while any language and length is
there twice, none that is there once leaves; so neither a rush of clips nor one long recording fills the sample.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harken.fleet.shadow import Heard
from harken.types import ANYBODY, Options, Segment

_LENGTHS_MAX = 5
"""Classes of length: up to 1, 2, 4, 8, 16 s, and longer."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sample:
    """One segment and what the old model heard in it.

    Attributes:
        segment: its samples are a copy of its own; nothing in it names its client.
        options: as the client had them.
        heard: by the old model.
        source: the client's request, so that no recording fills the sample.
    """

    segment: Segment
    options: Options
    heard: Heard
    source: str

    @property
    def kind(self) -> tuple[str, int]:
        """Its language and its class of length."""
        audio_s = self.segment.audio_s
        length = math.ceil(math.log2(audio_s)) if audio_s > 0 else 0
        return self.heard.language, min(max(0, length), _LENGTHS_MAX)


class Samples:
    """So many recent segments.

    Args:
        wanted: segments, at most.
        audio_s: seconds of audio in them, at most; 64 kB each.
    """

    def __init__(self, wanted: int, audio_s: float) -> None:
        self._wanted = wanted
        self._audio_s = audio_s
        self._kept: list[Sample] = []
        self._held_s = 0.0

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Sample]:
        return iter(tuple(self._kept))

    @property
    def is_enough(self) -> bool:
        """There are as many as are wanted, or as much audio as may be held."""
        return len(self._kept) >= self._wanted or self._held_s > 0.9 * self._audio_s

    @property
    def held_s(self) -> float:
        """Seconds of audio that are held."""
        return self._held_s

    def offer(self, segment: Segment, options: Options, heard: Heard) -> bool:
        """Take in a segment, where there is room or it makes the sample more varied; False: it does not."""
        if not 0.0 < segment.audio_s <= self._audio_s or self._wanted < 1:
            return False
        # Not yet a copy: most that heavy traffic offers is not taken.
        sample = Sample(segment=segment, options=options, heard=heard, source=segment.request_id)
        leaving = self._leaving(sample)
        if sample in leaving:
            return False
        for each in leaving:
            self._kept.remove(each)
        self._kept.append(dataclasses.replace(sample, segment=_nameless(segment)))
        self._held_s = sum(each.segment.audio_s for each in self._kept)
        return True

    def clear(self) -> None:
        """Forget what clients sent."""
        self._kept.clear()
        self._held_s = 0.0

    def _leaving(self, newcomer: Sample) -> list[Sample]:
        """Who has to go so that it fits: of the most crowded kind and recording, itself if it is of those."""
        staying, leaving = [newcomer, *self._kept], list[Sample]()
        held_s = self._held_s + newcomer.segment.audio_s
        while len(staying) > self._wanted or held_s > self._audio_s:
            kinds = Counter(sample.kind for sample in staying)
            sources = Counter(sample.source for sample in staying)
            # `max` takes the first of equals.
            crowded = max(staying, key=lambda sample: (kinds[sample.kind], sources[sample.source]))
            staying.remove(crowded)
            leaving.append(crowded)
            held_s -= crowded.segment.audio_s
        return leaving


def _nameless(segment: Segment) -> Segment:
    """A copy that keeps neither the recording that it was cut from nor the names of whoever sent it."""
    return Segment(samples=np.array(segment.samples, dtype=np.float32), request_id="shadow", requester=ANYBODY)
