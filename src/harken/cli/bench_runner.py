"""Runs a load test: warm-up, then step by step, each begun when the last answer of the one before is there.

It owns the order of things and nothing that is decided (`harken.bench.load`). The invariant: every request of a step
that has ended is in that step, also when a person ends the run in the middle; those of the warm-up are in none.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence

import aiohttp
from rich.progress import Progress

from harken.bench.load.arrivals import poisson
from harken.bench.load.deck import Deck
from harken.bench.load.knee import next_level
from harken.bench.load.loops import closed_loop, open_loop
from harken.bench.load.outcomes import Outcome, Outcomes
from harken.bench.load.run import Step
from harken.cli.bench_asked import OPEN_MOST, AskedBench
from harken.cli.bench_client import Served, served_by
from harken.cli.bench_live import LiveLoad
from harken.cli.bench_sender import Sender
from harken.cli.client import open_session
from harken.cli.screen import Screen
from harken.clock import SystemClock

_FACTOR = {"concurrency": 2.0, "rate": 1.5, "live": 2.0}


class BenchRunner:
    """One load test.

    Args:
        asked: what is wanted, checked.
        deck: the recordings.
        servers: their addresses.

    Attributes:
        served: by server; empty before they were asked.
    """

    def __init__(self, asked: AskedBench, deck: Deck, servers: Sequence[str]) -> None:
        self.served: Mapping[str, Served] = {}
        self._asked = asked
        self._servers = servers
        self._clock = SystemClock()
        self._sender = Sender(asked, deck, servers, self._clock)
        self._live = LiveLoad(asked, deck, servers, self._clock)
        self._done: list[Step] = []
        self._level = asked.first_level
        self._outcomes = Outcomes()
        self._began = self._ended = 0.0
        self._progress = Progress(console=Screen(stderr=True), transient=True, disable=not sys.stderr.isatty())

    @property
    def steps(self) -> tuple[Step, ...]:
        """Those that are over, and what there is of the one that is not; at least one."""
        if self._done and not len(self._outcomes):
            return tuple(self._done)
        return (*self._done, dataclasses.replace(self._step(), is_whole=False))

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why the first request of each code failed."""
        return {**self._sender.reasons, **self._live.reasons}

    async def run(self) -> None:
        """Send everything."""
        asked = self._asked
        # Each connection is a request's own: none waits for another's.
        async with open_session(asked.api_key, asked.ca, connections=0) as session:
            self.served = {server: await served_by(session, server) for server in self._servers}
            self._sender.meet(self.served)
            self._live.meet(self.served)
            with self._progress:
                if asked.is_live:
                    await self._live.listen()
                if asked.warm_up:
                    await self._warm_up(session)
                for level in self._levels():
                    self._level = level
                    await self._measure(session)
                    self._done.append(self._step())
                    self._outcomes = Outcomes()

    def _levels(self) -> Iterator[float]:
        asked = self._asked
        yield from (wanted := asked.wanted_levels()) or (asked.first_level,)
        level: float | None = None if wanted or not asked.sweep else asked.first_level
        while level is not None:
            points = [step.point for step in self._done]
            level = next_level(points, asked.rule, factor=_FACTOR[asked.by], is_whole=not asked.is_open)
            if level is not None:
                yield level

    async def _warm_up(self, session: aiohttp.ClientSession) -> None:
        bar = self._progress.add_task("warm-up", total=self._asked.warm_up)

        async def ask(number: int, due: float) -> None:
            await self._sender.send(session, number, due)
            self._progress.advance(bar)

        most = self._asked.concurrency or max(1, min(int(self._level), OPEN_MOST))
        await closed_loop(ask, range(self._asked.warm_up), concurrency=most, clock=self._clock)
        self._progress.remove_task(bar)

    async def _measure(self, session: aiohttp.ClientSession) -> None:
        asked, clock = self._asked, self._clock
        bar = self._progress.add_task(f"{asked.by} {self._level:g}", total=asked.wanted)

        async def ask(number: int, due: float) -> None:
            outcome = await self._sender.send(session, number, due)
            self._ended = clock.now()
            self._outcomes.add(dataclasses.replace(outcome, due_s=due - self._began))
            self._progress.advance(bar)

        def note(outcome: Outcome) -> None:
            self._ended = clock.now()
            self._outcomes.add(outcome)
            self._progress.advance(bar)

        numbers = itertools.count() if asked.wanted is None else range(asked.wanted)
        self._began = self._ended = clock.now()
        if asked.is_live:
            await self._live.measure(session, numbers, streams=int(self._level), note=note)
        elif asked.is_open:
            due_s: Iterator[tuple[int, float]] = zip(numbers, poisson(self._level, asked.seed), strict=False)
            if (lasts_s := asked.lasts_s) is not None:
                due_s = itertools.takewhile(lambda one: one[1] < lasts_s, due_s)
            await open_loop(ask, due_s, at_most=asked.concurrency or OPEN_MOST, clock=clock)
        else:
            await closed_loop(ask, numbers, concurrency=int(self._level), clock=clock, lasts_s=asked.lasts_s)
        self._progress.remove_task(bar)

    def _step(self) -> Step:
        elapsed_s = self._ended - self._began
        return Step(level=self._level, requests=self._outcomes.columns(), elapsed_s=elapsed_s, target=self._asked.good)
