"""An event as one line of JSON that is never longer than a reader can bear. Pure.

A traceback or an error that quotes what it was given may have megabytes. The invariant: a line has at most
`LINE_CHARS` characters and is JSON whatever was in the event; what was cut says so.
"""

from __future__ import annotations

import json
from typing import Any, Final

LINE_CHARS: Final = 65_536
"""The longest line."""

_TEXT_CHARS = 4_096
"""Of one field, where the line would be too long."""

_FIELDS = 12
"""Of a line that would be too long even then; the first ones are the ids."""

_ENCODER = json.JSONEncoder(default=repr, ensure_ascii=False)


def as_json(event: dict[str, Any]) -> str:
    """Write an event as JSON, without the line's end."""
    try:
        line = _ENCODER.encode(event)
    except (TypeError, ValueError, RecursionError):  # a key that is no text, something that holds itself
        return _ENCODER.encode({str(name): _short(repr(value)) for name, value in event.items()})
    if len(line) <= LINE_CHARS:
        return line
    kept = {"event", "level", "timestamp", *list(event)[:_FIELDS]}
    short = {name: _short(value) for name, value in event.items() if name in kept}
    return _ENCODER.encode({**short, "cut_chars": len(line)})


def _short(value: Any) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = value if isinstance(value, str) else repr(value)
    if len(text) <= _TEXT_CHARS:
        return text
    # Of a traceback the end says what happened; of anything else it does no harm.
    half = _TEXT_CHARS // 2
    return f"{text[:half]} … {text[-half:]}"
