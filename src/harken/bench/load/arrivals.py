"""When calls of real people come: a Poisson process. Pure but for its seeded generator.

Evenly spaced requests never meet each other, and a server that can do ten a second looks perfect at nine. Real calls
know nothing of each other, so their distances are exponential, and sometimes three come at once. The invariant: the
same rate and seed give the same times, however many of them are read.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_AT_ONCE = 1024


def poisson(rate: float, seed: int) -> Iterator[float]:
    """Say when each request is meant to go out, in seconds from the beginning, without end.

    Args:
        rate: requests per second, on average.
        seed: of the distances.
    """
    random = np.random.default_rng(seed)
    at_s = 0.0
    while True:
        for distance_s in random.exponential(1.0 / rate, _AT_ONCE).tolist():
            at_s += distance_s
            yield at_s
