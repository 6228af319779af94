"""`harken transcribe`: files in, text out, with the model in this process or on a server."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from harken.cli.client import address_of, post_recording
from harken.config import Config, LogConfig
from harken.errors import ConfigError, HarkenError
from harken.log import set_up_log

Report = dict[str, Any]
"""What is known of one file: file, text, language, …, or file, error and code."""

AtOnce = Callable[[Path], Awaitable[Report]]


def run(config: Config, files: Sequence[Path], *, server: str | None, language: str, output: str) -> int:
    """Transcribe all files, print in their order; the exit code is 1 when one of them failed.

    Raises:
        ConfigError: an unknown output format.
    """
    if output not in ("txt", "json"):
        raise ConfigError(f"--format must be txt or json, not {output!r}.")
    # What an engine logs while it loads interests operators of servers; here a warning is enough.
    set_up_log(replace(config.log, level="warning") if config.log == LogConfig() else config.log)
    source = _from_server(server, language, config) if server is not None else _in_process(config, language)
    reports = asyncio.run(_transcribe_all(source, files))
    if output == "json":
        print(json.dumps(reports, indent=2, ensure_ascii=False))
    for report in reports:
        if "error" in report:
            print(f"harken: {report['file']}: {report['error']} [{report['code']}]", file=sys.stderr)
        elif output == "txt":
            print(report["text"] if len(reports) == 1 else f"{report['file']}\t{report['text']}")
    return 1 if any("error" in report for report in reports) else 0


async def _transcribe_all(source: Any, files: Sequence[Path]) -> list[Report]:
    # The bar goes to standard error, so that standard output holds the text alone.
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("loading", total=len(files))
        async with source as transcribe_one:
            bar.update(task, description="transcribing")

            async def one(path: Path) -> Report:
                try:
                    report = {"file": str(path), **await transcribe_one(path)}
                except HarkenError as error:
                    report = {"file": str(path), "error": error.message, "code": error.code}
                except OSError as error:
                    report = {"file": str(path), "error": f"Cannot be read: {error.strerror}.", "code": "unreadable"}
                bar.advance(task)
                return report

            # Four files in flight keep a batch full without holding every recording in memory at once.
            bound = asyncio.Semaphore(4)

            async def bounded(path: Path) -> Report:
                async with bound:
                    return await one(path)

            return list(await asyncio.gather(*(bounded(path) for path in files)))


@asynccontextmanager
async def _from_server(server: str, language: str, config: Config) -> AsyncIterator[AtOnce]:
    url = f"{address_of(server)}/v1/audio/transcriptions"
    values = {"response_format": "json"} | ({} if language == "auto" else {"language": language})
    timeout_s = config.limits.queue_timeout_s + config.limits.segment_timeout_s

    async with aiohttp.ClientSession() as session:

        async def transcribe_one(path: Path) -> Report:
            answer = await post_recording(session, url, path, field="file", values=values, timeout_s=timeout_s)
            if answer.status != 200:
                error = answer.body.get("error")
                described = error if isinstance(error, dict) else {"message": str(error or answer.body)}
                return {"error": described.get("message"), "code": described.get("code") or f"http_{answer.status}"}
            return {
                "text": answer.body["text"],
                "language": answer.body.get("language", ""),
                "audio_s": answer.body.get("usage", {}).get("seconds"),
                "is_complete": "x-harken-incomplete" not in answer.headers,
                "instances": [name for name in answer.headers.get("x-harken-instance", "").split(",") if name],
            }

        yield transcribe_one


@asynccontextmanager
async def _in_process(config: Config, language: str) -> AsyncIterator[AtOnce]:
    from harken.audio import AudioReader
    from harken.engine.load import load
    from harken.languages import parse_language
    from harken.transcribe.ask import Ask
    from harken.transcribe.transcriber import Transcriber
    from harken.types import Options

    loaded = await asyncio.to_thread(load, config.instance)
    async with loaded.engine as engine, AudioReader() as reader:
        options = Options(language=parse_language(language, (await engine.model()).languages))
        transcriber = Transcriber(engine, reader, config.limits)

        async def transcribe_one(path: Path) -> Report:
            data = await asyncio.to_thread(path.read_bytes)
            result = await transcriber.transcribe(data, Ask(options=options), request_id=path.name)
            return {
                "text": result.text,
                "language": result.language,
                "audio_s": round(result.audio_s, 3),
                "is_complete": result.is_complete,
                "instances": [],
            }

        yield transcribe_one
