"""`Jobs`: what a server has when it offers jobs. The routes ask it; inside, workers, a courier and a sweeper run.

Owns the life of these three, which begins when the state is opened (`opening` says when). A defect in one of them is
logged, and it begins anew: requests that are no jobs never suffer. The invariant: after `pause` no file is in work here
and every lease is given back; what a client was told to be accepted is on the disk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from harken.config import Config
from harken.errors import JobConflict, JobNotFound, StorageFull
from harken.jobs.backlog import Backlog
from harken.jobs.opening import Opening
from harken.jobs.paths import allowed_folders, named_file
from harken.jobs.sweeping import sweep
from harken.jobs.telling import QUIET, Telling
from harken.jobs.threads import Threads
from harken.jobs.types import FileState, Job, NewFile, NewJob
from harken.jobs.work import Charge, Scribe
from harken.jobs.workers import Workers
from harken.log import get_log
from harken.state import Database
from harken.transcribe.result import RecordingTranscript
from harken.types import Recognizer

if TYPE_CHECKING:
    from harken.jobs.courier import Courier
    from harken.jobs.rooms import Rooms
    from harken.jobs.shelf import Arrival

_RESTART_S = 5.0

_log = get_log("jobs")


class Jobs:
    """The jobs of one server. Use it as `async with`.

    Args:
        config: its [jobs], [limits] and [state].
        database: where they are kept; opened when it is needed.
        recognizer: asked for its model.
        transcriber: does the work.
        charge: counts what was transcribed, for the owners; None where nobody is charged.
        now: seconds since 1970.
        telling: who hears of each attempt on a file.
    """

    def __init__(
        self,
        config: Config,
        database: Database,
        recognizer: Recognizer,
        transcriber: Scribe,
        *,
        charge: Charge | None = None,
        now: Callable[[], float] = time.time,
        telling: Telling = QUIET,
    ) -> None:
        self._telling = telling
        self.config = config.jobs
        self._charge = charge or _free
        self._limits = config.limits
        self._recognizer = recognizer
        self._transcriber = transcriber
        self._now = now
        self._folders = allowed_folders(config.jobs.paths)
        self._threads = Threads()
        self._opening = Opening(database, config.jobs, self._threads, self._start)
        self._backlog = Backlog()
        self._is_paused = False
        self._workers: Workers | None = None
        self._courier: Courier | None = None
        self._group: asyncio.TaskGroup | None = None
        self._stack = AsyncExitStack()

    # --- its life -----------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Begin to look for jobs that were left; nothing is opened where there are none."""
        self._stack.push_async_callback(self._threads.close)
        self._group = await self._stack.enter_async_context(asyncio.TaskGroup())
        looking = self._group.create_task(self._opening.open_what_is_there())
        self._stack.callback(looking.cancel)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give everything back and stop."""
        await self.pause()
        await self._stack.__aexit__(kind, error, trace)

    async def pause(self) -> None:
        """Stop working: files in work go back to the queue with all they have, at once."""
        self._is_paused = True
        if self._workers is not None:
            await self._workers.stop()
            self._workers = None

    @property
    def in_flight(self) -> int:
        """Files in work here."""
        return self._workers.in_flight if self._workers else 0

    @property
    def files_waiting(self) -> int | None:
        """Files that nobody works on yet, of all servers that share the database; None while that cannot be told."""
        return self._backlog.files

    # --- what owners ask ----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def arrival(self, files: int = 1) -> AsyncIterator[Arrival]:
        """A place for the recordings of a new job; without `create` in the block nothing of it is left.

        Raises:
            Unavailable: the state cannot be used, its disk is full, or too many files wait already.
        """
        rooms = await self._opening.rooms()
        await self._threads.run(rooms.store.check_room, files)
        arrival = await self._threads.run(rooms.shelf.begin)
        try:
            yield arrival
        finally:
            await asyncio.shield(self._threads.run(arrival.end))

    async def create(self, arrival: Arrival, new: NewJob) -> Job:
        """Accept a job; when this returns it survives a crash. The same idempotency key gives the same job.

        Raises:
            Unavailable: as `arrival`.
        """
        rooms = await self._opening.rooms()
        write = partial(rooms.store.create, arrival.job_id, new, now=self._now())
        job = await self._threads.run(arrival.commit, write)
        if job.id == arrival.job_id:
            _log.info("jobs.accepted", job_id=job.id, files=len(new.files))
        if self._workers is not None:
            self._workers.wake()
        return job

    async def find(self, owner: str, idempotency_key: str) -> Job | None:
        """The owner's job with that idempotency key."""
        rooms = await self._opening.rooms()
        return await self._threads.run(rooms.store.find, owner, idempotency_key) if idempotency_key else None

    async def check_disk(self, upload_bytes: int) -> None:
        """See whether the disk has room for an upload.

        Raises:
            StorageFull: it has not.
        """
        rooms = await self._opening.rooms()
        free = await self._threads.run(rooms.shelf.free_bytes)
        if upload_bytes > free:
            raise StorageFull(f"The server has no room to store {upload_bytes} bytes.", retry_after_s=60)

    async def named_file(self, path: str) -> NewFile:
        """A file of this machine that a client named; see `harken.jobs.paths.named_file`."""
        return await self._threads.run(named_file, path, self._folders, max_bytes=self._limits.upload_bytes)

    async def get(self, job_id: str, scope: str | None) -> Job:
        """A job with its files; `scope` is its owner, or None for whoever may see all.

        Raises:
            JobNotFound: there is none of that id, or it is somebody else's.
        """
        rooms = await self._opening.rooms()
        return await self._threads.run(rooms.store.get, job_id, scope)

    async def list(self, scope: str | None, *, limit: int, after: str = "") -> list[Job]:
        """Up to `limit` jobs, the newest first, without files; only older ones than the job `after`."""
        rooms = await self._opening.rooms()
        return await self._threads.run(rooms.store.list, scope, limit=limit, after=after)

    async def cancel(self, job_id: str, scope: str | None) -> Job:
        """End a job.

        Raises:
            JobNotFound: there is none of that id, or it is somebody else's.
            JobConflict: it has ended.
        """
        rooms = await self._opening.rooms()
        job = await self._threads.run(rooms.store.cancel, job_id, scope, now=self._now())
        _log.info("jobs.cancelled", job_id=job_id)
        self._tell_end()
        await self._threads.run(rooms.shelf.drop_all, job_id)
        return job

    async def delete(self, job_id: str, scope: str | None) -> None:
        """Forget an ended job.

        Raises:
            JobNotFound: there is none of that id, or it is somebody else's.
            JobConflict: it has not ended.
        """
        rooms = await self._opening.rooms()
        await self._threads.run(rooms.store.delete, job_id, scope)
        await self._threads.run(rooms.shelf.drop_all, job_id)

    async def result(self, job: Job, number: int) -> RecordingTranscript:
        """The result of one file.

        Raises:
            JobNotFound: the job has no such file.
            JobConflict: the file has no result (yet); the message says why.
        """
        if not 0 <= number < len(job.files):
            raise JobNotFound(f"Job {job.id} has no file {number}; it has {len(job.files)}, counted from 0.")
        file = job.files[number]
        rooms = await self._opening.rooms()
        result = await self._threads.run(rooms.store.result, job.id, number)
        if result is not None:
            return result
        why = f": {file.error.message} [{file.error.code}]" if file.error and file.state is FileState.FAILED else "."
        raise JobConflict(f"File {number} of job {job.id} is {file.state}{why}")

    # --- inside -------------------------------------------------------------------------------------------------------

    def _start(self, rooms: Rooms) -> None:
        from harken.jobs.courier import Courier

        assert self._group is not None, "used as `async with`"
        if self._is_paused:
            return
        config = self.config
        self._courier = Courier(
            outbox=rooms.outbox,
            secret=rooms.secret,
            threads=self._threads,
            attempts=config.webhook_attempts,
            allows_private=config.allows_private_webhooks,
            now=self._now,
        )
        self._workers = Workers(
            leases=rooms.leases,
            shelf=rooms.shelf,
            transcriber=self._transcriber,
            recognizer=self._recognizer,
            threads=self._threads,
            files_in_flight=config.files_in_flight,
            lease_s=config.lease_s,
            attempts=config.attempts,
            folders=self._folders,
            charge=self._charge,
            on_ended=self._tell_end,
            now=self._now,
            telling=self._telling,
        )
        for life in (
            self._courier.run,
            self._workers.run,
            partial(self._backlog.follow, rooms.store.waiting, self._threads),
            partial(sweep, rooms, self._threads, keep_s=config.keep_s, now=self._now),
        ):
            self._stack.callback(self._group.create_task(_again_and_again(life)).cancel)

    def _tell_end(self) -> None:
        if self._courier is not None:
            self._courier.wake()


async def _again_and_again(life: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Live until it ends by itself; a defect of ours must not end the server, nor jobs for good."""
    while True:
        try:
            return await life()
        except Exception:  # noqa: BLE001 - the outermost edge of a task: it reports, and begins anew
            _log.exception("jobs.defect")
        await asyncio.sleep(_RESTART_S)


async def _free(owner: str, audio_s: float) -> None:
    """Nobody is charged."""
