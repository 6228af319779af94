"""How long an answer may take."""

from __future__ import annotations

import numpy as np
import pytest

from harken.bench.load.target import Target

TOOK = np.array([1.0, 3.0, 30.0], np.float32)
AUDIO = np.array([5.0, 5.0, 100.0], np.float32)


@pytest.mark.parametrize(
    ("target", "met", "words"),
    [
        (Target(), [True, True, True], ""),
        (Target(seconds=2.0), [True, False, False], "2 s"),
        (Target(share=0.4), [True, False, True], "0.4 of the recording's length"),
        (
            Target(seconds=3.0, share=0.4),
            [True, True, True],
            "3 s or 0.4 of the recording's length, whichever is longer",
        ),
    ],
)
def test_the_longer_limit_counts(target: Target, met: list[bool], words: str) -> None:
    """Seconds for clips, a part of the length for hours."""
    assert target.is_met(TOOK, AUDIO).tolist() == met
    assert (str(target), bool(target)) == (words, words != "")
