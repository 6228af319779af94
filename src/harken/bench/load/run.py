"""A load test that is over, as one value: what was asked, the requests of each step, and what follows from them. Pure.

Everything that is printed, saved or drawn is made of this. The invariant: the figures of a run are those of its main
step: the only one, or the knee of a sweep (the last step where there is no knee).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from harken.bench.load.figures import Figures, figures_of, quantile
from harken.bench.load.instances import parts_of
from harken.bench.load.knee import Point, Rule, Verdict, knee, verdicts
from harken.bench.load.outcomes import Columns
from harken.bench.load.target import Target
from harken.bench.load.timeline import Timeline, timeline_of

CURVE = (*(part / 100 for part in range(100)), 0.995, 0.999, 0.9999, 1.0)
"""Parts of all requests at which a curve of times is told."""

SAMPLE_MOST = 5000


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What a reader must know to believe the figures.

    Attributes:
        title: in a person's words; "" for none.
        began_at: date and time in UTC, ISO 8601.
        version: of Harken, which sent the requests.
        commit: of its source, with "-dirty" where it was changed; "" where it is not known.
        machine: from which the requests were sent.
        models: what each server says that it serves; "" where it does not say.
        settings: what was asked for, by the names of the options.
    """

    title: str
    began_at: str
    version: str
    commit: str
    machine: str
    models: Mapping[str, str]
    settings: Mapping[str, object]


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One load, from its first request to its last answer; what belongs to the warm-up is not in it.

    Attributes:
        level: so many at once, or in a second, or live streams.
        requests: all that ended.
        elapsed_s: from the first to the last answer.
        target: which answers are good.
        is_whole: it came to its end; one that a person cut off is never the knee.
    """

    level: float
    requests: Columns
    elapsed_s: float
    target: Target
    is_whole: bool = True

    @cached_property
    def figures(self) -> Figures:
        """Of all its requests."""
        return figures_of(self.requests, self.elapsed_s, self.target)

    @cached_property
    def timeline(self) -> Timeline:
        """Over time."""
        return timeline_of(self.requests, self.elapsed_s)

    @property
    def point(self) -> Point:
        """What the knee is found by."""
        whole = self.figures
        within = whole.within if self.target else None
        return Point(level=self.level, goodput=whole.goodput_per_s, within=within, success=whole.success_rate)

    def by(self, name: str) -> dict[str, Figures]:
        """Of each server or class ("kind")."""
        known = filter(None, self.requests.known[name])
        parts = {each: self.requests.only(self.requests.is_(name, each)) for each in known}
        return {each: figures_of(part, self.elapsed_s, self.target) for each, part in parts.items() if len(part)}

    def by_instance(self) -> dict[str, Figures]:
        """Of each instance the answers that are its alone, and of those that several shared."""
        parts = parts_of(self.requests)
        return {name: figures_of(part, self.elapsed_s, self.target) for name, part in parts.items()}

    def curves(self) -> dict[str, list[float]]:
        """The times of each class at the parts of `CURVE`; of those that had a success."""
        found = {}
        for kind in self.kinds():
            times = np.sort(self._times(kind))
            if len(times):
                found[kind] = [round(quantile(times, part), 6) for part in CURVE]
        return found

    def samples(self) -> dict[str, list[float]]:
        """The times of each class in the order in which the requests went out, evenly thinned."""
        found = {}
        for kind in self.kinds():
            times = self._times(kind)
            places = np.linspace(0, len(times) - 1, min(len(times), SAMPLE_MOST)).astype(np.int64)
            found[kind] = [round(time, 5) for time in times[places].tolist()]
        return found

    def kinds(self) -> list[str]:
        """The classes, the shortest recordings first."""
        known = self.requests.known["kind"]
        kinds, audio_s = self.requests["kind"], self.requests["audio_s"]
        present = [place for place in range(len(known)) if (kinds == place).any()]
        return [known[place] for place in sorted(present, key=lambda place: float(audio_s[kinds == place].mean()))]

    def _times(self, kind: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        chosen = self.requests.only(self.requests.is_("kind", kind) & self.requests.is_("code", ""))
        times: np.ndarray[tuple[int], np.dtype[np.float64]] = chosen["took_s"][np.argsort(chosen["due_s"])]
        return times


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A whole load test.

    Attributes:
        about: where, when and what.
        steps: at least one, in the order of their levels.
        by: what a level is: "concurrency", "rate" or "live".
        is_sweep: whether there was to be more than one step.
        rule: by which the knee is found.
        wanted: requests that were to be sent; None where time was the limit.
        is_cut: a person ended it before its end.
        reasons: why the first request of each code failed, in the server's words or the client's.
    """

    about: About
    steps: tuple[Step, ...]
    by: str
    is_sweep: bool
    rule: Rule
    wanted: int | None
    is_cut: bool
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdicts(self) -> list[Verdict]:
        """Of each step."""
        found = verdicts(self._points(), self.rule)
        return found + [Verdict.CUT] * (len(self.steps) - len(found))

    @property
    def knee(self) -> int | None:
        """The place of the knee among the steps; None without a sweep, or where no step holds."""
        return knee(self._points(), self.rule) if self.is_sweep else None

    @property
    def main(self) -> Step:
        """The step whose figures are the run's."""
        place = self.knee
        return self.steps[-1 if place is None else place]

    def _points(self) -> list[Point]:
        """Of the steps that came to their end; only the last can be another."""
        return [step.point for step in self.steps if step.is_whole]
