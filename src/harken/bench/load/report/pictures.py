"""The pictures of a report: times by class, the run over time, the sweep. Pure.

Each says one thing and has its figures in a table beside it. The invariant: what has no values has no picture ("").
"""

from __future__ import annotations

import math

from harken.bench.load.report.charts import Axis, Chart, even_axis, legend, log_axis
from harken.bench.load.run import CURVE, Run, Step
from harken.bench.load.timeline import Timeline

_ENDS = {100: 2.0, 1000: 3.0, 10_000: 4.0}
"""So many requests are needed for a quantile of so many nines to mean anything."""

_LOW = 180.0


def seconds(value: float) -> str:
    """A time at an axis."""
    return f"{value * 1000:g} ms" if value < 0.1 else f"{value:g} s"


def times_by_class(step: Step) -> str:
    """Which part of the requests was answered within which time; the axis gives the slow ones their room."""
    curves = step.curves()
    if not curves:
        return ""
    most = max(step.figures.successes, 1)
    end = max((nines for count, nines in _ENDS.items() if most >= count), default=1.0)
    ticks = [(0.0, "0"), (_nines(0.5), "50 %"), (1.0, "90 %"), (2.0, "99 %"), (3.0, "99.9 %"), (4.0, "99.99 %")]
    x = Axis(
        name="part of the requests that were answered within", low=0.0, high=end,
        ticks=tuple(tick for tick in ticks if tick[0] <= end),
    )  # fmt: skip
    shown = {
        kind: [(_nines(part), took_s) for part, took_s in zip(CURVE, times, strict=True) if _nines(part) <= end]
        for kind, times in curves.items()
    }
    y = log_axis("response time", [took_s for line in shown.values() for _, took_s in line], unit=seconds)
    chart = Chart(title="Response times by class of duration", x=x, y=y)
    for place, line in enumerate(shown.values()):
        chart.line(line, place)
    if step.target.seconds is not None and step.target.share is None:
        chart.limit(step.target.seconds, "target")
    return chart.svg() + legend(list(shown))


def over_time(timeline: Timeline) -> str:
    """Answers a second, failures, and how long they took."""
    count, step_s = len(timeline.successes), timeline.step_s
    per_s = [number / step_s for number in timeline.successes]
    failed = [number / step_s for number in timeline.failures]
    if not any(per_s) and not any(failed):
        return ""
    x = even_axis("seconds from the beginning", count * step_s, is_tight=True)
    answers = Chart(title="Answers over time", x=x, y=even_axis("answers a second", max(per_s + failed)), height=_LOW)
    answers.columns([(place * step_s, value) for place, value in enumerate(per_s)], step_s, "fill s0")
    answers.columns([(place * step_s, value) for place, value in enumerate(failed)], step_s, "fill bad")
    times = [value for value in (*timeline.p50_s, *timeline.p95_s) if value is not None]
    if not times:
        return answers.svg()
    y = even_axis("response time", max(times), unit=seconds)
    waits = Chart(title="Response times over time", x=x, y=y, height=_LOW)
    for place, values in enumerate((timeline.p50_s, timeline.p95_s)):
        middles = [((at + 0.5) * step_s, value) for at, value in enumerate(values) if value is not None]
        waits.line(middles, place)
    return answers.svg() + waits.svg() + legend(["p50", "p95"])


def sweep(run: Run) -> str:
    """Goodput and times by load, with the knee."""
    if not run.is_sweep or len(run.steps) < 2:
        return ""
    name = {"concurrency": "requests at once", "rate": "requests a second"}.get(run.by, "live streams")
    levels = [step.level for step in run.steps]
    x = log_axis(name, levels)
    x = Axis(
        name=x.name, low=min(levels) * 0.9, high=max(levels) * 1.1, is_log=True,
        ticks=tuple((level, f"{level:g}") for level in levels),
    )  # fmt: skip
    goodput = [(step.level, step.figures.goodput_per_s) for step in run.steps]
    good = Chart(title="Goodput by load", x=x, y=even_axis("goodput, answers a second", max(y for _, y in goodput)))
    good.line(goodput, 0, has_dots=True)
    lines = {
        part: [(step.level, value) for step in run.steps if (value := step.figures.quantiles.get(f"{part}_s"))]
        for part in ("p50", "p95", "p99")
    }
    waits = Chart(
        title="Response times by load",
        x=x,
        y=log_axis("response time", [value for line in lines.values() for _, value in line], unit=seconds),
    )
    for place, line in enumerate(lines.values()):
        waits.line(line, place, has_dots=True)
    if run.main.target.seconds is not None and run.main.target.share is None:
        waits.limit(run.main.target.seconds, "target")
    if run.knee is not None:
        good.mark(run.main.level, "knee")
        waits.mark(run.main.level, "knee")
    return good.svg() + waits.svg() + legend(list(lines))


def _nines(part: float) -> float:
    return math.inf if part >= 1 else -math.log10(1 - part)
