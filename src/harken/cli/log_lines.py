"""A line of a log for a person's eyes.

Pure but for the choice of colours. What is shown was written by whoever sent a request or by any library, so the
invariant is: no control character of it reaches the terminal.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from harken.cli.harmless import printable
from harken.ops.log_line import LogLine

_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31"}
_TOLD_BEFORE = frozenset({"timestamp", "level", "event", "source"})
_LONG = "exception"
"""A traceback: shown below its line."""

Show = Callable[[LogLine], str]
"""Writes a line out, its end included."""


def show_as_json(line: LogLine) -> str:
    """As it was written; what is no event becomes one, so that every line is JSON."""
    if line.event:
        return f"{line.text}\n"
    return json.dumps({"event": "log.foreign", "owner": line.owner, "line": line.text}, ensure_ascii=False) + "\n"


def make_show(width: int, *, has_colours: bool) -> Show:
    """Return what shows lines to a person.

    Args:
        width: of the longest owner's name.
        has_colours: whether the terminal has any.
    """

    def paint(text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if has_colours else text

    def show(line: LogLine) -> str:
        owner = printable(line.owner).ljust(width)
        if not line.event:
            return f"{' ' * 23} {paint(owner, '36')} {printable(line.text)}\n"
        when = datetime.fromtimestamp(line.at)  # the reader's own time
        head = f"{when:%Y-%m-%d %H:%M:%S}.{when.microsecond // 1000:03d} {paint(owner, '36')}"
        level = paint(line.level.ljust(7), _COLOURS[line.level])
        return f"{head} {level} {paint(printable(line.event), '1')}{_fields(line)}\n{_below(line)}"

    return show


def wants_colours() -> bool:
    """Whether standard output is a terminal whose user has nothing against colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _fields(line: LogLine) -> str:
    shown = {name: value for name, value in line.fields.items() if name not in _TOLD_BEFORE and name != _LONG}
    if shown.get("instance") == line.owner:
        del shown["instance"]
    return "".join(f" {printable(name)}={_value(value)}" for name, value in shown.items())


def _value(value: Any) -> str:
    if not isinstance(value, str):
        return printable(json.dumps(value, ensure_ascii=False))
    is_plain = value and not any(one.isspace() or one in '"=' for one in value)
    return printable(value if is_plain else json.dumps(value, ensure_ascii=False))


def _below(line: LogLine) -> str:
    text = line.fields.get(_LONG)
    return "".join(f"    {printable(one)}\n" for one in text.splitlines()) if isinstance(text, str) else ""
