"""What to do about an answer that cannot be right: the guard's policy. Pure.

An answer is in trouble when the model repeated itself or ran into its token cap. A loop is first answered by the same
audio again with a repetition penalty, then by a cut in two, because what makes a model loop is mostly one spot; an
answer that was too long is cut at once. The invariant: all that is recognised again for one piece is at most
`EXTRA_MAX` times as long as the piece, and an answer without trouble costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from harken.audio import frame_levels
from harken.transcribe.repetition import has_loop
from harken.transcribe.result import RepairKind
from harken.types import SAMPLE_RATE, Finish, Transcript

EXTRA_MAX = 3
"""Audio-seconds that may be recognised again, per second of the piece: a penalty, halves, quarters; or deeper at one
bad spot, since the parts get shorter."""

HALF_MIN_S = 1.0
"""No part is shorter: too little context to recognise anything in."""

_FRAME = 512
_QUIET_FRAMES = 3
_REACH = 0.2
"""How far from the middle a cut may lie, as a part of the whole."""


class Remedy(Enum):
    """What can be done; the value is the repetition penalty, where it is one."""

    PENALTY = 1.15
    STRONG_PENALTY = 1.3
    HALVES = 0.0


_REMEDIES = {
    RepairKind.LOOP: (Remedy.PENALTY, Remedy.HALVES, Remedy.STRONG_PENALTY),
    RepairKind.LENGTH: (Remedy.HALVES, Remedy.PENALTY),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A stretch of audio whose answer is in trouble.

    Attributes:
        trouble: what is wrong with the latest answer.
        samples: length of the stretch.
        tried: penalties that did not help here, or on a longer stretch around it.
        samples_left: how much may still be recognised again for the piece.
    """

    trouble: RepairKind
    samples: int
    tried: frozenset[Remedy]
    samples_left: int


def trouble_of(transcript: Transcript) -> RepairKind | None:
    """Say what is wrong with an answer; None where nothing is.

    A loop may also show in the text alone: from a model whose engine did not notice, or one that the cap ended.
    """
    if transcript.finish is Finish.LOOP or has_loop(transcript.text, transcript.audio_s):
        return RepairKind.LOOP
    return RepairKind.LENGTH if transcript.finish is Finish.LENGTH else None


def next_remedy(case: Case) -> Remedy | None:
    """Choose what to try next; None when nothing is left, or when it would cost too much."""
    if case.samples > case.samples_left:
        return None
    for remedy in _REMEDIES[case.trouble]:
        if remedy is Remedy.HALVES:
            if case.samples >= 2 * HALF_MIN_S * SAMPLE_RATE:
                return remedy
        elif remedy not in case.tried:
            return remedy
    return None


def quiet_middle(samples: NDArray[np.float32]) -> int:
    """Return where to cut in two: the quietest tenth of a second within a fifth of the length around the middle.

    Args:
        samples: float32 [n], at least twice `HALF_MIN_S` long.

    Returns:
        A place in [HALF_MIN_S, n − HALF_MIN_S], in samples; of equally quiet ones the nearest to the middle.
    """
    middle, least = len(samples) // 2, round(HALF_MIN_S * SAMPLE_RATE)
    reach = round(_REACH * len(samples))
    first = max(least, middle - reach) // _FRAME + 1
    last = min(len(samples) - least, middle + reach) // _FRAME - _QUIET_FRAMES
    if last <= first:
        return middle
    levels = frame_levels(samples[first * _FRAME : (last + _QUIET_FRAMES) * _FRAME])
    sums = np.convolve(levels, np.ones(_QUIET_FRAMES), mode="valid")
    places = (first + np.arange(len(sums))) * _FRAME + _QUIET_FRAMES * _FRAME // 2
    quietest = np.flatnonzero(sums <= sums.min())
    return int(min(places[quietest].tolist(), key=lambda place: abs(place - middle)))
