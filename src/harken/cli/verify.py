"""`harken verify`: runs the checks, and prints them as a table or JSON."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from harken.cli.client import address_of, trusting
from harken.cli.harmless import printable_json
from harken.cli.screen import Screen, drawn
from harken.errors import ConfigError
from harken.ops.verify.check import Report, Verdict
from harken.ops.verify.known import Known, own, packaged
from harken.ops.verify.run import verify
from harken.ops.verify.visit import Asked

_COLOURS = {Verdict.OK: "green", Verdict.FAILED: "red", Verdict.SKIPPED: "yellow"}


def run(
    asked: Asked, *, recording: Path | None, text: str, tolerance: float | None, as_json: bool, ca: Path | None = None
) -> int:
    """Verify, print, and return the exit code: 0 only when nothing failed.

    Raises:
        ConfigError: flags that do not fit together, or say what cannot be.
    """
    if not asked.api_key.isascii() or not asked.api_key.isprintable():
        raise ConfigError("--api-key (or HARKEN_API_KEY) holds characters that no key has.")
    tls = None if ca is None else trusting(ca)
    asked = dataclasses.replace(asked, server=address_of(asked.server), tls=tls)
    known = _known(recording, text, tolerance)
    console = Screen(stderr=True)
    with console.status("looking", spinner="line") as status:
        report = asyncio.run(verify(asked, known, on_step=lambda name: status.update(f"looking: {name}")))
    if as_json:
        print(printable_json(report.fields(), indent=2))
    else:
        _print(report)
    return 0 if report.is_good else 1


def _known(recording: Path | None, text: str, tolerance: float | None) -> Known:
    if recording is None:
        if text:
            raise ConfigError("--text says what is in a --recording; give both.")
        return dataclasses.replace(packaged(), tolerance=tolerance)
    return own(recording, text, tolerance)


def _print(report: Report) -> None:
    table = Table(box=None, header_style="dim")
    table.add_column("check", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("found", overflow="fold")
    for check in report.checks:
        remedy = f"\n{drawn('→')} {check.remedy}" if check.remedy else ""
        verdict = f"[{_COLOURS[check.verdict]}]{check.verdict}[/]"
        table.add_row(escape(check.name), verdict, escape(check.found + remedy))
    console = Screen()
    console.print(table)
    counts = {verdict: sum(check.verdict is verdict for check in report.checks) for verdict in Verdict}
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    console.print(f"{escape(report.server)}: {told}, in {report.took_s:.1f} s")
