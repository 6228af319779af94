"""Recordings from a file: what really came, to be played again.

JSON lines or CSV with a head, by the file's ending; the fields are those of `Arrival`: `arrival_s` and `audio_s`, and
`key` and `priority` where they are known. Invariant: a file with anything else in it is refused with the line's number,
because a trace that was read wrongly gives figures that look right.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harken.bench.workload import Arrival
from harken.errors import ConfigError
from harken.types import Priority

_ARRIVAL_MAX_S, _AUDIO_MAX_S = 31 * 86_400.0, 86_400.0
"""A month, and a day: beyond, a file has another unit, and all the looks of that time would be simulated."""

_FIELDS = ("arrival_s", "audio_s", "key", "priority")


def read_trace(path: Path) -> tuple[Arrival, ...]:
    """Read a trace, sorted by arrival; the first one arrives at 0.

    Raises:
        ConfigError: the file cannot be read, is empty, or a line is wrong.
    """
    try:
        # Spreadsheets begin their files with a mark of their encoding.
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _csv(file) if path.suffix.lower() == ".csv" else _lines(file)
            arrivals = sorted((_arrival(path, *row) for row in rows), key=lambda arrival: arrival.at_s)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"The trace {path} cannot be read: {error}") from error
    if not arrivals:
        raise ConfigError(f"The trace {path} is empty.")
    first_s = arrivals[0].at_s
    if arrivals[-1].at_s - first_s > _ARRIVAL_MAX_S:
        raise ConfigError(f"The trace {path} lasts longer than a month: arrival_s is in seconds.")
    return tuple(
        Arrival(at_s=each.at_s - first_s, audio_s=each.audio_s, key=each.key, priority=each.priority)
        for each in arrivals
    )


def _csv(file: Any) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(file)
    for row in reader:
        if None in row:
            raise csv.Error(f"line {reader.line_num} has more cells than the first one")
        yield reader.line_num, row


def _lines(file: Any) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError:
                yield number, None


def _arrival(path: Path, number: int, row: Any) -> Arrival:
    where = f"{path}, line {number}"
    if not isinstance(row, dict):
        raise ConfigError(f"{where}: not a JSON object.")
    unknown = [str(name) for name in row if name not in _FIELDS]
    if unknown:
        raise ConfigError(f"{where}: unknown field {unknown[0]!r}; known are {', '.join(_FIELDS)}.")
    try:
        return Arrival(
            at_s=_number(row, "arrival_s", least=None),
            audio_s=_number(row, "audio_s", least=0.0, most=_AUDIO_MAX_S),
            key=str(row.get("key") or ""),
            priority=Priority(row.get("priority") or Priority.INTERACTIVE),
        )
    except ValueError as error:
        raise ConfigError(f"{where}: {error}.") from error


def _number(row: dict[str, Any], name: str, *, least: float | None, most: float = math.inf) -> float:
    value = row.get(name)
    try:
        number = float(value) if not isinstance(value, bool | None) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or (least is not None and number <= least):
        raise ValueError(f"{name} is {value!r}, not a number" + ("" if least is None else f" above {least:g}"))
    if number > most:
        raise ValueError(f"{name} is {number:g}, more than {most:g}")
    return number
