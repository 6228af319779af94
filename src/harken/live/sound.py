"""The last stretch of a session's sound: what drafts are cut from. Pure.

Samples and probabilities of speech by their place in the session; what lies before a place can be let go. The
invariant: it holds what was put on it since the last `forget`, and nothing else.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harken.audio.spans import FRAME
from harken.types import SAMPLE_RATE

_QUIET: Final = 0.25
"""Probability of speech below which a frame may lie in a pause."""

_SHORTEST_PAUSE: Final = 2
"""Frames; one quiet frame is a consonant."""


class Sound:
    """Samples [start, end) of a session, from its beginning."""

    def __init__(self) -> None:
        self.start = self.end = 0
        self._blocks: deque[NDArray[np.float32]] = deque()
        self._probabilities: deque[tuple[int, float]] = deque()  # a frame's end, and how likely somebody speaks in it

    def put(self, samples: NDArray[np.float32]) -> None:
        """Append float32 [n ≥ 0]."""
        if len(samples):
            self._blocks.append(samples)
            self.end += len(samples)

    def hear(self, probabilities: NDArray[np.float32], end: int) -> None:
        """Note the probabilities of speech in the frames up to a place."""
        first = end - len(probabilities) * FRAME
        self._probabilities.extend(
            (first + (number + 1) * FRAME, value) for number, value in enumerate(probabilities.tolist())
        )

    def forget(self, before: int) -> None:
        """Let go of what lies before a place."""
        while self._blocks and self.start + len(self._blocks[0]) <= before:
            self.start += len(self._blocks.popleft())
        while self._probabilities and self._probabilities[0][0] <= before:
            self._probabilities.popleft()

    def read(self, start: int, end: int) -> NDArray[np.float32]:
        """Return a copy of [start, end) as far as it is there, float32 [n]."""
        at, found = self.end, []
        for block in reversed(self._blocks):  # mostly it is the newest that is read
            at -= len(block)
            if at < end:
                found.append(block[max(0, start - at) : end - at])
            if at <= start:
                break
        return np.concatenate(found[::-1]) if found else np.zeros(0, np.float32)

    def probabilities(self, start: int, end: int) -> NDArray[np.float32]:
        """Return the probabilities of speech in the frames of [start, end), float32 [n]."""
        inside = [value for at, value in self._probabilities if at > start and at - FRAME < end]
        return np.array(inside, np.float32)

    def pause(self, earliest: int, latest: int) -> int | None:
        """Return the middle of the longest pause in [earliest, latest], the later one of equals; None without one."""
        best, begin, length = (0, 0), 0, 0
        for end, value in self._probabilities:
            if end - FRAME < earliest or end > latest:
                continue
            if value >= _QUIET:
                length = 0
                continue
            begin, length = (begin, length + 1) if length else (end - FRAME, 1)
            best = max(best, (length, (begin + end) // 2))
        return best[1] if best[0] >= _SHORTEST_PAUSE else None

    @property
    def is_quiet(self) -> bool:
        """Nobody speaks in the last frame."""
        return not self._probabilities or self._probabilities[-1][1] < _QUIET

    @property
    def held_s(self) -> float:
        """Seconds that are held."""
        return (self.end - self.start) / SAMPLE_RATE
