"""What the owners of jobs do with the tables: create, look, cancel, delete, read results.

Blocking; each method is one transaction. An owner sees only jobs of his own: for anybody else a job does not exist.
`scope` is an owner, or None for whoever may see all (no keys are in use, or an admin asks). The invariant: a job is
there, whole, when `create` has returned; before, nothing of it is.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from harken.errors import JobConflict, JobNotFound, QueueFull
from harken.jobs import tables
from harken.jobs.ending import end_job
from harken.jobs.plain import from_json, to_json
from harken.jobs.rows import read_files, read_jobs, unended
from harken.jobs.types import FileState, Job, JobState, NewJob
from harken.state import reading, writing
from harken.transcribe.result import RecordingTranscript


class Store:
    """The tables, for owners.

    Args:
        engine: of a database that has them.
        shelf: on which shelf the files of new jobs lie.
        files_waiting: the most files that may be unended.
        keep_s: how long ended jobs are kept.
    """

    def __init__(self, engine: Engine, *, shelf: str, files_waiting: int, keep_s: float) -> None:
        self._engine = engine
        self._shelf = shelf
        self._files_waiting = files_waiting
        self._keep_s = keep_s

    def create(self, job_id: str, new: NewJob, *, now: float) -> Job:
        """Put a job down; with an idempotency key that its owner used before, return that job instead.

        Raises:
            QueueFull: too many files wait.
        """
        try:
            with writing(self._engine) as connection:
                known = self._find(connection, new.owner, new.idempotency_key)
                if known is None:
                    self._check_room(connection, len(new.files))
                    self._insert(connection, job_id, new, now)
        except IntegrityError:
            # Another server put the job with this key down between our look and our insert.
            with reading(self._engine) as connection:
                known = self._find(connection, new.owner, new.idempotency_key)
            if known is None:
                raise
        return self.get(known or job_id, None)

    def find(self, owner: str, idempotency_key: str) -> Job | None:
        """Return the owner's job with that idempotency key."""
        with reading(self._engine) as connection:
            known = self._find(connection, owner, idempotency_key)
        return None if known is None else self.get(known, None)

    def check_room(self, files: int = 1) -> None:
        """See whether so many files may wait in addition.

        Raises:
            QueueFull: no.
        """
        with reading(self._engine) as connection:
            self._check_room(connection, files)

    def get(self, job_id: str, scope: str | None) -> Job:
        """Return a job with its files.

        Raises:
            JobNotFound: there is none of that id, or it is somebody else's.
        """
        with reading(self._engine) as connection:
            job = self._one(connection, job_id, scope)
            return dataclasses.replace(job, files=read_files(connection, job_id))

    def list(self, scope: str | None, *, limit: int, after: str = "") -> list[Job]:
        """Return up to `limit` jobs, the newest first, without files; only older ones than the job `after`."""
        jobs = tables.jobs
        query = select(jobs).order_by(jobs.c.id.desc()).limit(limit)
        if scope is not None:
            query = query.where(jobs.c.owner == scope)
        if after:
            query = query.where(jobs.c.id < after)
        with reading(self._engine) as connection:
            return read_jobs(connection, query)

    def cancel(self, job_id: str, scope: str | None, *, now: float) -> Job:
        """End a job; what is done stays done. A job that is cancelled already stays as it is.

        Raises:
            JobNotFound: there is none of that id, or it is somebody else's.
            JobConflict: it ended otherwise.
        """
        files = tables.files
        with writing(self._engine) as connection:
            job = self._one(connection, job_id, scope)
            if not job.state.is_ended:
                connection.execute(
                    update(files)
                    .where(files.c.job_id == job_id, unended(files))
                    .values(state=FileState.CANCELLED.value, lease=None, lease_ends_at=None)
                )
                end_job(connection, job_id, JobState.CANCELLED, keep_s=self._keep_s, now=now)
        job = self.get(job_id, scope)
        if job.state is not JobState.CANCELLED:
            raise JobConflict(f"Job {job_id} is {job.state} already.")
        return job

    def delete(self, job_id: str, scope: str | None) -> None:
        """Forget an ended job and its results.

        Raises:
            JobNotFound: there is none of that id, or it is somebody else's.
            JobConflict: it has not ended.
        """
        with writing(self._engine) as connection:
            job = self._one(connection, job_id, scope)
            if not job.state.is_ended:
                raise JobConflict(f"Job {job_id} is {job.state}: cancel it first.")
            connection.execute(delete(tables.jobs).where(tables.jobs.c.id == job_id))

    def waiting(self) -> int:
        """Files that nobody works on, and that have not ended: what is to do beside what is done."""
        files = tables.files
        with reading(self._engine) as connection:
            query = select(func.count()).select_from(files).where(files.c.state == FileState.QUEUED.value)
            return connection.scalar(query) or 0

    def result(self, job_id: str, number: int) -> RecordingTranscript | None:
        """Return the result of one file of a job that was looked up before; None where it has none."""
        files = tables.files.c
        with reading(self._engine) as connection:
            text = connection.scalar(select(files.result).where(files.job_id == job_id, files.number == number))
        return None if text is None else from_json(RecordingTranscript, text)

    def forget_older(self, ended_before: float, limit: int) -> int:
        """Delete up to `limit` jobs that ended before that time; return how many."""
        jobs = tables.jobs
        old = select(jobs.c.id).where(jobs.c.ended_at < ended_before).limit(limit)
        with writing(self._engine) as connection:
            return connection.execute(delete(jobs).where(jobs.c.id.in_(old))).rowcount

    def needed(self, job_ids: Iterable[str]) -> dict[str, set[str]]:
        """For each of these jobs that is there: the paths of its files that have not ended."""
        files, jobs = tables.files, tables.jobs
        ids = list(job_ids)
        found: dict[str, set[str]] = {}
        with reading(self._engine) as connection:
            for job_id in connection.scalars(select(jobs.c.id).where(jobs.c.id.in_(ids))):
                found[job_id] = set()
            for row in connection.execute(
                select(files.c.job_id, files.c.path).where(files.c.job_id.in_(ids), unended(files))
            ):
                found[row.job_id].add(row.path)
        return found

    def _one(self, connection: Connection, job_id: str, scope: str | None) -> Job:
        jobs = tables.jobs
        found: Sequence[Job] = read_jobs(connection, select(jobs).where(jobs.c.id == job_id))
        if not found or (scope is not None and found[0].owner != scope):
            raise JobNotFound(f"There is no job {job_id[:80]!r}.")
        return found[0]

    def _find(self, connection: Connection, owner: str, idempotency_key: str) -> str | None:
        jobs = tables.jobs.c
        if not idempotency_key:
            return None
        query = select(jobs.id).where(jobs.owner == owner, jobs.idempotency_key == idempotency_key)
        return connection.scalar(query)

    def _check_room(self, connection: Connection, files: int) -> None:
        waiting = connection.scalar(select(func.count()).select_from(tables.files).where(unended(tables.files))) or 0
        if waiting + files > self._files_waiting:
            raise QueueFull(f"{waiting} files wait already; at most {self._files_waiting} may.", retry_after_s=60)

    def _insert(self, connection: Connection, job_id: str, new: NewJob, now: float) -> None:
        connection.execute(
            insert(tables.jobs).values(
                id=job_id,
                owner=new.owner,
                idempotency_key=new.idempotency_key or None,
                name=new.name,
                metadata=json.dumps(dict(new.metadata)),
                ask=to_json(new.ask),
                model=new.model,
                form=new.form.value,
                webhook=new.webhook,
                state=JobState.QUEUED.value,
                created_at=now,
                last_claimed_at=0.0,
            )
        )
        rows = [
            {
                "job_id": job_id,
                "number": number,
                "name": file.name,
                "shelf": self._shelf,
                "path": file.path,
                "stamp": file.stamp,
                "is_ours": file.is_ours,
                "state": FileState.QUEUED.value,
                "attempts": 0,
                "refusals": 0,
                "due_at": 0.0,  # at once, whatever becomes of the clock
                "done_s": 0.0,
            }
            for number, file in enumerate(new.files)
        ]
        connection.execute(insert(tables.files), rows)
