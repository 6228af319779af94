"""A job as JSON fields: the same in answers, in webhooks and on the command line.

Pure. Times are RFC 3339 in UTC, seconds of audio have three decimals. The invariant: what a client sent comes back
unchanged, and nothing of the server's inside (paths, leases, owners) is told.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

from harken.jobs.types import Job, JobFile


def job_fields(job: Job, keep_s: float, *, with_files: bool = False) -> dict[str, Any]:
    """Write a job as JSON fields.

    Args:
        job: with its files where they are wanted.
        keep_s: how long an ended job is kept.
        with_files: a line for each file too.
    """
    fields: dict[str, Any] = {
        "id": job.id,
        "object": "job",
        "name": job.name,
        "state": job.state.value,
        "model": job.model or None,
        "response_format": job.form.value,
        "metadata": dict(job.metadata),
        "counts": {**dataclasses.asdict(job.counts), "total": job.counts.total},
        "audio_s": round(job.audio_s, 3),
        "done_s": round(job.done_s, 3),
        "created_at": moment(job.created_at),
        "started_at": moment(job.started_at),
        "ended_at": moment(job.ended_at),
        "expires_at": moment(None if job.ended_at is None else job.ended_at + keep_s),
        "webhook": None if job.webhook_state is None else {"url": job.webhook, "state": job.webhook_state.value},
    }
    return fields | ({"files": [file_fields(file) for file in job.files]} if with_files else {})


def file_fields(file: JobFile) -> dict[str, Any]:
    """Write one file of a job as JSON fields."""
    return {
        "number": file.number,
        "name": file.name,
        "state": file.state.value,
        "audio_s": None if file.audio_s is None else round(file.audio_s, 3),
        "done_s": round(file.done_s, 3),
        "attempts": file.attempts,
        "error": None if file.error is None else dataclasses.asdict(file.error),
    }


def moment(seconds: float | None) -> str | None:
    """Write seconds since 1970 as RFC 3339, to the millisecond."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
