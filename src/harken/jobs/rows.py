"""Rows of the tables as the words of `harken.jobs.types`.

Only reads, inside a transaction that somebody else opened. A job's counts are counted, not kept: there is no second
number that could be wrong.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from harken.jobs import tables
from harken.jobs.plain import from_json
from harken.jobs.types import Counts, FileError, FileState, Job, JobFile, JobState, WebhookState
from harken.transcribe.ask import Ask
from harken.transcribe.form import Form


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sums:
    counts: Counts
    audio_s: float
    done_s: float


def read_jobs(connection: Connection, wanted: Select[Any]) -> list[Job]:
    """Read the jobs of a query over `tables.jobs`, in its order, without their files."""
    rows = connection.execute(wanted).all()
    ids = [row.id for row in rows]
    sums = _sums(connection, ids)
    told = _webhook_states(connection, ids)
    return [_job(row, sums[row.id], told.get(row.id)) for row in rows]


def read_files(connection: Connection, job_id: str) -> tuple[JobFile, ...]:
    """Read all files of a job, in order, without their results."""
    columns = [column for column in tables.files.c if column.name != "result"]
    query = select(*columns).where(tables.files.c.job_id == job_id).order_by(tables.files.c.number)
    return tuple(_file(row) for row in connection.execute(query))


def count_files(connection: Connection, job_id: str) -> Counts:
    """Count a job's files by state."""
    return _sums(connection, [job_id])[job_id].counts


def unended(kind: Any) -> ColumnElement[bool]:
    """The condition on a table with a state: it has not ended."""
    has_not: ColumnElement[bool] = kind.c.state.in_((FileState.QUEUED.value, FileState.RUNNING.value))
    return has_not


def _sums(connection: Connection, ids: Sequence[str]) -> dict[str, _Sums]:
    files = tables.files.c
    query = (
        select(
            files.job_id,
            files.state,
            func.count().label("number"),
            func.coalesce(func.sum(files.audio_s), 0.0).label("audio_s"),
            func.sum(files.done_s).label("done_s"),
        )
        .where(files.job_id.in_(ids))
        .group_by(files.job_id, files.state)
    )
    groups: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query):
        groups[row.job_id].append(row)
    return {
        job_id: _Sums(
            counts=Counts(**{row.state: row.number for row in groups[job_id]}),
            audio_s=sum(row.audio_s for row in groups[job_id]),
            done_s=sum(row.done_s for row in groups[job_id]),
        )
        for job_id in ids
    }


def _webhook_states(connection: Connection, ids: Sequence[str]) -> dict[str, WebhookState]:
    hooks = tables.webhooks.c
    rows = connection.execute(select(hooks.job_id, hooks.due_at, hooks.delivered_at).where(hooks.job_id.in_(ids)))
    return {row.job_id: _webhook_state(row) for row in rows}


def _webhook_state(row: Any) -> WebhookState:
    if row.delivered_at is not None:
        return WebhookState.DELIVERED
    return WebhookState.GIVEN_UP if row.due_at is None else WebhookState.WAITING


def _job(row: Row[Any], sums: _Sums, told: WebhookState | None) -> Job:
    return Job(
        id=row.id,
        owner=row.owner,
        name=row.name,
        metadata=json.loads(row.metadata),
        model=row.model,
        form=Form(row.form),
        temperature=from_json(Ask, row.ask).options.temperature,
        state=JobState(row.state),
        counts=sums.counts,
        audio_s=sums.audio_s,
        done_s=sums.done_s,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        webhook=row.webhook,
        webhook_state=(told or WebhookState.WAITING) if row.webhook else None,
    )


def _file(row: Row[Any]) -> JobFile:
    has_error = row.error_code is not None
    return JobFile(
        number=row.number,
        name=row.name,
        state=FileState(row.state),
        audio_s=row.audio_s,
        done_s=row.done_s,
        attempts=row.attempts,
        error=FileError(code=row.error_code, message=row.error_message) if has_error else None,
    )
