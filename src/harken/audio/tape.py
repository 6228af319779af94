"""Samples of a recording that are still needed: those behind the last piece that was taken. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray


class Tape:
    """Collects samples in reels of one size, and hands out stretches from its beginning.

    Args:
        reel: samples of each reel.
    """

    def __init__(self, reel: int) -> None:
        self._reel: Final = reel
        self._reels: deque[NDArray[np.float32]] = deque()
        self._start = 0  # place in the recording of the first sample that is held
        self._skipped = 0  # samples at the start of the first reel that were taken
        self.end = 0
        """Samples that were put on it so far."""

    def put(self, samples: NDArray[np.float32]) -> tuple[int, NDArray[np.float32]]:
        """Copy as many of the samples as the last reel has room for.

        Returns:
            How many; and that reel as far as it is filled now.
        """
        filled = self.end % self._reel
        if not filled:
            self._reels.append(np.empty(self._reel, np.float32))
        reel, count = self._reels[-1], min(len(samples), self._reel - filled)
        reel[filled : filled + count] = samples[:count]
        self.end += count
        return count, reel[: filled + count]

    def held(self) -> NDArray[np.float32]:
        """Return a copy of everything that is on it, float32 [n]."""
        reels, last = [*self._reels], self.end % self._reel
        if reels and last:
            reels[-1] = reels[-1][:last]
        if reels:
            reels[0] = reels[0][self._skipped :]
        return np.concatenate(reels) if reels else np.zeros(0, np.float32)

    def take(self, end: int) -> NDArray[np.float32]:
        """Take everything up to place `end` of the recording off the tape; a copy, float32 [n]."""
        wanted = end - self._start
        taken: list[NDArray[np.float32]] = []
        while wanted:
            reel = self._reels[0][self._skipped : self._skipped + wanted]
            taken.append(reel)
            wanted -= len(reel)
            self._skipped += len(reel)
            if self._skipped == self._reel:
                self._reels.popleft()
                self._skipped = 0
        self._start = end
        return np.concatenate(taken) if taken else np.zeros(0, np.float32)
