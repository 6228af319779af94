"""A day of load from a file: single recordings, minutes, or the gateway's own log.

Three forms, told by their first line: a trace as `harken simulate` reads it (`arrival_s`, `audio_s`), minutes
(`minute`, `audio_s` and, where known, `requests`), or a log in JSON lines, of which the `request.done` events count.
docs/reference/autoscaling.md describes them. Invariant: a line that cannot be what it should be is an error with its
number, because a day that was read wrongly gives figures that look right.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from harken.bench.trace import read_trace
from harken.bench.workload import Arrival
from harken.errors import ConfigError

_CLIP_S: Final = 10.0
"""How long the recordings of a minute are where nobody says how many there were."""

_MINUTES_MAX: Final = 31 * 1440
_DAY_S: Final = 86_400.0
_RECORDINGS_MAX: Final = 1_000_000

_MINUTE_FIELDS: Final = ("minute", "audio_s", "requests")


def read_day(path: Path) -> tuple[Arrival, ...]:
    """Read a day, sorted by arrival; it begins with its first recording, or with minute 0.

    Raises:
        ConfigError: the file cannot be read, has no recording, or a line is wrong.
    """
    if path.exists() and not path.is_file():  # it is read twice, and a device never ends
        raise ConfigError(f"The day {path} is no plain file.")
    try:
        kind = _kind(path)
        if kind == "trace":
            return read_trace(path)
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            found = list(_minutes(path, file) if kind == "minutes" else _log(path, file))
    except (OSError, csv.Error) as error:
        raise ConfigError(f"The day {path} cannot be read: {error}") from error
    if not found:
        what = "no minute with audio" if kind == "minutes" else "no request.done event"
        raise ConfigError(f"The day {path} has {what} in it.")
    found.sort(key=lambda arrival: arrival.at_s)
    first_s = found[0].at_s if kind == "log" else 0.0
    if found[-1].at_s - first_s > _MINUTES_MAX * 60.0:
        raise ConfigError(f"The day {path} lasts longer than a month.")
    return tuple(Arrival(at_s=each.at_s - first_s, audio_s=each.audio_s) for each in found)


def _kind(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        if path.suffix.lower() == ".csv":
            head = next(csv.reader(file), [])
            return "minutes" if "minute" in head else "trace"
        for line in file:
            row = _object(line)
            if row is not None:
                return "minutes" if "minute" in row else "log" if "event" in row else "trace"
    return "trace"  # which has the words for what is wrong with it


def _check_count(path: Path, count: int) -> None:
    if count > _RECORDINGS_MAX:
        raise ConfigError(f"The day {path} has more than {_RECORDINGS_MAX:,} recordings.")


def _minutes(path: Path, file: Any) -> Iterator[Arrival]:
    total = 0
    for number, row in _csv_rows(file) if path.suffix.lower() == ".csv" else _json_rows(file):
        where = f"{path}, line {number}"
        if row is None:
            raise ConfigError(f"{where}: not a JSON object.")
        unknown = [str(name) for name in row if name not in _MINUTE_FIELDS]
        if unknown:
            raise ConfigError(f"{where}: unknown field {unknown[0]!r}; known are {', '.join(_MINUTE_FIELDS)}.")
        minute = _number(where, row, "minute", most=_MINUTES_MAX)
        audio_s = _number(where, row, "audio_s", most=_CLIP_S * _RECORDINGS_MAX)
        requests = row.get("requests")
        count = math.ceil(audio_s / _CLIP_S)
        if requests not in (None, ""):
            count = math.ceil(_number(where, row, "requests", most=_RECORDINGS_MAX))
        if audio_s > 0 and (count < 1 or audio_s / count > _DAY_S):
            raise ConfigError(f"{where}: {audio_s:g} s of audio in {count} recordings.")
        total += count
        _check_count(path, total)
        for place in range(count if audio_s > 0 else 0):
            yield Arrival(at_s=60.0 * (minute + place / count), audio_s=audio_s / count)


def _log(path: Path, file: Any) -> Iterator[Arrival]:
    total = 0
    for number, row in _json_rows(file):
        # Whatever else a log has in it: other events, and lines of other programs.
        if row is None or row.get("event") != "request.done":
            continue
        where = f"{path}, line {number}"
        audio_s = _number(where, row, "audio_s", most=_DAY_S)
        wall_s = _number(where, row, "wall_s", most=_DAY_S) if "wall_s" in row else 0.0
        if audio_s > 0:
            total += 1
            _check_count(path, total)
            yield Arrival(at_s=_moment(where, row.get("timestamp")) - wall_s, audio_s=audio_s)


def _csv_rows(file: Any) -> Iterator[tuple[int, dict[str, Any] | None]]:
    reader = csv.DictReader(file)
    for row in reader:
        if None in row:
            raise csv.Error(f"line {reader.line_num} has more cells than the first one")
        yield reader.line_num, row


def _json_rows(file: Any) -> Iterator[tuple[int, dict[str, Any] | None]]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            yield number, _object(line)


def _object(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _moment(where: str, value: Any) -> float:
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(f"{where}: timestamp is {value!r}, not a time.") from error


def _number(where: str, row: dict[str, Any], name: str, *, most: float) -> float:
    value = row.get(name)
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not 0.0 <= number <= most:
        raise ConfigError(f"{where}: {name} is {value!r}, not a number from 0 to {most:g}.")
    return number
