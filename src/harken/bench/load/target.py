"""How long an answer may take to be of use: in seconds, or as a part of the recording's length. Pure.

A throughput that nobody can wait for is worth nothing, so goodput counts only the answers within a target. One of a
short clip and one of an hour are not wanted in the same time, hence the part; where both are given the longer counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What is wanted.

    Attributes:
        seconds: from the request to its answer; None where it is not said.
        share: of the recording's length, 0.1 for ten times real time; None where it is not said.
    """

    seconds: float | None = None
    share: float | None = None

    def __bool__(self) -> bool:
        """Whether anything is wanted."""
        return self.seconds is not None or self.share is not None

    def __str__(self) -> str:
        """As people say it."""
        parts = [f"{self.seconds:g} s"] if self.seconds is not None else []
        parts += [f"{self.share:.4g} of the recording's length"] if self.share is not None else []
        return " or ".join(parts) + (", whichever is longer" if len(parts) > 1 else "")

    def is_met(self, took_s: NDArray[np.float32], audio_s: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Say of each answer whether it came in time; always where nothing is wanted."""
        if not self:
            return np.ones(len(took_s), np.bool_)
        return np.asarray(took_s <= np.maximum(self.seconds or 0.0, (self.share or 0.0) * audio_s), np.bool_)
