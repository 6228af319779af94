"""What an instance writes, on its way into our log.

Pure. An instance logs JSON lines; we pass each on as the event it is, with the instance's name, so that one log tells
one story. Anything else (a library's warning, a traceback) becomes an event of its own, line by line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_LEVELS = frozenset({"debug", "info", "warning", "error"})
_OURS = frozenset({"level", "event", "timestamp", "instance"})
"""Fields that our own log writes again."""

_FRAME = re.compile(r"(\s*\|)*\s*\+[-+]+(\s*[\d.]+\s*-+)?\s*")
"""A line that Python draws around the parts of an exception group."""

UNKNOWN = "instance.output"
"""The event of a line that is no event."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLine:
    """One event.

    Attributes:
        level: debug, info, warning or error.
        event: its name.
        fields: everything else.
    """

    level: str
    event: str
    fields: dict[str, Any]


def read_output(line: str) -> LogLine:
    """Understand one line of an instance's standard error."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or not isinstance(fields.get("event"), str) or fields.get("level") not in _LEVELS:
        return LogLine(level="info", event=UNKNOWN, fields={"line": line})
    others = {name: value for name, value in fields.items() if name not in _OURS}
    return LogLine(level=fields["level"], event=fields["event"], fields=others)


def last_words(lines: Sequence[str]) -> str:
    """Find what an instance said about its end: its last line that is no log event; "" where there is none.

    That is the sentence with which a server leaves, or the exception at the end of a traceback.
    """
    for line in reversed(lines):
        said = unframed(line)
        if said and read_output(said).event == UNKNOWN:
            return said
    return ""


def unframed(line: str) -> str:
    """Take away what Python draws around the parts of an exception group; "" where that is all."""
    return "" if _FRAME.fullmatch(line) else line.strip().lstrip("|").strip()
