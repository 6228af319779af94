"""Queue, live sessions, latency, throughput, errors and machine as lines of a terminal. Pure.

A chart is the last quarter of an hour, whatever its width: the newest at the right, a time that is not known blank. The
invariant: a wait that was once long is still to be seen, so a cell of latencies is the longest of its steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from harken.cli import top_words as words
from harken.cli.top_instances import load_bar
from harken.cli.top_lines import LEVELS, line, plain

_SPAN_S = 900.0
_STEPS_MAX = 3600
_STEP_LEAST_S = 1e-3
_WIDE = 100
_GPUS_EACH = 2
_ERRORS_MAX = 8

Told = Mapping[str, Any]


def draw_queue(told: Told, *, width: int) -> Text:
    """What waits, of how much that may, and of which class; a narrow one leaves out classes of which nothing does."""
    queue = told["queue"]
    text = line(("queue     ", "dim"))
    if queue["limit_audio_s"]:
        text.append(f"{load_bar(queue['audio_s'], queue['limit_audio_s'])} ")
    text.append(f"{words.span(queue['audio_s'])} of audio", style="bold" if queue["audio_s"] else "")
    if queue["limit_audio_s"]:
        text.append(f" of {words.span(queue['limit_audio_s'])}")
    for one in queue["classes"]:
        if width < _WIDE and not one["segments"]:
            continue
        text.append(f" · {plain(one['class'])} {words.span(one['audio_s'])}", style="" if one["segments"] else "dim")
    if any(one["segments"] for one in queue["classes"]):
        text.append(f" · oldest waits {words.seconds(queue['oldest_wait_s'])}")
    return text


def draw_live(told: Told) -> Text:
    """Who speaks, and how late text is."""
    live = told["live"]
    text = line(("live      ", "dim"))
    text.append(f"{live['speaking']:,} speak", style="bold" if live["speaking"] else "")
    text.append(f" · {live['sessions']:,} of {live['limit']:,} sessions")
    if live["away"]:
        text.append(f" · {live['away']:,} away")
    if live["final_p95_s"] is not None:
        text.append(f" · text after {words.seconds(live['final_p95_s'])}")
    if live["draft_s"] is not None:
        text.append(f" · drafts after {words.seconds(live['draft_s'])}")
    if live["refused"]:
        text.append(f" · {live['refused']:,} refused so far", style="yellow")
    return text


@dataclass(frozen=True, kw_only=True, slots=True)
class _Chart:
    name: str
    values: Sequence[float | None]
    said: str
    pick: Callable[[list[float]], float]


def draw_charts(told: Told, *, cells: int, is_tall: bool = False) -> Table:
    """A line each of latency, speed and requests; where there is room, of each quantile and of what waited."""
    series = told["series"]
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    for style in ("dim", "", ""):
        table.add_column(style=style, no_wrap=True, overflow="ellipsis")
    for one in _charts(told, is_tall=is_tall):
        binned = bins(one.values, series["at"], step_s=series["step_s"], cells=cells, pick=one.pick)
        table.add_row(Text(f"{one.name:<9}"), Text(spark(binned)), Text(one.said))
    return table


def _charts(told: Told, *, is_tall: bool) -> list[_Chart]:
    series, now = told["series"], told["now"]
    said = {share: words.seconds(now[f"{share}_s"]) for share in ("p50", "p95", "p99")}
    if is_tall:
        waits = [_Chart(name=share, values=series[f"{share}_s"], said=said[share], pick=max) for share in said]
    else:
        all_of_them = " ".join(f"{share} {one}" for share, one in said.items())
        waits = [_Chart(name="latency", values=series["p95_s"], said=all_of_them, pick=max)]
    speeds = [value / max(series["step_s"], _STEP_LEAST_S) for value in series["audio_s"]]
    rates = f"{now['requests_per_s']:,.1f} requests/s, {now['in_progress']:,} in progress"
    queued = series["queued_audio_s"]
    most = f"{words.span(max(queued, default=0.0))} of audio at most"
    return [
        *waits,
        _Chart(name="speed", values=speeds, said=f"{words.speed(now['rtfx'])} real time", pick=_mean),
        _Chart(name="requests", values=series["requests"], said=rates, pick=_mean),
        *([_Chart(name="waiting", values=queued, said=most, pick=max)] if is_tall else []),
    ]


def bins(
    values: Sequence[float | None],
    at: Sequence[float],
    *,
    step_s: float,
    cells: int,
    pick: Callable[[list[float]], float] = max,
) -> list[float | None]:
    """Gather a quarter of an hour in `cells`, the newest last; the last step is not over, so it is left out.

    Cells begin at multiples of their length: a step stays with its neighbours while the picture moves on.
    """
    steps = max(1, min(_STEPS_MAX, round(_SPAN_S / max(step_s, _STEP_LEAST_S))))
    size = math.ceil(steps / cells)
    gathered: dict[int, list[float]] = {}
    newest = 0
    for value, began in list(zip(values, at, strict=False))[:-1][-steps:]:
        newest = int(began // max(step_s, _STEP_LEAST_S)) // size
        if value is not None:
            gathered.setdefault(newest, []).append(value)
    return [pick(gathered[number]) if number in gathered else None for number in range(newest - cells + 1, newest + 1)]


def spark(values: Sequence[float | None]) -> str:
    """One character for each value, the highest for the most; nothing known is blank."""
    most = max((value for value in values if value is not None), default=0.0)

    def level(value: float) -> str:
        return LEVELS[max(0, min(len(LEVELS) - 1, int(value / most * len(LEVELS))))] if most > 0 else LEVELS[0]

    return "".join(" " if value is None else level(value) for value in values)


def draw_machine(told: Told) -> Text:
    """CPU, memory and GPUs: each of a few, all together of many."""
    machine = told["machine"]
    busy = "" if machine["cpu_busy"] is None else f" {machine['cpu_busy']:.0%}"
    parts = [f"CPU{busy} of {machine['cores']:,} cores"]
    if machine["memory_bytes"] is not None:
        parts.append(f"memory {words.size(machine['memory_bytes'])} of {words.size(machine['memory_total_bytes'])}")
    gpus = machine["gpus"]
    if len(gpus) <= _GPUS_EACH:
        parts += [f"GPU {gpu['index']} {_busy([gpu])}, {_held([gpu])}" for gpu in gpus]
    else:
        parts.append(f"{len(gpus)} GPUs {_busy(gpus)} on average, {_held(gpus)}")
    return line(("machine   ", "dim"), " · ".join(parts))


def draw_errors(told: Told) -> Text:
    """What failed in the last hour, most frequent first, and when last."""
    text = line(("errors of the last hour  ", "dim"))
    errors = told["errors"]
    shown = [
        f"{plain(one['code'])} {one['count']:,} ({words.ago(max(0.0, told['at'] - one['last_at']))})"
        for one in errors[:_ERRORS_MAX]
    ]
    text.append(", ".join(shown), style="red")
    if len(errors) > _ERRORS_MAX:
        text.append(f" and {len(errors) - _ERRORS_MAX:,} more")
    return text


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _busy(gpus: Sequence[Told]) -> str:
    known = [gpu["busy"] for gpu in gpus if gpu["busy"] is not None]
    return f"{_mean(known):.0%}" if known else words.NOTHING


def _held(gpus: Sequence[Told]) -> str:
    held, in_all = ([gpu[name] for gpu in gpus] for name in ("memory_bytes", "memory_total_bytes"))
    return f"{words.size(_sum(held))} of {words.size(_sum(in_all))}"


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
