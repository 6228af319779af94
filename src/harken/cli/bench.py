"""`harken bench`: many recordings at once to one or several servers, and what became of them.

It uses only what a client has: a form in, an answer out. The invariants: every request that went out is in the figures;
and the exit code is 0 only when all of them succeeded, with the right text where that is known.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.progress import Progress

from harken.bench.load import closed_loop, open_loop
from harken.bench.outcomes import Outcome
from harken.bench.takes import Take, packaged_takes, takes_of
from harken.cli.bench_client import BenchAnswer, model_of, post
from harken.cli.bench_report import BenchRun, as_dict, print_report
from harken.cli.client import address_of, open_session
from harken.clock import SystemClock
from harken.errors import ConfigError, HarkenError

ROUTES = {"openai": ("/v1/audio/transcriptions", "file"), "asr": ("/asr", "audio")}
"""Path and field of each."""

CONCURRENCY = 8
_OPEN_MOST = 1000
"""Requests that may be unanswered in an open loop, where nobody says how many."""

_DIGITS = "digits"
"""How the names of those models end that recognise the packaged recordings word for word."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedBench:
    """What the person wants.

    Attributes:
        files: recordings; empty for the packaged ones.
        servers: addresses, which take turns.
        api_key: "" for none.
        ca: whose certificates are taken, as PEM; None for those that this machine trusts.
        requests: how many.
        concurrency: at once; None for the usual number.
        rate: requests a second; None for as fast as answers come.
        route: one of `ROUTES`.
        allows_cache: send the files as they are, again and again.
        timeout_s: how long an answer may take.
        as_json: print JSON.
    """

    files: Sequence[Path]
    servers: Sequence[str]
    api_key: str
    ca: Path | None
    requests: int
    concurrency: int | None
    rate: float | None
    route: str
    allows_cache: bool
    timeout_s: float
    as_json: bool


def run(asked: AskedBench) -> int:
    """Send, print, and return the exit code: 0, 1, or 130 when it was cut off.

    Raises:
        ConfigError: something asked for is not there or makes no sense.
    """
    if asked.route not in ROUTES:
        raise ConfigError(f"--route must be one of {', '.join(ROUTES)}, not {asked.route!r}.")
    bench = _Bench(asked, _takes(asked.files), [address_of(server) for server in asked.servers])
    try:
        asyncio.run(bench.run())
    except KeyboardInterrupt:
        bench.is_cut = True
    done = bench.result()
    if asked.as_json:
        print(json.dumps(as_dict(done), indent=2))
    else:
        print_report(done)
    if done.is_cut:
        return 130
    return 0 if done.whole.successes == asked.requests and not done.whole.wrong else 1


class _Bench:
    """One run.

    Attributes:
        is_cut: a person ended it before its end.
    """

    def __init__(self, asked: AskedBench, takes: Sequence[Take], servers: Sequence[str]) -> None:
        self.is_cut = False
        self._asked = asked
        self._servers = servers
        self._outcomes: list[Outcome] = []
        self._models = dict.fromkeys(servers, "")
        self._takes = takes
        self._clock = SystemClock()
        self._base = secrets.randbits(32)  # nothing that an earlier run sent
        self._began = self._ended = 0.0
        self._progress = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
        self._bar = self._progress.add_task("", total=asked.requests)

    def result(self) -> BenchRun:
        """What is known of it so far."""
        return BenchRun(
            wanted=self._asked.requests,
            rate=self._asked.rate,
            outcomes=self._outcomes,
            elapsed_s=self._ended - self._began,
            models=self._models,
            is_cut=self.is_cut,
        )

    async def run(self) -> None:
        """Send all requests."""
        asked = self._asked
        # Each connection is a request's own: none waits for another's.
        async with open_session(asked.api_key, asked.ca, connections=0) as session:
            self._models = {server: await model_of(session, server) for server in self._models}

            async def ask(number: int, due: float) -> None:
                await self._ask(session, number, due)

            with self._progress:
                self._began = self._ended = self._clock.now()
                if asked.rate is None:
                    most = asked.concurrency or CONCURRENCY
                    await closed_loop(ask, requests=asked.requests, concurrency=most, clock=self._clock)
                else:
                    most = asked.concurrency or _OPEN_MOST
                    await open_loop(ask, requests=asked.requests, rate=asked.rate, at_most=most, clock=self._clock)

    async def _ask(self, session: aiohttp.ClientSession, number: int, due: float) -> None:
        turn, place = divmod(number, len(self._servers))
        server, take = self._servers[place], self._takes[turn % len(self._takes)]  # each server gets every recording
        path, field = ROUTES[self._asked.route]
        data = take.data if self._asked.allows_cache else take.wav(self._base + number)
        form = aiohttp.FormData()
        form.add_field(field, data, filename=take.name if self._asked.allows_cache else "take.wav")
        sent = self._clock.now()
        answer = await post(session, f"{server}{path}", form, self._asked.timeout_s)
        self._ended = self._clock.now()
        late_s = max(0.0, sent - due) if self._asked.rate is not None else 0.0
        outcome = _outcome(answer, take, server, is_known=self._models[server].endswith(_DIGITS))
        took_s = self._ended - sent + late_s
        self._outcomes.append(dataclasses.replace(outcome, took_s=took_s, late_s=late_s))
        self._progress.advance(self._bar)


def _outcome(answer: BenchAnswer, take: Take, server: str, *, is_known: bool) -> Outcome:
    is_right = None
    if is_known and take.text is not None and not answer.code:
        is_right = (answer.body["text"], answer.body.get("language")) == (take.text, take.language)
    return Outcome(
        server=server,
        took_s=0.0,
        audio_s=take.audio_s,
        code=answer.code,
        instances=tuple(name for name in answer.instance.split(",") if name),
        is_right=is_right,
        is_cached=answer.cache == "hit",
    )


def _takes(paths: Sequence[Path]) -> list[Take]:
    if not paths:
        return packaged_takes()
    found = []
    for path in paths:
        try:
            found += takes_of([path])
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
        except HarkenError as error:
            raise ConfigError(f"{path}: {error.message}") from error
    return found
