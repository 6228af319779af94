"""Recordings as one job of a server: hand in, follow, fetch, forget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from harken.cli.client import ServerRefused, ServerUnreachable
from harken.cli.job_client import Fields, JobClient
from harken.cli.reports import Report, report_of
from harken.cli.screen import Screen
from harken.cli.wanted import Wanted

UPLOAD_TIMEOUT_S = 24 * 3600.0


async def job_reports(jobs: JobClient, files: Sequence[Path], wanted: Wanted) -> list[Report]:
    """Have recordings transcribed as one job, which is gone from the server afterwards.

    Raises:
        ServerRefused, ServerUnreachable: the job was not accepted, or cannot be followed.
    """
    unreadable = {path: problem for path in files if (problem := _problem(path))}
    readable = [path for path in files if path not in unreadable]
    found: dict[int, Report] = {}
    if readable:
        job = await jobs.submit(readable, wanted.values(), UPLOAD_TIMEOUT_S)
        with job_bar(len(readable)) as look:
            look(job)
            await jobs.wait(job["id"], look)
        async for line in jobs.results(job["id"], ""):
            found[line["number"]] = report_of_line(str(readable[line["number"]]), line, wanted)
        with suppress(ServerRefused, ServerUnreachable):  # then it goes by itself after a while
            await jobs.delete(job["id"])
    rest = iter(sorted(found.items()))
    return [
        Report(file=str(path), error=unreadable[path], code="unreadable") if path in unreadable else next(rest)[1]
        for path in files
    ]


def report_of_line(file: str, line: Fields, wanted: Wanted) -> Report:
    """Make a report of one line of a job's results."""
    result: Any = line["result"]
    if result is None:
        error = line.get("error") or {"message": f"It is {line['state']}.", "code": str(line["state"])}
        return Report(file=file, error=error["message"], code=error["code"])
    body = result if isinstance(result, dict) else {}
    return report_of(file, wanted, body, result if isinstance(result, str) else "", line.get("instances", []))


@contextmanager
def job_bar(files: int) -> Iterator[Callable[[Fields], None]]:
    """A bar on standard error that gets every look at the job."""
    console = Screen(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files, {task.fields[audio]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("queued", total=files, audio="")

        def look(job: Fields) -> None:
            counts = job["counts"]
            ended = counts["done"] + counts["failed"] + counts["cancelled"]
            audio = f"{job['done_s']:.0f} of {job['audio_s']:.0f} s of audio"
            bar.update(task, completed=ended, description=escape(f"{job['id']} {job['state']}"), audio=audio)

        yield look


def _problem(path: Path) -> str:
    """Why a file cannot be read; "" where it can."""
    try:
        with path.open("rb"):
            return ""
    except OSError as error:
        return f"Cannot be read: {error.strerror}."
