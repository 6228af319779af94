"""Thirty minutes of load while the fleet is changed and killed: are accepted requests lost?

`python -m benchmarks.operations --minutes 30` starts a gateway with the digits model, has clients send recordings whose
words are known without a pause, and meanwhile scales up twice and down twice, rolls to another copy of the model, and
kills instances with SIGKILL. Every answer is compared with what is said in its recording. The invariant: each request
is counted once, as right, wrong, refused (before it was accepted) or failed; the exit code is 0 only if nothing but
right and refused is left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.machine import commit, machine
from harken.samples import packaged_samples

RESULTS = Path(__file__).parent / "results"
CLIENTS = 6
TIMEOUT_S = 330.0
REFUSALS = frozenset({429, 503})


@dataclass
class Tally:
    """What became of the requests.

    Attributes:
        right: answered with what is said in the recording.
        refused: with a code and Retry-After, before they were accepted.
        wrong: answered with something else; a line each.
        failed: anything else; a line each.
        took_s: of the right ones.
    """

    right: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    took_s: list[float] = field(default_factory=list)
    by_instance: Counter[str] = field(default_factory=Counter)


@dataclass
class Trial:
    """A running gateway, and what was done to it."""

    url: str
    port: int
    env: dict[str, str]
    place: str
    rng: random.Random
    tally: Tally = field(default_factory=Tally)
    story: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    kills: int = 0

    def note(self, sentence: str) -> None:
        """Write down and show what happens."""
        line = f"{time.monotonic() - self.began:7.1f} s  {sentence.replace(self.place, 'FOLDER')}"
        self.story.append(line)
        print(line, flush=True)


async def client(trial: Trial, session: aiohttp.ClientSession, samples: list[tuple[Path, str]], until: float) -> None:
    """Send one recording after another."""
    while time.monotonic() < until:
        path, text = trial.rng.choice(samples)
        began = time.monotonic()
        form = aiohttp.FormData()
        form.add_field("file", path.read_bytes(), filename=path.name)
        try:
            async with session.post(f"{trial.url}/v1/audio/transcriptions", data=form) as answer:
                body = await answer.json()
                took_s = time.monotonic() - began
                _count(trial.tally, answer, body, Said(name=path.name, text=text, took_s=took_s))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            trial.tally.failed.append(f"{path.name}: {type(error).__name__}: {error}")


@dataclass(frozen=True)
class Said:
    """A recording that was sent: its name, its words, and how long the answer took."""

    name: str
    text: str
    took_s: float


def _count(tally: Tally, answer: aiohttp.ClientResponse, body: dict[str, Any], said: Said) -> None:
    if answer.status == 200 and body.get("text") == said.text:
        tally.right += 1
        tally.took_s.append(said.took_s)
        tally.by_instance[answer.headers.get("X-Harken-Instance", "")] += 1
    elif answer.status == 200:
        tally.wrong.append(f"{said.name}: {body.get('text')!r} instead of {said.text!r}")
    elif answer.status in REFUSALS and "Retry-After" in answer.headers:
        tally.refused += 1
    else:
        tally.failed.append(f"{said.name}: {answer.status} {json.dumps(body)[:200]}")


async def command(trial: Trial, *words: str) -> None:
    """Run a command of ours to its end; note what it says."""
    trial.note(f"$ harken {' '.join(words)}")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "harken", *words, "--port", str(trial.port),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=trial.env,
    )  # fmt: skip
    output, _ = await process.communicate()
    for line in output.decode().splitlines():
        trial.note(f"    {line}")
    if process.returncode:
        trial.tally.failed.append(f"harken {' '.join(words)}: exit code {process.returncode}")


async def kill(trial: Trial, session: aiohttp.ClientSession) -> None:
    """SIGKILL to an instance that has work, if one has."""
    async with session.get(f"{trial.url}/health") as answer:
        lines = (await answer.json())["instances"]
    ready = [line for line in lines if line["pid"] and line["state"] == "ready"]
    busy = [line for line in ready if line["in_flight"]] or ready
    if not busy:
        trial.note("nobody is ready to be killed")
        return
    line = trial.rng.choice(busy)
    os.kill(line["pid"], signal.SIGKILL)
    trial.kills += 1
    trial.note(f"SIGKILL to {line['name']} (pid {line['pid']}, {line['in_flight']} segments on it)")


Step = Callable[[], Awaitable[None]]


async def play(trial: Trial, session: aiohttp.ClientSession, seconds: float, model: Path) -> None:
    """Do everything in its time; two steps of one time follow each other."""
    plan: list[tuple[float, Step]] = [(0.04 + 0.092 * k, lambda: kill(trial, session)) for k in range(10)]
    plan += [
        (0.07, lambda: command(trial, "scale", "3")),
        (0.25, lambda: command(trial, "roll", "--model", str(model), "--watch", "5")),
        (0.55, lambda: command(trial, "scale", "4")),
        (0.70, lambda: command(trial, "scale", "3")),
        (0.85, lambda: command(trial, "scale", "2")),
    ]
    running: list[asyncio.Task[None]] = []
    for share, step in sorted(plan, key=lambda row: row[0]):
        await asyncio.sleep(max(0.0, trial.began + share * seconds - time.monotonic()))
        running.append(asyncio.ensure_future(step()))
    await asyncio.gather(*running)


def samples() -> list[tuple[Path, str]]:
    """The packaged recordings and their words."""
    return [(sample.path, sample.text) for sample in packaged_samples()]


async def run(minutes: float, seed: int) -> Trial:
    """The whole trial."""
    with tempfile.TemporaryDirectory() as place:
        model = Path(place) / "digits-copy"
        shutil.copytree(Path(str(files("harken") / "checkpoints" / "digits")), model)
        env = {**os.environ, "HARKEN_STATE_FOLDER": str(Path(place) / "state"), "HARKEN_CACHE_BYTES": "0"}
        up = [
            sys.executable,
            "-m",
            "harken",
            "up",
            "--model",
            "digits",
            "--aligner",
            "digits-aligner",
            "--instances",
            "2",
            "--port",
            "0",
        ]
        with (Path(place) / "log").open("wb") as log:
            gateway = await asyncio.create_subprocess_exec(
                *up, "--first-port", "0", stdout=subprocess.PIPE, stderr=log, env=env
            )
            try:
                return await _run(gateway, env, minutes, seed, model)
            finally:
                if gateway.returncode is None:
                    gateway.terminate()
                print(f"the gateway's exit code: {await gateway.wait()}")


async def _run(
    gateway: asyncio.subprocess.Process, env: dict[str, str], minutes: float, seed: int, model: Path
) -> Trial:
    assert gateway.stdout is not None, "the pipe was asked for"
    url = json.loads(await gateway.stdout.readline())["url"]
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while True:
            async with session.get(f"{url}/health") as answer:
                if answer.status == 200:
                    break
            await asyncio.sleep(0.1)
        trial = Trial(
            url=url, port=int(url.rpartition(":")[2]), env=env, place=str(model.parent), rng=random.Random(seed)
        )
        until = trial.began + minutes * 60
        clients = [asyncio.ensure_future(client(trial, session, samples(), until)) for _ in range(CLIENTS)]
        await play(trial, session, minutes * 60, model)
        await asyncio.gather(*clients)
        async with session.get(f"{url}/health") as answer:
            last = await answer.json()
    trial.note(f"at the end: {last['status']}, {[(line['name'], line['state']) for line in last['instances']]}")
    return trial


def report(trial: Trial, minutes: float) -> str:
    """The result as a page."""
    tally, took = trial.tally, sorted(trial.tally.took_s) or [0.0]
    median, late, longest = (took[min(len(took) - 1, int(part * len(took)))] for part in (0.5, 0.99, 1.0))
    lines = [
        "# Load while the fleet is changed and killed",
        "",
        f"`python -m benchmarks.operations --minutes {minutes:g}`, {datetime.now(UTC):%Y-%m-%d}.",
        f"{machine()}; commit {commit()}.",
        "",
        f"{CLIENTS} clients, each with one recording after another; model digits; the cache is off.",
        "",
        "| | |",
        "| --- | --- |",
        f"| requests answered rightly | {tally.right} |",
        f"| wrong texts | {len(tally.wrong)} |",
        f"| failures of accepted requests | {len(tally.failed)} |",
        f"| refused before they were accepted | {tally.refused} |",
        f"| kills | {trial.kills} |",
        f"| time per request: median, 99 %, longest | {median:.2f} s, {late:.2f} s, {longest:.2f} s |",
        f"| by instance | {', '.join(f'{name} {count}' for name, count in sorted(tally.by_instance.items()))} |",
        "",
        "```",
        *trial.story,
        *tally.wrong[:20],
        *tally.failed[:20],
        "```",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Run the trial; the exit code says whether anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS / "operations.md")
    options = parser.parse_args()
    trial = asyncio.run(run(options.minutes, options.seed))
    page = report(trial, options.minutes)
    options.out.write_text(page, encoding="utf-8")
    print(page)
    return 1 if trial.tally.failed or trial.tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
