"""The crash reports of one gateway, read back.

A report is a JSON object in a file of its own; what it says is the fleet's business. The invariant: a file that is no
report, or a part of one, is passed over and never ends the reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_REPORT_BYTES = 4 << 20
"""More than a report can have: forty lines of two thousand characters."""


def crash_reports(folder: Path, instances: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Read the reports in a folder, the oldest first.

    Args:
        folder: of reports; it need not exist.
        instances: only of these; of all where none is named.

    Returns:
        Each with `time`, `instance` and `how` as text, and `last_lines` as a list of text; all else as it was found.
    """
    wanted = set(instances)
    found = [report for path in sorted(folder.glob("*.json")) if (report := _read(path)) is not None]
    return [report for report in found if not wanted or report["instance"] in wanted]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > _REPORT_BYTES:
            return None
        report = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(report, dict) or not all(isinstance(report.get(key), str) for key in ("time", "instance", "how")):
        return None
    lines = report.get("last_lines")
    lines = lines if isinstance(lines, list) else []
    return {**report, "last_lines": [line for line in lines if isinstance(line, str)]}
