"""Whether somebody clearly speaks where a recording is loudest. Pure.

Most recordings are short, hold speech, and are asked for nothing but their text: all that voice activity has to say of
them is "not silent". A third of a second of the loudest sound says it as well as the whole does, and a glance at six
seconds costs a fifteenth of hearing them. It decides nothing else: where it is not sure, the recording is heard from
beginning to end (decision 0006 has the figures).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from harken.audio.levels import frame_levels
from harken.audio.spans import FRAME

CLEAR: Final = 0.5
"""Mean probability of three frames from which a glance is believed: far above what makes a piece worth recognising."""

_BEFORE: Final = 8
"""Frames in front of the loudest one; the model needs some to find its way."""
_BEHIND: Final = 4


def loudest_place(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the twelve frames around the loudest tenth of a second, or fewer at an edge; a view, float32 [n]."""
    levels = frame_levels(samples)
    around = np.convolve(levels, np.ones(3, np.float32), mode="same") if len(levels) >= 3 else levels
    loudest = int(np.argmax(around))
    return samples[max(0, loudest - _BEFORE) * FRAME : (loudest + _BEHIND) * FRAME]
