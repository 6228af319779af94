"""`harken jobs`: what a person does with jobs of a server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from rich.markup import escape
from rich.table import Table

from harken.cli.client import address_of, open_session
from harken.cli.harmless import printable, printable_json
from harken.cli.job_client import Fields, JobClient
from harken.cli.job_reports import UPLOAD_TIMEOUT_S, job_bar, report_of_line
from harken.cli.reports import check_output, tell
from harken.cli.screen import Screen
from harken.cli.wanted import Wanted
from harken.errors import ConfigError

Result = TypeVar("Result")

COLOURS = {"done": "green", "running": "yellow", "queued": "yellow", "failed": "red", "cancelled": "dim"}


def with_jobs(
    server: str, api_key: str, work: Callable[[JobClient], Awaitable[Result]], ca: Path | None = None
) -> Result:
    """Do something with the jobs of a server."""

    async def do() -> Result:
        async with open_session(api_key, ca) as session:
            return await work(JobClient(session, address_of(server)))

    return asyncio.run(do())


async def submit(
    jobs: JobClient,
    files: Sequence[Path],
    *,
    wanted: Wanted,
    name: str,
    webhook: str,
    folder: Path | None,
    waits: bool,
) -> int:
    """Hand in a job and print its id; with `waits`, follow it and print its results.

    Raises:
        ConfigError: flags that do not fit together, or a file that cannot be read.
    """
    wanted.check()
    if waits:
        check_output(wanted.output, folder, len(files))
    own = [(field, value) for field, value in (("name", name), ("webhook", webhook)) if value]
    try:
        job = await jobs.submit(files, [*wanted.values(), *own], UPLOAD_TIMEOUT_S)
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be read: {error.strerror}.") from error
    if not waits:
        print(printable(job["id"]))
        return 0
    print(f"harken: {printable(job['id'])}", file=sys.stderr)
    with job_bar(len(files)) as look:
        await jobs.wait(job["id"], look)
    reports = [report_of_line(line["name"], line, wanted) async for line in jobs.results(job["id"], "")]
    return tell(reports, wanted.output, folder)


async def results(jobs: JobClient, job_id: str, *, output: str, folder: Path | None) -> int:
    """Print the results of an ended job, or write a file for each.

    Raises:
        ConfigError: flags that do not fit together.
    """
    wanted = Wanted(output=output)
    wanted.check()
    job = await jobs.show(job_id, with_files=False)
    check_output(output, folder, job["counts"]["total"])
    reports = [report_of_line(line["name"], line, wanted) async for line in jobs.results(job_id, wanted.form.value)]
    return tell(reports, output, folder)


def print_list(found: Sequence[Fields], *, as_json: bool) -> int:
    """Print jobs as a table, or as JSON."""
    if as_json:
        print(printable_json(found, indent=2))
        return 0
    table = Table(box=None, header_style="dim")
    for column in ("job", "name", "state", "files", "done", "failed", "audio", "created"):
        is_number = column in ("files", "done", "failed", "audio")
        table.add_column(column, justify="right" if is_number else "left", no_wrap=column != "name", overflow="fold")
    for job in found:
        counts = job["counts"]
        numbers = (counts["total"], counts["done"], counts["failed"], f"{job['audio_s']:.0f} s")
        created = job["created_at"].partition(".")[0] + "Z"
        cells = (escape(job["id"]), escape(job["name"]), _coloured(job["state"]), *map(str, numbers), escape(created))
        table.add_row(*cells)
    Screen().print(table)
    return 0


def print_job(job: Fields, *, as_json: bool) -> int:
    """Print one job and its files; exit code 1 when it failed or was cancelled."""
    if as_json:
        print(printable_json(job, indent=2))
    else:
        console = Screen()
        console.print(
            f"[b]{escape(job['id'])}[/] {escape(job['name'])} {_coloured(job['state'])}, "
            f"{escape(job['model'] or 'any model')}"
        )
        table = Table(box=None, header_style="dim")
        for column in ("file", "name", "state", "audio", "done", "tries", "error"):
            is_number = column in ("file", "audio", "done", "tries")
            table.add_column(column, justify="right" if is_number else "left", overflow="fold")
        for file in job.get("files", []):
            audio = "" if file["audio_s"] is None else f"{file['audio_s']:.1f} s"
            error = f"{file['error']['message']} [{file['error']['code']}]" if file["error"] else ""
            numbers = (audio, f"{file['done_s']:.1f} s", str(file["attempts"]))
            table.add_row(str(file["number"]), escape(file["name"]), _coloured(file["state"]), *numbers, escape(error))
        console.print(table)
    return 1 if job["state"] in ("failed", "cancelled") else 0


def _coloured(state: str) -> str:
    return f"[{COLOURS.get(state, 'default')}]{escape(state)}[/]"
