"""`harken logs --summary`: what was done, what failed, what was slow and what looks wrong, by day and model.

Which lines are read, and how the figures are shown; what they mean is in `harken.ops.log_summary`. The invariant: the
table and the JSON hold the same figures.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harken.cli import live_figures
from harken.cli.harmless import printable
from harken.cli.logs import chosen, every_line, quietly
from harken.cli.screen import Screen
from harken.errors import ConfigError
from harken.ops.log_days import DaySummary, Summary, Work
from harken.ops.log_filter import LogFilter
from harken.ops.log_line import LogLine
from harken.ops.log_summary import summarise

_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

_SUSPICIONS = {
    "loop": "the model repeated itself",
    "length": "the token cap was reached",
    "context_leak": "the prompt came back from noise",
    "empty": "speech for which there is no text",
    "words_missing": "words without times",
}


class PipedConsole(Screen):
    """Rich's console, which leaves a closed pipe to whoever prints."""

    def on_broken_pipe(self) -> None:
        """Raise it again."""
        raise BrokenPipeError


def run(folder: Path, names: Sequence[str], wanted: LogFilter, *, days: tuple[date, date], as_json: bool) -> int:
    """Sum up and print; return the exit code.

    Args:
        folder: of logs.
        names: of the gateway and instances; empty for all.
        wanted: which lines.
        days: the first and the last, as this machine counts days.
        as_json: print JSON.

    Raises:
        ConfigError: a name that has no log.
    """
    own = chosen(folder, names)

    def work() -> int:
        with ExitStack() as stack:
            lines = (line for stream in every_line(folder, own, stack) for line in stream)
            summary = summarise(_of_days(filter(wanted.wants, lines), days))
        if as_json:
            print(json.dumps(as_dict(summary), indent=2, ensure_ascii=False))
        else:
            _print(summary)
        return 0

    return quietly(work)


def days_of(day: str, count: int | None, today: date) -> tuple[date, date]:
    """Which days are meant: one, the last few, or (nothing given) all.

    Raises:
        ConfigError: no date, or both are given.
    """
    if day and count is not None:
        raise ConfigError("--day and --days exclude each other.")
    if count is not None:
        return today - timedelta(days=min(count, today.toordinal()) - 1), today
    if not day:
        return date.min, date.max
    known = {"today": today, "yesterday": today - timedelta(days=1)}
    try:
        found = known.get(day) or date.fromisoformat(day)
    except ValueError as error:
        raise ConfigError(f"--day wants today, yesterday or a date such as 2026-01-31, not {day[:60]!r}.") from error
    return found, found


def _of_days(lines: Iterator[LogLine], days: tuple[date, date]) -> Iterator[LogLine]:
    if days == (date.min, date.max):
        yield from lines
        return
    for line in lines:
        # A line without a time of its own has its neighbour's, which for the first of a file is none.
        if 0 < line.at < float("inf") and days[0] <= date.fromtimestamp(line.at) <= days[1]:
            yield line


def as_dict(summary: Summary) -> dict[str, Any]:
    """All figures as JSON has them."""
    return {
        "lines": summary.lines,
        "foreign_lines": summary.foreign,
        "lost_lines": summary.lost,
        "begin": _moment(summary.begin),
        "end": _moment(summary.end),
        "days": [_day(day) for day in summary.days.values()],
    }


def _day(day: DaySummary) -> dict[str, Any]:
    return {
        "day": day.day.isoformat(),
        "models": [{"model": name, **_work(work)} for name, work in sorted(day.models.items())],
        "live": live_figures.as_dict(day.live),
        "segments_retried": day.retried,
        "segments_hedged": day.hedged,
        "pieces_repaired": day.repaired,
        "instances_crashed": dict(day.crashes.most_common()),
        "instances_restarted": dict(day.restarts.most_common()),
        "gateway_starts": day.starts,
        "troubles": [
            {"level": level, "event": event, "count": count} for (level, event), count in day.troubles.most_common()
        ],
    }


def _work(work: Work) -> dict[str, Any]:
    return {
        "requests": work.requests,
        "done": work.done,
        "of_them_files_of_jobs": work.files,
        "failed": dict(work.failed.most_common()),
        "cancelled": work.cancelled,
        "segments": work.segments,
        "audio_s": round(work.audio_s, 3),
        "speech_s": round(work.speech_s, 3),
        "from_cache": work.cached,
        "wall_s": {name: _rounded(work.wall.quantile(part)) for name, part in _QUANTILES.items()},
        "slowest": [
            {"request": one.name, "wall_s": one.wall_s, "audio_s": one.audio_s, "instances": one.instances}
            for one in sorted(work.slowest, reverse=True)
        ],
        "suspicious": [
            {"kind": kind, "requests": found.requests, "unresolved": found.unresolved, "newest": found.ids}
            for kind, found in sorted(work.suspicions.items())
        ],
    }


def _print(summary: Summary) -> None:
    console = PipedConsole(highlight=False)
    if summary.begin is None:
        console.print("There is no event in these days.")
        return
    for day in summary.days.values():
        console.print(f"[bold]{day.day}[/]")
        for model, work in sorted(day.models.items()):
            console.print(_figures(model, work))
            _print_work(console, model, work)
        for line in live_figures.lines(day.live, _counts):
            console.print(f"  {line}")
        _print_fleet(console, day)
        console.print()
    foreign = f", {summary.foreign:,} of them no events" if summary.foreign else ""
    lost = f"; {summary.lost:,} more could not be written" if summary.lost else ""
    told = f"{summary.lines:,} lines{foreign}{lost}, from {_moment(summary.begin)} to {_moment(summary.end)}"
    console.print(f"[dim]{told}; what came before was rotated away or never there.[/]")


def _figures(model: str, work: Work) -> Table:
    # The name has a line of its own, and so have the times: on one line they would be cut in pieces at 80 columns.
    title = _plain(model) or "(not known)"
    table = Table(box=None, header_style="dim", title=title, title_justify="left", title_style="none")
    for column in ("requests", "done", "failed", "left", "segments", "audio", "cached"):
        table.add_column(column, justify="right")
    failed = work.failed.total()
    table.add_row(
        f"{work.requests:,}",
        f"{work.done:,}",
        f"[red]{failed:,}[/]" if failed else "0",
        f"{work.cancelled:,}",
        f"{work.segments:,}",
        str(timedelta(seconds=round(work.audio_s))),
        f"{work.cached:,}",
    )
    return table


def _print_work(console: Console, model: str, work: Work) -> None:
    name = _plain(model) or "(not known)"
    quantiles = {key: value for key, part in _QUANTILES.items() if (value := work.wall.quantile(part)) is not None}
    if quantiles:
        console.print(f"  took: {', '.join(f'{key} {value:.3g} s' for key, value in quantiles.items())}")
    if work.failed:
        console.print(f"  [red]failures[/] of {name}: {_counts(work.failed)}")
    for kind, found in sorted(work.suspicions.items()):
        flagged = f", {found.unresolved} of them flagged as incomplete" if found.unresolved else ""
        newest = ", ".join(map(_plain, found.ids[-5:]))
        what = _SUSPICIONS.get(kind, _plain(kind))
        console.print(f"  [yellow]suspicious[/] of {name}: {what}: {found.requests}{flagged}; newest: {newest}")
    if work.slowest:
        table = Table(box=None, header_style="dim", title=f"slowest of {name}", title_justify="left", title_style="dim")
        for column in ("request", "took", "audio", "instances"):
            table.add_column(column, overflow="fold", justify="right" if column in ("took", "audio") else "left")
        for one in sorted(work.slowest, reverse=True):
            table.add_row(_plain(one.name), f"{one.wall_s:.3f} s", f"{one.audio_s:.1f} s", _plain(one.instances))
        console.print(table)


def _print_fleet(console: Console, day: DaySummary) -> None:
    said = {
        "segments tried again": day.retried,
        "second tries of late clips": day.hedged,
        "pieces recognised again": day.repaired,
        "starts of the gateway": day.starts,
    }
    told = [f"{what}: {count:,}" for what, count in said.items() if count]
    told += [f"{what}: {_counts(by)}" for what, by in (("crashes", day.crashes), ("restarts", day.restarts)) if by]
    if told:
        console.print(f"  {'; '.join(told)}")
    if day.troubles:
        events = (f"{_plain(event)} ({level}) {count:,}" for (level, event), count in day.troubles.most_common())
        console.print(f"  warnings and errors: {', '.join(events)}")


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{_plain(name)} {count:,}" for name, count in counter.most_common())


def _plain(text: str) -> str:
    return escape(printable(text))


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


def _moment(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds")
