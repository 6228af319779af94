"""`harken demo`: a real cluster on this machine, twenty recordings at once, nothing left running.

It uses only what a user has: it starts `harken up` as a process, talks to it over HTTP, and stops it with SIGTERM.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from rich.console import Console
from rich.table import Table

from harken.cli.client import Answer, ServerUnreachable, get_json, post_recording
from harken.cli.screen import Screen, drawn
from harken.errors import HarkenError
from harken.samples import Sample, packaged_samples

READY_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 60.0


class DemoFailed(HarkenError):
    """The cluster did not start, or did not stop."""

    code = "demo_failed"
    default = "The demo failed."


def run(*, instances: int, recordings: int) -> int:
    """Show the cluster at work; the exit code is 0 only when every transcript was right and nothing is left."""
    return asyncio.run(_run(packaged_samples(), instances, recordings))


async def _run(samples: list[Sample], instances: int, recordings: int) -> int:
    console = Screen()
    console.print(drawn(f"Starting {instances} instances of the digits model behind one gateway …"))
    began = time.monotonic()
    async with _cluster(instances) as (url, pids):
        console.print(
            f"Ready at {url} after {time.monotonic() - began:.1f} s. Sending {recordings} recordings at once."
        )
        chosen = [samples[i % len(samples)] for i in range(recordings)]
        began = time.monotonic()
        async with aiohttp.ClientSession() as session:
            answers = await asyncio.gather(*(_ask(session, url, sample) for sample in chosen))
        elapsed_s = time.monotonic() - began
    is_right = [_is_right(sample, answer) for sample, answer in zip(chosen, answers, strict=True)]
    _print_answers(console, chosen, answers, is_right)
    seconds = sum(answer.body.get("usage", {}).get("seconds", 0) for answer in answers)
    console.print(
        f"{sum(is_right)} of {len(chosen)} correct; {seconds:.0f} s of audio in {elapsed_s:.2f} s "
        f"({seconds / elapsed_s:.0f} times real time); work per instance: {_shares(answers)}"
    )
    left = [pid for pid in pids if _is_alive(pid)]
    console.print("Every process is gone." if not left else f"[red]Still running: {left}[/]")
    return 0 if all(is_right) and not left else 1


@asynccontextmanager
async def _cluster(instances: int) -> AsyncIterator[tuple[str, list[int]]]:
    """Run `harken up` on free ports; yields its address and the ids of all its processes."""
    command = [sys.executable, "-m", "harken", "up", "--model", "digits", "--instances", str(instances)]
    command += ["--port", "0", "--first-port", "0", "--log-level", "warning"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        url = await _announced(process)
        health = await _all_ready(process, url, instances)
        yield url, [process.pid, *(one["pid"] for one in health["instances"] if one["pid"])]
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _announced(process: asyncio.subprocess.Process) -> str:
    """Wait for the line of JSON in which the gateway says where it listens."""
    assert process.stdout is not None, "the pipe was asked for"
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            async for line in process.stdout:
                if line.startswith(b"{"):
                    return str(json.loads(line)["url"])
    except TimeoutError:
        pass
    raise DemoFailed("The gateway did not start; its reason is above.")


async def _all_ready(process: asyncio.subprocess.Process, url: str, instances: int) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session:
        for _ in range(int(READY_TIMEOUT_S / 0.2)):
            if process.returncode is not None:
                raise DemoFailed("The cluster stopped while it was starting; its reason is above.")
            health = (await get_json(session, f"{url}/health")).body
            if sum(one["state"] == "ready" for one in health["instances"]) >= instances:
                return health
            await asyncio.sleep(0.2)
    raise DemoFailed(f"The instances were not ready after {READY_TIMEOUT_S:.0f} s.")


async def _ask(session: aiohttp.ClientSession, url: str, sample: Sample) -> Answer:
    route = f"{url}/v1/audio/transcriptions"
    try:
        return await post_recording(session, route, sample.path, field="file", values={}, timeout_s=120)
    except ServerUnreachable as error:
        return Answer(status=0, headers={}, body={"error": {"message": error.message}})


def _is_right(sample: Sample, answer: Answer) -> bool:
    return answer.status == 200 and (answer.body.get("text"), answer.body.get("language")) == (
        sample.text,
        sample.language,
    )


def _print_answers(console: Console, chosen: list[Sample], answers: list[Answer], is_right: list[bool]) -> None:
    table = Table(box=None, header_style="dim")
    for column in ("recording", "instance", "language", "transcript", ""):
        table.add_column(column, overflow="fold")
    for sample, answer, right in zip(chosen, answers, is_right, strict=True):
        said = answer.body.get("text", answer.body.get("error", {}))
        table.add_row(
            sample.path.name,
            answer.headers.get("x-harken-instance", ""),
            str(answer.body.get("language", "")),
            str(said),
            "[green]correct[/]" if right else f"[red]expected: {sample.text}[/]",
        )
    console.print(table)


def _shares(answers: list[Answer]) -> str:
    counts = Counter(answer.headers.get("x-harken-instance", "none") for answer in answers)
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
