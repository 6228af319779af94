"""`harken transcribe`: files in, text out, with the model in this process or on a server.

Several files go to a server as one job, where it offers jobs: it survives restarts, and the server decides how much it
does at once. Otherwise, and for one file, they are plain requests.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from harken.cli.client import address_of, open_session, post_files
from harken.cli.job_client import JobClient
from harken.cli.job_reports import job_reports
from harken.cli.reports import Report, check_output, report_of, tell
from harken.cli.screen import Screen
from harken.cli.wanted import Wanted
from harken.config import Config, LogConfig
from harken.errors import ConfigError, HarkenError
from harken.log import set_up_log
from harken.transcribe.form import Form

AtOnce = Callable[[Path], Awaitable[Report]]

REQUEST_TIMEOUT_S = 24 * 3600.0
"""Of one recording as one request: a long one takes as long as it takes, and Ctrl-C is at hand."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where the work is done.

    Attributes:
        server: an address; None for this process.
        api_key: for that server.
        as_job: a job also for one file.
        ca: whose certificates that server may have.
    """

    server: str | None = None
    api_key: str = ""
    as_job: bool = False
    ca: Path | None = None


def check_local(server: str | None, flags: Mapping[str, object]) -> None:
    """Refuse flags about a model in this process where a server's is used: they would say nothing.

    Raises:
        ConfigError: one of them was given.
    """
    given = [f"--{name}" for name, value in flags.items() if value is not None]
    if server is not None and given:
        raise ConfigError(f"{', '.join(given)} cannot be had with --server: that server has its own model.")


def run(config: Config, files: Sequence[Path], *, wanted: Wanted, place: Place, folder: Path | None) -> int:
    """Transcribe all files, print in their order; the exit code is 1 when one of them failed.

    Raises:
        ConfigError: flags that do not fit together.
    """
    wanted.check()
    if place.as_job and place.server is None:
        raise ConfigError("--job needs --server: jobs live on one.")
    check_output(wanted.output, folder, len(files))
    # What an engine logs while it loads interests operators of servers; here a warning is enough.
    set_up_log(replace(config.log, level="warning") if config.log == LogConfig() else config.log)
    if place.server is None:
        reports = asyncio.run(_one_by_one(_in_process(config, wanted), files))
    else:
        reports = asyncio.run(_on_server(address_of(place.server), place, files, wanted))
    return tell(reports, wanted.output, folder)


async def _on_server(url: str, place: Place, files: Sequence[Path], wanted: Wanted) -> list[Report]:
    async with open_session(place.api_key, place.ca) as session:
        jobs = JobClient(session, url)
        if place.as_job or (len(files) > 1 and await jobs.is_offered()):
            return await job_reports(jobs, files, wanted)
        return await _one_by_one(_requests(session, url, wanted), files)


async def _one_by_one(source: AbstractAsyncContextManager[AtOnce], files: Sequence[Path]) -> list[Report]:
    # The bar goes to standard error, so that standard output holds the text alone.
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Screen(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("loading", total=len(files))
        async with source as transcribe_one:
            bar.update(task, description="transcribing")

            # Four files in flight keep a batch full without asking too much of a server.
            bound = asyncio.Semaphore(4)

            async def one(path: Path) -> Report:
                async with bound:
                    report = await _guarded(transcribe_one, path)
                bar.advance(task)
                return report

            return list(await asyncio.gather(*(one(path) for path in files)))


async def _guarded(transcribe_one: AtOnce, path: Path) -> Report:
    try:
        return await transcribe_one(path)
    except HarkenError as error:
        return Report(file=str(path), error=error.message, code=error.code)
    except OSError as error:
        return Report(file=str(path), error=f"Cannot be read: {error.strerror}.", code="unreadable")


@asynccontextmanager
async def _requests(session: aiohttp.ClientSession, url: str, wanted: Wanted) -> AsyncIterator[AtOnce]:
    async def transcribe_one(path: Path) -> Report:
        answer = await post_files(
            session,
            f"{url}/v1/audio/transcriptions",
            [("file", path)],
            values=wanted.values(),
            timeout_s=REQUEST_TIMEOUT_S,
            wants_json=wanted.form in (Form.JSON, Form.VERBOSE_JSON),
        )
        answer.checked()
        instances = [name for name in answer.headers.get("x-harken-instance", "").split(",") if name]
        return report_of(str(path), wanted, answer.body, answer.raw.decode(), instances)

    yield transcribe_one


@asynccontextmanager
async def _in_process(config: Config, wanted: Wanted) -> AsyncIterator[AtOnce]:
    from harken.api.fields import ask_of, read_fields
    from harken.audio import AudioReader
    from harken.engine.load import load
    from harken.models.store import open_store
    from harken.transcribe.render import render
    from harken.transcribe.transcriber import Transcriber

    fields: dict[str, list[str]] = {}
    for name, value in wanted.values():
        fields.setdefault(name, []).append(value)
    request = read_fields(fields)
    loaded = await asyncio.to_thread(load, config.instance, open_store(config.models, os.environ))
    async with loaded.engine as engine, AudioReader() as reader:
        ask = ask_of(request, await engine.model())
        transcriber = Transcriber(engine, reader, config.limits)

        async def transcribe_one(path: Path) -> Report:
            result = await transcriber.transcribe(path, ask, request_id=path.name)
            written = await asyncio.to_thread(render, result, request.form, granularities=request.granularities)
            text = written.body.decode()
            is_json = request.form in (Form.JSON, Form.VERBOSE_JSON)
            return report_of(str(path), wanted, json.loads(text) if is_json else {}, text, [])

        yield transcribe_one
