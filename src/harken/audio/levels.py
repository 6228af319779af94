"""How loud a recording is, frame by frame, and where it is quietest. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harken.audio.spans import FRAME

_SMOOTHING_FRAMES: Final = 3
"""A cut wants about a tenth of a second of quiet, not one quiet frame between two loud ones."""


def frame_levels(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean square of each frame of 512 samples, float32 [ceil(n / 512)]; the last may be shorter."""
    whole = len(samples) // FRAME * FRAME
    frames = samples[:whole].reshape(-1, FRAME)
    levels = np.einsum("ij,ij->i", frames, frames) / FRAME
    rest = samples[whole:]
    return levels if not len(rest) else np.append(levels, np.mean(rest * rest, dtype=np.float32))


class Levels:
    """The levels of a recording's frames, of which the first may have been forgotten.

    Args:
        levels: of the first frames.
    """

    def __init__(self, levels: Iterable[float] = ()) -> None:
        self._levels = list(levels)
        self._first = 0

    def extend(self, levels: Iterable[float]) -> None:
        """Append the levels of the frames that follow."""
        self._levels.extend(levels)

    def forget(self, at: int) -> None:
        """Let go of the frames before sample `at`."""
        passed = max(0, at // FRAME - self._first)
        del self._levels[:passed]
        self._first += passed

    def between(self, first: int, last: int) -> list[float]:
        """Return the levels of the frames [first, last), as far as they are there."""
        return self._levels[max(0, first - self._first) : max(0, last - self._first)]


def quietest_place(levels: Levels, earliest: int, latest: int) -> int:
    """Return the middle of the quietest tenth of a second between two samples, the later one of equals.

    Returns:
        A place in (earliest, latest]; `latest` itself where there is no such tenth, or its loudness is not known.
    """
    first, last = max(0, earliest) // FRAME + 1, latest // FRAME
    found = levels.between(first, last)
    if len(found) <= _SMOOTHING_FRAMES or len(found) < last - first:
        return latest
    sums = np.convolve(found, np.ones(_SMOOTHING_FRAMES), mode="valid")
    index = len(sums) - 1 - int(np.argmin(sums[::-1]))
    return (first + index) * FRAME + _SMOOTHING_FRAMES * FRAME // 2
