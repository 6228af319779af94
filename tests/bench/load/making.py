"""What tests of load tests share: takes, outcomes and runs, made on the spot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harken.bench.load.knee import Rule
from harken.bench.load.outcomes import Outcome, columns_of
from harken.bench.load.run import About, Run, Step
from harken.bench.load.takes import Take
from harken.bench.load.target import Target
from harken.types import SAMPLE_RATE


def a_take(seconds: float, name: str = "a.wav", **more: Any) -> Take:
    """A recording of one loudness."""
    return Take(name=name, samples=np.full(round(seconds * SAMPLE_RATE), 1000, np.int16), **more)


def an_outcome(took_s: float = 0.1, **more: Any) -> Outcome:
    """A success."""
    return Outcome(**{"server": "http://a", "kind": "short", "took_s": took_s, "audio_s": 2.0, **more})


def a_step(outcomes: Sequence[Outcome], *, level: float = 1.0, target: Target | None = None) -> Step:
    """Of so many seconds as its last answer needs."""
    elapsed_s = max((one.due_s + one.took_s for one in outcomes), default=0.0)
    return Step(level=level, requests=columns_of(outcomes), elapsed_s=elapsed_s, target=target or Target())


def a_run(steps: Sequence[Step], *, title: str = "", by: str = "concurrency", is_sweep: bool = False) -> Run:
    """A run of these steps."""
    about = About(
        title=title,
        began_at="2026-01-02T03:04:05+00:00",
        version="1",
        commit="abc",
        machine="a machine",
        models={"http://a": "digits"},
        settings={"requests": 10},
    )
    return Run(about=about, steps=tuple(steps), by=by, is_sweep=is_sweep, rule=Rule(), wanted=10, is_cut=False)
