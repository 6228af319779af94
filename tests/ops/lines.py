"""Log lines for tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from harken.ops.log_line import LogLine, parse_line


def data(event: str, at: float, level: str = "info", **fields: Any) -> bytes:
    """A line as it stands in a file, without its end."""
    timestamp = datetime.fromtimestamp(at, UTC).isoformat()
    return json.dumps({**fields, "event": event, "level": level, "timestamp": timestamp}).encode()


def line(event: str, at: float = 1e9, level: str = "info", owner: str = "gateway", **fields: Any) -> LogLine:
    """The same, understood."""
    return parse_line(data(event, at, level, **fields), owner)
