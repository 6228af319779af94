"""Two load tests beside each other: what became faster or slower, and whether that is more than noise. Pure.

Response times of a queue are not independent: one slow moment makes a hundred slow requests. So the interval of each
ratio is a block bootstrap: both runs are cut into stretches of requests that went out one after the other, and drawn
again from whole stretches. A difference counts only where the interval of 99 % leaves no room for none: ten figures
are looked at, and at 95 % every other comparison of a thing with itself would find one. The invariant: the same
two files give the same intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harken.bench.load.figures import quantile

Values = NDArray[np.float64]

DRAWS = 1000
_BLOCKS = 20
_BLOCK_LEAST = 5
_SEED = 1

_UNCOMPARED = frozenset({"title", "files"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """What is compared of a saved run.

    Attributes:
        name: of its file.
        settings: what was asked for.
        places: machine, commit, version and models, by their names.
        samples: times of each class in the order in which the requests went out, in seconds.
        answers_per_s: successes a second in even steps of the run.
        audio_per_s: their audio-seconds a second.
        success_rate: the part of the requests that succeeded.
        within: the part that succeeded within the target.
        word_error_rate: None where nobody knew what is said.
    """

    name: str
    settings: Mapping[str, object]
    places: Mapping[str, object]
    samples: Mapping[str, Sequence[float]]
    answers_per_s: Sequence[float]
    audio_per_s: Sequence[float]
    success_rate: float
    within: float
    word_error_rate: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One figure of both.

    Attributes:
        figure: its name: "p95", "requests a second".
        kind: the class of duration; "" for all.
        before: in the first run.
        after: in the second.
        ratio: of after to before; None where before is 0.
        low: the ratio is above this in 199 of 200 draws; None where there are too few values.
        high: the ratio is below this in 199 of 200 draws.
        more_is_better: whether it is good to grow.
        is_share: a part of all, whose difference is told instead of a ratio.
    """

    figure: str
    kind: str
    before: float
    after: float
    ratio: float | None
    low: float | None = None
    high: float | None = None
    more_is_better: bool = False
    is_share: bool = False

    @property
    def is_real(self) -> bool:
        """Whether it is more than noise; what has no interval never is."""
        return self.low is not None and self.high is not None and not self.low <= 1.0 <= self.high

    @property
    def worse_by(self) -> float:
        """By which share it became worse: 0.1 for a tenth; 0 where it did not."""
        if self.is_share:
            change = self.after - self.before
            return max(0.0, -change if self.more_is_better else change)
        if self.ratio is None:
            return 0.0
        if self.more_is_better:
            return max(0.0, 1.0 - self.ratio)
        return max(0.0, self.ratio - 1.0)

    def fails(self, above: float) -> bool:
        """Whether it became worse by more than a share, and by more than noise; shares of all have no noise."""
        return self.worse_by > above and (self.is_share or self.is_real)


_TIMES: dict[str, Callable[[Values], float]] = {
    "mean": lambda times: float(times.mean()),
    "p50": lambda times: quantile(np.sort(times), 0.5),
    "p95": lambda times: quantile(np.sort(times), 0.95),
    "p99": lambda times: quantile(np.sort(times), 0.99),
}


def differences(before: Saved, after: Saved) -> list[Difference]:
    """Compare everything that both have."""
    found = [
        _rate("requests a second", before.answers_per_s, after.answers_per_s),
        _rate("times real time", before.audio_per_s, after.audio_per_s),
        _share("succeeded", before.success_rate, after.success_rate, more_is_better=True),
        _share("within the target", before.within, after.within, more_is_better=True),
    ]
    if before.word_error_rate is not None and after.word_error_rate is not None:
        found.append(_share("word error rate", before.word_error_rate, after.word_error_rate, more_is_better=False))
    for kind in (kind for kind in before.samples if kind in after.samples):
        old, new = np.array(before.samples[kind], float), np.array(after.samples[kind], float)
        if len(old) and len(new):
            found += [_time(name, kind, old, new, read) for name, read in _TIMES.items()]
    return found


def unlike(before: Saved, after: Saved) -> list[str]:
    """In which settings and places the runs differ, which may be why their figures do."""
    old, new = ({**run.settings, **run.places} for run in (before, after))
    return [
        f"{name}: {_said(old.get(name))} before, {_said(new.get(name))} after"
        for name in sorted(old.keys() | new.keys())
        if name not in _UNCOMPARED and old.get(name) != new.get(name)
    ]


def _said(value: object) -> str:
    return "none" if value in (None, "") else str(value)


def _share(figure: str, before: float, after: float, *, more_is_better: bool) -> Difference:
    return Difference(
        figure=figure, kind="", before=before, after=after, ratio=after / before if before else None,
        more_is_better=more_is_better, is_share=True,
    )  # fmt: skip


def _rate(figure: str, before: Sequence[float], after: Sequence[float]) -> Difference:
    old, new = np.array(before, float), np.array(after, float)
    return _compared(figure, "", old, new, lambda values: float(values.mean()), more_is_better=True)


def _time(figure: str, kind: str, old: Values, new: Values, read: Callable[[Values], float]) -> Difference:
    return _compared(figure, kind, old, new, read, more_is_better=False)


def _compared(
    figure: str, kind: str, old: Values, new: Values, read: Callable[[Values], float], *, more_is_better: bool
) -> Difference:
    before, after = (read(values) if len(values) else 0.0 for values in (old, new))
    low = high = None
    if before > 0 and min(len(old), len(new)) >= 2 * _BLOCK_LEAST:
        random = np.random.default_rng(_SEED)
        ratios = [
            drawn / base
            for _ in range(DRAWS)
            if (base := read(_drawn(old, random))) > 0 and math.isfinite(drawn := read(_drawn(new, random)))
        ]
        if len(ratios) > DRAWS / 2:
            low, high = (float(value) for value in np.quantile(ratios, (0.005, 0.995)))
    return Difference(
        figure=figure, kind=kind, before=before, after=after, ratio=after / before if before > 0 else None,
        low=low, high=high, more_is_better=more_is_better,
    )  # fmt: skip


def _drawn(values: Values, random: np.random.Generator) -> Values:
    """Draw as many values again, in whole stretches that go round at the end."""
    count = len(values)
    length = max(_BLOCK_LEAST, count // _BLOCKS)
    starts = random.integers(0, count, math.ceil(count / length))
    places = (starts[:, None] + np.arange(length)) % count
    return np.asarray(values[places.ravel()[:count]])
