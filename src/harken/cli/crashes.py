"""`harken logs --crashes`: the crash reports of a gateway's instances, as a table and the newest in full."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harken.cli.harmless import printable
from harken.cli.log_summaries import PipedConsole
from harken.cli.logs import quietly
from harken.ops.crash_reports import crash_reports

IN_FULL = 1
"""Reports shown with all that they hold, where nobody says how many."""


def run(folder: Path, names: Sequence[str], *, in_full: int, as_json: bool) -> int:
    """Print the reports; return the exit code.

    Args:
        folder: of reports; it need not exist.
        names: of instances; empty for all.
        in_full: so many of the newest are shown with their last lines.
        as_json: print a JSON list of all.
    """

    def work() -> int:
        reports = crash_reports(folder, names)
        if as_json:
            print(json.dumps(reports, indent=2, ensure_ascii=False))
        else:
            _print(reports, in_full)
        return 0

    return quietly(work)


def _print(reports: Sequence[dict[str, Any]], in_full: int) -> None:
    console = PipedConsole(highlight=False)
    if not reports:
        console.print("No instance crashed, as far as the reports go.")
        return
    table = Table(box=None, header_style="dim")
    for column in ("time (UTC)", "instance", "phase", "ran", "how"):
        table.add_column(column, overflow="fold")
    for report in reports:
        told = (report["time"][:19].replace("T", " "), report["instance"], str(report.get("phase", "")))
        table.add_row(*map(_plain, told), _seconds(report.get("uptime_s")), _plain(report["how"]))
    console.print(table)
    for report in reports[len(reports) - in_full :] if 0 < in_full < len(reports) else reports[:in_full]:
        _print_in_full(console, report)


def _print_in_full(console: Console, report: dict[str, Any]) -> None:
    console.print(f"\n[bold]{_plain(report['instance'])}[/] {_plain(report['time'])}: {_plain(report['how'])}")
    for name, value in report.items():
        if name not in ("instance", "time", "how", "last_lines") and value not in (None, ""):
            console.print(f"  {_plain(name)}: {_plain(str(value))}")
    console.print(
        "  last lines of its standard error:" if report["last_lines"] else "  it wrote nothing to standard error"
    )
    for line in report["last_lines"]:
        console.print(f"    {_plain(line)}", soft_wrap=True)


def _plain(text: str) -> str:
    return escape(printable(text))


def _seconds(value: Any) -> str:
    return f"{value:,.1f} s" if isinstance(value, int | float) else ""
