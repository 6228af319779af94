"""The server's hands for jobs: claims files, keeps their leases, and gives them back when it leaves.

Owns how many files are in work and the pulse that renews leases, writes progress and learns of cancelled jobs (once a
second, in one transaction for all files). The invariant: a file in work has a task and a claim; after `stop` no task is
left and every claim is ended or given back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from harken.errors import HarkenError, Unavailable
from harken.jobs.claim import Claim, Progress
from harken.jobs.telling import QUIET, Telling
from harken.jobs.threads import Threads
from harken.jobs.work import Charge, Scribe, Work
from harken.log import get_log
from harken.types import ModelInfo, Recognizer

if TYPE_CHECKING:
    from harken.jobs.leases import Leases
    from harken.jobs.shelf import Shelf

POLL_S = 1.0
"""How often the tables are asked when nothing happens here: for files whose time to try again has come, and for those
that other servers lost or took in."""

PULSE_S = 1.0
"""How often progress is written and leases are renewed; a third of the lease where that is less."""

_log = get_log("jobs.workers")


class Workers:
    """Works on files until it is stopped.

    Args:
        leases: where files are claimed.
        shelf: where they lie.
        transcriber: does the work.
        recognizer: asked for its model.
        threads: for the tables and the disk.
        files_in_flight: files in work at the same time.
        lease_s: how long a lease holds.
        attempts: tries that a file may have.
        folders: where files named by path may lie.
        charge: counts what was transcribed.
        on_ended: called when a file left this server's hands.
        now: seconds since 1970.
        telling: who hears of each attempt on a file.
    """

    def __init__(
        self,
        *,
        leases: Leases,
        shelf: Shelf,
        transcriber: Scribe,
        recognizer: Recognizer,
        threads: Threads,
        files_in_flight: int,
        lease_s: float,
        attempts: int,
        folders: tuple[Path, ...],
        charge: Charge,
        on_ended: Callable[[], None],
        now: Callable[[], float],
        telling: Telling = QUIET,
    ) -> None:
        self._telling = telling
        self._leases = leases
        self._shelf = shelf
        self._transcriber = transcriber
        self._recognizer = recognizer
        self._threads = threads
        self._files_in_flight = files_in_flight
        self._pulse_s = min(PULSE_S, lease_s / 3)
        self._attempts = attempts
        self._folders = folders
        self._charge = charge
        self._on_ended = on_ended
        self._now = now
        self._works: dict[asyncio.Task[None], Work] = {}
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """Files in work."""
        return len(self._works)

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    async def run(self) -> None:
        """Work until `stop`."""
        self._stopped.clear()
        self._works.clear()
        try:
            async with asyncio.TaskGroup() as group:
                pulse = group.create_task(self._pulse())
                while not self._stopping.is_set():
                    self._wake.clear()
                    if not await self._take(group):
                        await self._wait(POLL_S)
                await self._leave()
                pulse.cancel()
        finally:
            self._stopped.set()

    async def stop(self) -> None:
        """Stop all work and give the files back; to be called while `run` runs."""
        self._stopping.set()
        self._wake.set()
        await self._stopped.wait()

    async def _take(self, group: asyncio.TaskGroup) -> bool:
        """Begin one more file; False when there is none, or no hand is free."""
        if len(self._works) >= self._files_in_flight:
            return False
        try:
            # First: who asks for the model wakes a fleet that sleeps because nobody needs it.
            if not await self._threads.run(self._leases.is_any_due, now=self._now()):
                return False
            info = await self._model()
            if info is None:
                return False
            claim = await self._threads.run(self._leases.claim, info.name, now=self._now())
        except Unavailable as error:
            _log.debug("jobs.cannot_claim", code=error.code, detail=error.message)
            return False
        if claim is None:
            return False
        work = Work(
            claim,
            leases=self._leases,
            shelf=self._shelf,
            threads=self._threads,
            folders=self._folders,
            attempts=self._attempts,
            charge=self._charge,
            now=self._now,
            telling=self._telling,
        )
        task = group.create_task(self._work(work, info))
        self._works[task] = work
        return True

    async def _model(self) -> ModelInfo | None:
        """What works here; None when it is time to leave: while the first instance starts, the answer takes minutes."""
        asking = asyncio.ensure_future(self._recognizer.model())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((asking, stopping), return_when=asyncio.FIRST_COMPLETED)
            return asking.result() if asking.done() else None
        finally:
            asking.cancel()
            stopping.cancel()

    async def _work(self, work: Work, info: ModelInfo) -> None:
        task = asyncio.current_task()
        assert task is not None, "runs in a task"
        try:
            await work.run(self._transcriber, info)
        except HarkenError as error:
            # The end could not be written down. The lease runs out, and the file is tried again from its pieces.
            _log.warning("jobs.end_not_written", job_id=work.claim.job_id, file=work.claim.number, code=error.code)
        finally:
            if not self._stopping.is_set():
                del self._works[task]
            self._wake.set()
            self._on_ended()

    async def _pulse(self) -> None:
        while True:
            await asyncio.sleep(self._pulse_s)
            works = dict(self._works)
            told = [Progress(claim=work.claim, done_s=work.done_s, audio_s=work.audio_s) for work in works.values()]
            if not told:
                continue
            try:
                lost = await self._threads.run(self._leases.renew, told, now=self._now())
            except Unavailable as error:
                _log.warning("jobs.leases_not_renewed", code=error.code, detail=error.message)
                continue
            for task, work in works.items():
                if work.claim in lost and not work.is_ending:
                    _log.info("jobs.file_lost", job_id=work.claim.job_id, file=work.claim.number)
                    task.cancel()

    async def _leave(self) -> None:
        works = dict(self._works)
        for task in works:
            task.cancel()
        if works:
            await asyncio.wait(works)
        claims: list[Claim] = [work.claim for work in works.values()]
        self._works.clear()
        if not claims:
            return
        try:
            await self._threads.run(self._leases.give_back, claims, now=self._now())
        except Unavailable as error:
            _log.warning("jobs.leases_not_given_back", code=error.code, detail=error.message)
        else:
            _log.info("jobs.given_back", files=len(claims))

    async def _wait(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            return
