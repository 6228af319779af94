"""`harken autoscale`: a day of load decided about under a virtual clock, and what a running autoscaler says."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from harken.cli.harmless import printable_text
from harken.cli.screen import Screen, drawn
from harken.config import Config
from harken.errors import ConfigError
from harken.fleet.day_file import read_day
from harken.fleet.day_score import Entry, Row
from harken.fleet.rival_days import run_all
from harken.fleet.scaling_day import Day
from harken.fleet.virtual_fleet import Kind

_PACE, _START_S = (0.01, 1e6), (0.0, 3600.0)
"""What makes sense of an instance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the person wants to see.

    Attributes:
        replay: the day's file.
        pace: audio-seconds per second of one full instance.
        slots: of each instance.
        start_s: until a new one is ready.
        as_json: print JSON instead of text.
    """

    replay: Path
    pace: float
    slots: int
    start_s: float
    as_json: bool


def run_replay(config: Config, asked: Asked) -> int:
    """Simulate the day for the autoscaler and its rivals, print, and return the exit code.

    Raises:
        ConfigError: something asked for is not there or makes no sense.
    """
    for flag, value, (least, most) in (("--pace", asked.pace, _PACE), ("--start-s", asked.start_s, _START_S)):
        if not least <= value <= most:
            raise ConfigError(f"{flag} must be from {least:g} to {most:g}, not {value:g}.")
    arrivals = read_day(asked.replay)
    kind = Kind(pace=asked.pace, slots=asked.slots, start_s=asked.start_s)
    day = Day(arrivals=arrivals, kind=kind, config=config.autoscale, limits=config.limits)
    with Screen(stderr=True).status(f"{len(arrivals):,} recordings, four times"):  # shown on a terminal only
        rows = run_all(day)
    if asked.as_json:
        print(json.dumps({"day": asked.replay.name, "rows": [dataclasses.asdict(row) for row in rows]}, indent=2))
    else:
        for entry in rows[0].entries:
            print(_line(entry))
        hours = sum(arrival.audio_s for arrival in arrivals) / 3600.0
        title = f"{asked.replay.name}: {len(arrivals):,} recordings, {hours:,.1f} hours of audio"
        print_table(rows, title)
    return 0


def print_table(rows: Sequence[Row], title: str) -> None:
    """Print the deciders side by side."""
    table = Table(title=escape(title), box=None, header_style="dim", title_justify="left")
    table.add_column("who decides", no_wrap=True)
    for column in (
        "instance-hours", "wait p50", "p95", "p99", "longest", "refused", "timed out", "changes", "most", "at the end",
    ):  # fmt: skip
        table.add_column(column, justify="right")
    for row in rows:
        waits = (row.wait_p50_s, row.wait_p95_s, row.wait_p99_s, row.wait_max_s)
        table.add_row(
            escape(row.name),
            f"{row.instance_hours:,.1f}",
            *("" if value is None else f"{value:.1f} s" for value in waits),
            *(f"[red]{lost:,}[/]" if lost else "0" for lost in (row.refused, row.timed_out)),
            str(row.changes),
            str(row.most),
            str(row.last),
        )
    Screen().print(table)


def print_explained(explained: Mapping[str, Any]) -> None:
    """Print what `Autoscaling.explain` of a running gateway says.

    Args:
        explained: its answer, as it came over the control socket.
    """
    print(f"autoscale.mode {explained['mode']}, {explained['min']} to {explained['max']} instances")
    arrow = drawn("→")
    decision, sample = explained["decision"], explained["sample"]
    if decision is None or sample is None:
        print("It has not looked yet.")
        return
    print(printable_text(f"{sample['wanted']} {arrow} {decision['wanted']}: {decision['reason']}"))
    for signal in decision["signals"]:
        sign = "over" if signal["is_over"] else "-"
        value = "unknown" if signal["value"] is None else f"{signal['value']:.2f}"
        print(f"  {signal['name']:<8} {value:>8} of {signal['threshold']:<6g} {sign:<5} {signal['text']}")
    for past in explained["history"]:
        error = f" ({past['error']})" if past["error"] else ""
        change = f"{past['was']} {arrow} {past['wanted']}"
        told = f"{change:<8} {past['outcome']}: {past['reason']}{error}"
        print(f"{past['ago_s']:>8.0f} s ago  {printable_text(told)}")


def _line(entry: Entry) -> str:
    day, second = divmod(int(entry.at_s), 86_400)
    clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    change = f"{entry.was} {drawn('→')} {entry.wanted}" if entry.was != entry.wanted else str(entry.was)
    block = f" ({entry.blocked_by})" if entry.blocked_by else ""
    return f"{f'day {day + 1} ' if day else ''}{clock}  {change + block:<14} {entry.reason}"
