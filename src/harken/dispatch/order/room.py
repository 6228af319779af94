"""How much may wait, and whose: the queue's bound in audio-seconds, shared out.

Pure accounting in whole samples, so that sums are exact. Two rules keep one from taking the room of another. What waits
as `batch` has a part beside the bound to itself, so that jobs never cause the refusal of somebody who waits for an
answer. And a key below its fair share of the bound is let in although others have filled it. Invariant: what is let in
never takes the sum above `HARD_PART` times the bound; those who were accepted before are not asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.types import SAMPLE_RATE, Priority, Requester

PART = {Priority.LIVE: 1.25, Priority.INTERACTIVE: 1.0, Priority.BATCH: 0.25}
"""What may wait, as parts of the bound: for `batch`, of batch; for the others, of both others together. A quarter is
open to `live` alone: somebody is speaking, and what was not heard now cannot be sent again."""

HARD_PART = 2.0
"""The most that all together may take, fair shares included: it bounds the memory that waiting audio holds."""

_LEAST_S = 0.1
"""The shortest recording that is worth a question whether there would be room."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """What waits of one class.

    Attributes:
        priority: the class.
        segments: how many.
        audio_s: their seconds of audio.
    """

    priority: Priority
    segments: int
    audio_s: float


class _Share:
    """What one half of the room holds."""

    def __init__(self) -> None:
        self.samples = 0
        self.by_key: dict[str, int] = {}

    def change(self, key: str, samples: int) -> None:
        self.samples += samples
        mine = self.by_key.get(key, 0) + samples
        if mine:
            self.by_key[key] = mine
        else:
            self.by_key.pop(key, None)


class Room:
    """The room of one queue.

    Args:
        limit_audio_s: seconds of audio that may wait, of all that are not `batch`.
    """

    def __init__(self, limit_audio_s: float) -> None:
        self._most_audio_s = limit_audio_s
        self._limit_audio_s = limit_audio_s
        self._front, self._batch = _Share(), _Share()
        self._segments = dict.fromkeys(Priority, 0)
        self._samples = dict.fromkeys(Priority, 0)

    @property
    def audio_s(self) -> float:
        """Seconds of audio in it."""
        return (self._front.samples + self._batch.samples) / SAMPLE_RATE

    @property
    def limit_audio_s(self) -> float:
        """Seconds of audio that may wait now, of all that are not `batch`."""
        return self._limit_audio_s

    def classes(self) -> tuple[Waiting, ...]:
        """What waits, by class, the most urgent first."""
        return tuple(
            Waiting(priority=each, segments=self._segments[each], audio_s=self._samples[each] / SAMPLE_RATE)
            for each in Priority
        )

    def ahead_s(self, priority: Priority) -> float:
        """Seconds of audio that a new one of this class would wait for."""
        return self.audio_s if priority is Priority.BATCH else self._front.samples / SAMPLE_RATE

    def narrow(self, limit_audio_s: float) -> None:
        """Let no more wait than this, with all parts and shares of it; never more than the room has."""
        self._limit_audio_s = min(self._most_audio_s, limit_audio_s)

    def take(self, requester: Requester, audio_s: float) -> None:
        """Let somebody in."""
        self._change(requester, 1, round(audio_s * SAMPLE_RATE))

    def leave(self, requester: Requester, audio_s: float) -> None:
        """Let out whom `take` let in, with the same arguments."""
        self._change(requester, -1, -round(audio_s * SAMPLE_RATE))

    def limit_s(self, priority: Priority) -> float:
        """Seconds of audio up to which this class is let in without a look at whose it is."""
        return PART[priority] * self._limit_audio_s

    def fits(self, requester: Requester, audio_s: float = _LEAST_S) -> bool:
        """Whether so much more may wait."""
        share, more = self._share(requester.priority), audio_s * SAMPLE_RATE
        if (self.audio_s + audio_s) > HARD_PART * self._most_audio_s:
            return False
        # However small a part is, a segment can always wait where nobody does.
        if not share.samples and (share is self._batch or self._limit_audio_s < self._most_audio_s):
            return True
        if (self.audio_s + audio_s) > HARD_PART * self._limit_audio_s:
            return False
        limit = self.limit_s(requester.priority) * SAMPLE_RATE
        if share.samples + more <= limit:
            return True
        mine = share.by_key.get(requester.key, 0)
        keys = len(share.by_key) + (not mine)
        return mine + more <= limit / keys

    def _change(self, requester: Requester, segments: int, samples: int) -> None:
        self._share(requester.priority).change(requester.key, samples)
        self._segments[requester.priority] += segments
        self._samples[requester.priority] += samples

    def _share(self, priority: Priority) -> _Share:
        return self._batch if priority is Priority.BATCH else self._front
