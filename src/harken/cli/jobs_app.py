"""The names and flags of `harken jobs …`; what they do is in `harken.cli.jobs`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harken.cli.flags import (
    DEFAULT_SERVER,
    ApiKey,
    AsJson,
    Ca,
    Folder,
    Format,
    Hotwords,
    Language,
    Prompt,
    Server,
    WordTimes,
)

JobId = Annotated[str, typer.Argument(help="The id that submit printed.", metavar="JOB")]


def build_jobs_app() -> typer.Typer:
    """Put the commands together."""
    app = typer.Typer(name="jobs", help="Recordings that a server transcribes in the background.", no_args_is_help=True)
    for command in (submit, list_jobs, show, cancel, results):
        app.command("list" if command is list_jobs else None)(command)
    return app


def submit(
    files: Annotated[list[Path], typer.Argument(help="Recordings in any container.", metavar="FILE...")],
    server: Server = DEFAULT_SERVER,
    api_key: ApiKey = "",
    ca: Ca = None,
    language: Language = "auto",
    prompt: Prompt = "",
    hotwords: Hotwords = "",
    words: WordTimes = False,
    output: Format = "txt",
    name: Annotated[str, typer.Option(help="What you call the job.")] = "",
    webhook: Annotated[str, typer.Option(help="URL that is told of the end, signed.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end and print the results.")] = False,
    folder: Folder = None,
) -> None:
    """Hand recordings in as one job and print its id."""
    from harken.cli import jobs
    from harken.cli.job_client import JobClient
    from harken.cli.wanted import Wanted

    wanted = Wanted(output=output, language=language, prompt=prompt, hotwords=hotwords, words=words)

    async def work(client: JobClient) -> int:
        return await jobs.submit(client, files, wanted=wanted, name=name, webhook=webhook, folder=folder, waits=wait)

    sys.exit(jobs.with_jobs(server, api_key, work, ca))


def list_jobs(
    server: Server = DEFAULT_SERVER,
    api_key: ApiKey = "",
    ca: Ca = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the newest jobs."""
    from harken.cli import jobs

    sys.exit(jobs.print_list(jobs.with_jobs(server, api_key, lambda client: client.list(limit), ca), as_json=as_json))


def show(
    job: JobId, server: Server = DEFAULT_SERVER, api_key: ApiKey = "", ca: Ca = None, as_json: AsJson = False
) -> None:
    """Show a job and its files; exit 1 when it failed or was cancelled."""
    from harken.cli import jobs

    sys.exit(jobs.print_job(jobs.with_jobs(server, api_key, lambda client: client.show(job), ca), as_json=as_json))


def cancel(job: JobId, server: Server = DEFAULT_SERVER, api_key: ApiKey = "", ca: Ca = None) -> None:
    """Cancel a job; what is done stays done."""
    from harken.cli import jobs

    jobs.with_jobs(server, api_key, lambda client: client.cancel(job), ca)


def results(
    job: JobId,
    server: Server = DEFAULT_SERVER,
    api_key: ApiKey = "",
    ca: Ca = None,
    output: Format = "txt",
    folder: Folder = None,
) -> None:
    """Print the results of an ended job, or write a file for each recording."""
    from harken.cli import jobs

    sys.exit(
        jobs.with_jobs(server, api_key, lambda client: jobs.results(client, job, output=output, folder=folder), ca)
    )
