"""One line of a log file, understood. Pure.

A file may hold anything: half a line of a process that was killed, a library's print, what a person wrote into it. The
invariant: every line is understood as something, and what is no event of ours is kept as it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

LEVELS = ("debug", "info", "warning", "error")
"""By rising weight."""

LINE_BYTES = 1 << 20
"""Longer lines are not ours, and not read to their end; ours have at most 65,536 characters."""

_YEAR_9999 = 253_370_764_800
"""Beyond it, and before 1970, not every machine has a day for a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLine:
    """A line.

    Attributes:
        owner: whose file it is in: "gateway", or an instance's name.
        at: when it was written, in seconds since 1970; of a line that does not say so, that of its neighbour.
        level: of `LEVELS`; "" for a line that is no event.
        event: its name; "" for a line that is no event.
        fields: of the event, all of them.
        text: the line itself.
    """

    owner: str
    at: float
    level: str
    event: str
    fields: dict[str, Any]
    text: str


def parse_line(data: bytes, owner: str, neighbour_at: float = 0.0) -> LogLine:
    """Understand a line, given without its end; `neighbour_at` is its time where it has none."""
    text = data.decode("utf-8", errors="replace").rstrip("\r")
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if isinstance(fields, dict):
        event, level = fields.get("event"), fields.get("level")
        at = _seconds(fields.get("timestamp"))
        if isinstance(event, str) and level in LEVELS and at is not None:
            return LogLine(owner=owner, at=at, level=level, event=event, fields=fields, text=text)
    return LogLine(owner=owner, at=neighbour_at, level="", event="", fields={}, text=text)


def _seconds(timestamp: object) -> float | None:
    if not isinstance(timestamp, str):
        return None
    try:
        at = datetime.fromisoformat(timestamp).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return at if 0 <= at < _YEAR_9999 else None
