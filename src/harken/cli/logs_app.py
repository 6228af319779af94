"""The flags of `harken logs`; what it does is in `logs`, `log_summaries` and `crashes`."""

from __future__ import annotations

import os
import sys
import time
from datetime import date
from typing import Annotated

import typer

from harken.cli.flags import AsJson, ConfigFile, Settings
from harken.errors import ConfigError


def logs(
    names: Annotated[
        list[str] | None, typer.Argument(help="gateway, asr-1, … [default: all]", metavar="[INSTANCE]...")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines as they come.")] = False,
    lines: Annotated[
        int | None,
        typer.Option("--lines", "-n", min=0, help="The last so many. [default: 100; all with --since or --request]"),
    ] = None,
    since: Annotated[str, typer.Option(help="From then on: 2h, 1h30m, 3d, or an ISO date or time.")] = "",
    level: Annotated[str, typer.Option(help="At least debug, info, warning or error.")] = "",
    event: Annotated[str, typer.Option(metavar="GLOB", help="Events of that name, such as 'segment.*'.")] = "",
    request: Annotated[str, typer.Option(metavar="ID", help="Lines about one request or job.")] = "",
    summary: Annotated[bool, typer.Option("--summary", help="Figures by day and model instead of lines.")] = False,
    day: Annotated[str, typer.Option(help="With --summary: that day alone.")] = "",
    days: Annotated[int | None, typer.Option(min=1, help="With --summary: the last so many days.")] = None,
    crashes: Annotated[bool, typer.Option("--crashes", help="The crash reports, and -n of them in full.")] = False,
    as_json: AsJson = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Of the gateway. [default: as configured, or the only one]")
    ] = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Show what a gateway and its instances have logged, whether it runs or not."""
    from harken.cli import crashes as crash_printing
    from harken.cli import log_summaries
    from harken.cli.app import read_config
    from harken.cli.logs import LINES, AskedLogs, folder_of, run
    from harken.ops.log_filter import LogFilter, since_of

    _check(
        summary=summary,
        crashes=crashes,
        of_lines={
            "--follow": follow,
            "--level": level,
            "--event": event,
            "--request": request,
            "--lines": lines is not None and summary,
            "--since": since and crashes,
        },
        of_summary={"--day": day, "--days": days},
    )
    merged = read_config(config, settings)
    chosen = names or []
    if crashes:
        folder = folder_of(merged, os.environ, port, part="crashes")
        in_full = crash_printing.IN_FULL if lines is None else lines
        sys.exit(crash_printing.run(folder, chosen, in_full=in_full, as_json=as_json))
    begin = since_of(since, time.time()) if since else float("-inf")
    wanted = LogFilter(since=begin, level=level, event=event, request=request)
    folder = folder_of(merged, os.environ, port, part="logs")
    if summary:
        between = log_summaries.days_of(day, days, date.today())
        sys.exit(log_summaries.run(folder, chosen, wanted, days=between, as_json=as_json))
    count = LINES if lines is None and not since and not request else lines
    sys.exit(run(folder, AskedLogs(names=chosen, wanted=wanted, lines=count, follow=follow, as_json=as_json)))


def _check(*, summary: bool, crashes: bool, of_lines: dict[str, object], of_summary: dict[str, object]) -> None:
    """Refuse flags that would be ignored.

    Raises:
        ConfigError: there is one.
    """
    if summary and crashes:
        raise ConfigError("--summary and --crashes exclude each other.")
    for flag, value in of_lines.items():
        if value and (summary or crashes):
            raise ConfigError(f"{flag} chooses lines; with {'--summary' if summary else '--crashes'} there are none.")
    for flag, value in of_summary.items():
        if value and not summary:
            raise ConfigError(f"{flag} needs --summary.")
