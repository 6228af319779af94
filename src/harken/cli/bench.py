"""`harken bench`: many recordings at once to one or several servers, and what became of them.

It uses only what a client has: a form in, an answer out. The invariants: every request that went out is in the figures;
and the exit code is 0 only when all of them succeeded, or a sweep found its knee, within the word error rate that was
allowed.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import harken
from harken.bench.load.deck import deck_of
from harken.bench.load.reading import read_takes
from harken.bench.load.report.page import page_of
from harken.bench.load.rows import rows_of
from harken.bench.load.run import About, Run
from harken.bench.load.saved import as_dict
from harken.cli.bench_asked import AskedBench, checked
from harken.cli.bench_machine import commit, machine
from harken.cli.bench_report import print_report
from harken.cli.bench_runner import BenchRunner
from harken.cli.client import address_of
from harken.errors import ConfigError
from harken.ops.address import without_user


def run(asked: AskedBench) -> int:
    """Send, print, write, and return the exit code: 0, 1, or when a signal cut it off 128 and its number.

    Raises:
        ConfigError: something asked for is not there or makes no sense.
    """
    checked(asked)
    servers = [address_of(server) for server in asked.servers]
    takes = read_takes(asked.files, limit=asked.limit, seed=asked.seed, keeps_files=asked.allows_cache)
    deck = deck_of(takes, asked.wanted_classes(), asked.seed)
    if asked.fail_above_wer is not None and not deck.has_text:
        raise ConfigError("--fail-above-wer wants recordings whose text is known: a manifest, or the packaged ones.")
    began_at = datetime.now(UTC)
    runner = BenchRunner(asked, deck, servers)
    try:
        ended_by = asyncio.run(_until_told(runner))
    except KeyboardInterrupt:
        ended_by = signal.SIGINT
    done = Run(
        about=_about(asked, began_at, runner),
        steps=runner.steps,
        by=asked.by,
        is_sweep=bool(asked.sweep),
        rule=asked.rule,
        wanted=asked.wanted,
        is_cut=bool(ended_by),
        reasons=runner.reasons,
    )
    try:  # files first: whoever reads the terminal through `head` ends this at the first line too many
        _write(asked, done)
    finally:
        _show(asked, done)
    return 128 + ended_by if ended_by else _exit_code(done, asked.fail_above_wer)


async def _until_told(runner: BenchRunner) -> int:
    """Run to the end or until a signal other than Ctrl-C's says so; return its number, or 0."""
    loop, running = asyncio.get_running_loop(), asyncio.ensure_future(runner.run())
    told: list[int] = []

    def end(number: int) -> None:
        told.append(number)
        running.cancel()

    for number in () if sys.platform == "win32" else (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
            loop.add_signal_handler(number, end, number)
    try:
        await running
    except asyncio.CancelledError:
        if not told:
            raise
    return told[0] if told else 0


def _show(asked: AskedBench, done: Run) -> None:
    if asked.as_json:
        print(json.dumps(as_dict(done), indent=2))
    else:
        print_report(done)


def _about(asked: AskedBench, began_at: datetime, runner: BenchRunner) -> About:
    return About(
        title=asked.title,
        began_at=began_at.isoformat(timespec="seconds"),
        version=harken.__version__,
        commit=commit(),
        machine=machine(),
        models={
            without_user(address_of(server)): runner.served[server].model if server in runner.served else ""
            for server in dict.fromkeys(address_of(server) for server in asked.servers)
        },
        settings=_settings(asked),
    )


def _settings(asked: AskedBench) -> dict[str, object]:
    """What was asked for, as a reader would type it; no key, no path beyond a name."""
    settings: dict[str, object] = {
        "files": ", ".join(file.name for file in asked.files) or "the packaged recordings",
        "limit": asked.limit,
        "classes": asked.classes,
        "route": "listen" if asked.is_live else asked.route,
        "model": asked.model,
        "language": asked.language,
        "answers": asked.answers,
        "stream": asked.streams,
        "requests": asked.wanted,
        "duration-s": asked.lasts_s,
        "concurrency": asked.concurrency if asked.is_open or asked.sweep or asked.is_live else int(asked.first_level),
        "live": asked.live,
        "commit": asked.commits,
        "rate": asked.rate,
        "sweep": asked.sweep,
        "levels": asked.levels,
        "growth": asked.growth if asked.sweep and not asked.is_live else None,
        "warm-up": asked.warm_up or None,
        "seed": asked.seed,
        "target-s": asked.good.seconds,
        "target-share": asked.good.share,
        "allow-cache": asked.allows_cache,
        "timeout-s": asked.timeout_s,
    }
    return {name: value for name, value in settings.items() if value not in (None, "", False)}


def _write(asked: AskedBench, done: Run) -> None:
    if asked.save is not None:
        _put(asked.save, [json.dumps(as_dict(done), indent=1), "\n"])
    if asked.csv is not None:
        _put(asked.csv, rows_of(done))
    if asked.html is not None:
        _put(asked.html, [page_of(done)])


def _put(path: Path, lines: Iterable[str]) -> None:
    """Write a file; what is there and is no plain file (a pipe, a terminal) is written into, not replaced."""
    draft = path if path.exists() and not path.is_file() else path.with_name(f"{path.name}.new")
    try:
        with draft.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.writelines(lines)
        if draft != path:
            draft.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error


def _exit_code(done: Run, most_wer: float | None) -> int:
    figures = done.main.figures
    if most_wer is not None and figures.rates is not None and figures.rates.is_above(most_wer / 100):
        print(f"harken: more than {most_wer:g} % of the words are wrong (--fail-above-wer).", file=sys.stderr)
        return 1
    if done.is_sweep:
        return int(done.knee is None)
    return int(not figures.requests or figures.successes != figures.requests)
