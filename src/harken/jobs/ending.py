"""The end of a job: its state, and the message to its webhook, in the transaction that brought it about.

Whoever ends a file calls `end_if_over` last. The order is the invariant that keeps PostgreSQL from dead locks and jobs
from never ending: first the file's row, then the job's, then the look at the other files. Of two that end the last two
files at once, the second waits for the job's row and then sees what the first did.
"""

from __future__ import annotations

import json
import secrets

from sqlalchemy import Connection, delete, insert, select, update

from harken.jobs import tables
from harken.jobs.describe import job_fields, moment
from harken.jobs.rows import count_files, read_jobs
from harken.jobs.types import JobState
from harken.jobs.verdict import ended_state


def end_if_over(connection: Connection, job_id: str, *, keep_s: float, now: float) -> bool:
    """End the job if all its files have ended; True when it was this that ended it."""
    jobs = tables.jobs
    connection.execute(select(jobs.c.id).where(jobs.c.id == job_id).with_for_update())
    state = ended_state(count_files(connection, job_id))
    return state is not None and end_job(connection, job_id, state, keep_s=keep_s, now=now)


def end_job(connection: Connection, job_id: str, state: JobState, *, keep_s: float, now: float) -> bool:
    """Give the job its last state and post the message about it; False when it had ended before."""
    jobs = tables.jobs
    going = (JobState.QUEUED.value, JobState.RUNNING.value)
    changed = connection.execute(
        update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(going)).values(state=state.value, ended_at=now)
    )
    if changed.rowcount != 1:
        return False
    of_this_job = select(tables.files.c.id).where(tables.files.c.job_id == job_id)
    connection.execute(delete(tables.pieces).where(tables.pieces.c.file_id.in_(of_this_job)))
    (job,) = read_jobs(connection, select(jobs).where(jobs.c.id == job_id))
    if job.webhook:
        data = job_fields(job, keep_s)
        del data["webhook"]  # its receiver knows it
        message = {"type": "job.ended", "timestamp": moment(now), "data": data}
        connection.execute(
            insert(tables.webhooks).values(
                id=f"msg_{secrets.token_hex(12)}",
                job_id=job_id,
                url=job.webhook,
                body=json.dumps(message),
                attempts=0,
                due_at=now,
                last_error="",
            )
        )
    return True
