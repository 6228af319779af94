"""A run over time: what was answered in each of some even steps. Pure.

A request belongs to the step in which its answer came, since that is when a server was fast or slow. The invariant:
every request is in one step.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from harken.bench.load.figures import quantile
from harken.bench.load.outcomes import Columns

STEPS_MOST = 60
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """Steps of a run, the first from its beginning.

    Attributes:
        step_s: how long one is.
        successes: answers with a transcript.
        failures: the others.
        audio_s: seconds of audio in the successes.
        p50_s: of the successes' times; None where there were none.
        p95_s: the same.
    """

    step_s: float
    successes: tuple[int, ...]
    failures: tuple[int, ...]
    audio_s: tuple[float, ...]
    p50_s: tuple[float | None, ...]
    p95_s: tuple[float | None, ...]


def timeline_of(requests: Columns, elapsed_s: float) -> Timeline:
    """Divide a run into even steps of about a round length, at most sixty."""
    round_s = next((step for step in _STEPS_S if elapsed_s <= step * STEPS_MOST), elapsed_s / STEPS_MOST)
    count = max(1, round(elapsed_s / round_s))
    step_s = elapsed_s / count or 1.0
    ended_s = requests["due_s"] + requests["took_s"]
    steps = np.clip((ended_s / step_s).astype(np.int64), 0, count - 1)
    is_good = requests.is_("code", "")
    good = requests.only(is_good)
    order = np.lexsort((good["took_s"], steps[is_good]))
    times, places = good["took_s"][order], steps[is_good][order]
    edges = np.searchsorted(places, np.arange(count + 1))
    parts = [times[first:last] for first, last in pairwise(edges.tolist())]
    return Timeline(
        step_s=float(step_s),
        successes=tuple(len(part) for part in parts),
        failures=tuple(np.bincount(steps[~is_good], minlength=count).tolist()),
        audio_s=tuple(np.bincount(steps[is_good], weights=good["audio_s"], minlength=count).round(3).tolist()),
        p50_s=tuple(quantile(part, 0.5) if len(part) else None for part in parts),
        p95_s=tuple(quantile(part, 0.95) if len(part) else None for part in parts),
    )
