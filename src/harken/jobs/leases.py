"""What servers do with the tables: claim a file, say that they still work on it, remember its pieces, end it.

Blocking; each method is one transaction. A claim has a lease: a word that no other claim has, and a time until which it
holds unless it is renewed. The invariant: whatever is written about a claimed file is written on condition that its
lease is still the claim's, in the same statement or behind the lock of the file's row; so of two servers that both
believe to have a file, one writes and the other is told that it has lost it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, delete, func, insert, or_, select, update

from harken.jobs import tables
from harken.jobs.claim import Claim, Progress
from harken.jobs.ending import end_if_over
from harken.jobs.plain import from_json, to_json
from harken.jobs.types import FileError, FileState, JobState
from harken.jobs.verdict import RETRY_MAX_S, Again, GiveUp, crashed_too_often
from harken.state import reading, writing
from harken.transcribe.ask import Ask
from harken.transcribe.result import PlacedTranscript, RecordingTranscript

_files, _jobs, _pieces = tables.files, tables.jobs, tables.pieces


class Leases:
    """The tables, for servers.

    Args:
        engine: of a database that has them.
        shelf: only files that lie here are claimed.
        lease_s: how long a lease holds.
        attempts: tries that a file may have.
        keep_s: how long ended jobs are kept; told in webhooks.
    """

    def __init__(self, engine: Engine, *, shelf: str, lease_s: float, attempts: int, keep_s: float) -> None:
        self._engine = engine
        self._shelf = shelf
        self._lease_s = lease_s
        self._attempts = attempts
        self._keep_s = keep_s

    def is_any_due(self, *, now: float) -> bool:
        """Whether some file could be claimed, by whatever model; waits for no writer."""
        with reading(self._engine) as connection:
            return connection.execute(self._next(None, now)).first() is not None

    def claim(self, model: str, *, now: float) -> Claim | None:
        """Take the next file that this model may work on; None when there is none.

        The jobs take turns: the next is the one that was longest not served.
        """
        with reading(self._engine) as connection:
            # Most looks find nothing; this one waits for no writer and disturbs none.
            if connection.execute(self._next(model, now)).first() is None:
                return None
        with writing(self._engine) as connection:
            while (row := connection.execute(self._next(model, now, locked=True)).first()) is not None:
                if row.attempts < self._attempts:
                    return self._take(connection, row, model, now)
                self._fail(connection, row.id, row.job_id, crashed_too_often(row.attempts), now)
        return None

    def renew(self, progresses: Sequence[Progress], *, now: float) -> list[Claim]:
        """Say how far the claimed files are and keep their leases; return the claims that are lost."""
        with writing(self._engine) as connection:
            return [
                progress.claim
                for progress in progresses
                if not self._update(
                    connection,
                    progress.claim,
                    lease_ends_at=now + self._lease_s,
                    done_s=progress.done_s,
                    audio_s=progress.audio_s,
                )
            ]

    def recall(self, claim: Claim, maker: str) -> list[PlacedTranscript]:
        """Return the pieces of a file that this maker finished before."""
        query = select(_pieces.c.body).where(_pieces.c.file_id == claim.file_id, _pieces.c.maker == maker)
        with reading(self._engine) as connection:
            return [from_json(PlacedTranscript, body) for body in connection.scalars(query)]

    def keep(self, claim: Claim, maker: str, piece: PlacedTranscript) -> bool:
        """Remember a finished piece; False when the claim is lost.

        From then on a crash of the server does not count against the file: it goes on from here, again and again.
        """
        named = {"file_id": claim.file_id, "maker": maker, "first": piece.start, "last": piece.end}
        with writing(self._engine) as connection:
            # The row's lock keeps a server that wants to take the file over waiting until the piece is there.
            if not self._update(connection, claim, attempts=claim.attempts - 1):
                return False
            connection.execute(delete(_pieces).where(*(_pieces.c[name] == value for name, value in named.items())))
            connection.execute(insert(_pieces).values(**named, body=to_json(piece)))
        return True

    def finish(self, claim: Claim, result: RecordingTranscript, *, now: float) -> bool:
        """End a file with its result; False when the claim is lost."""
        body = to_json(result)
        with writing(self._engine) as connection:
            is_held = self._update(
                connection,
                claim,
                state=FileState.DONE.value,
                attempts=claim.attempts,
                result=body,
                audio_s=result.audio_s,
                done_s=result.audio_s,
                error_code=None,
                error_message=None,
                lease=None,
                lease_ends_at=None,
            )
            if is_held:
                self._forget_pieces(connection, claim.file_id)
                end_if_over(connection, claim.job_id, keep_s=self._keep_s, now=now)
        return is_held

    def fail(self, claim: Claim, verdict: Again | GiveUp, *, now: float) -> bool:
        """End a try, and with it perhaps the file; False when the claim is lost."""
        with writing(self._engine) as connection:
            if connection.execute(select(_files.c.id).where(*_held(claim)).with_for_update()).first() is None:
                return False
            if isinstance(verdict, GiveUp):
                self._update(connection, claim, attempts=claim.attempts)
                self._fail(connection, claim.file_id, claim.job_id, verdict.error, now)
            else:
                self._put_back(connection, claim, verdict, now)
        return True

    def give_back(self, claims: Sequence[Claim], *, now: float) -> None:
        """Put files back whose work was stopped, because the server leaves: at once, and it costs no try."""
        with writing(self._engine) as connection:
            for claim in claims:
                self._put_back(connection, claim, None, now)

    def _next(self, model: str | None, now: float, *, locked: bool = False) -> Any:
        # No wait is so long as the last one here: that file was put back before the clock was.
        has_waited = or_(_files.c.due_at <= now, _files.c.due_at > now + 2 * RETRY_MAX_S)
        is_due = or_(
            and_(_files.c.state == FileState.QUEUED.value, has_waited),
            and_(_files.c.state == FileState.RUNNING.value, _files.c.lease_ends_at <= now),
        )
        query = (
            select(_files, _jobs.c.owner, _jobs.c.ask)
            .join(_jobs, _jobs.c.id == _files.c.job_id)
            .where(_files.c.shelf == self._shelf, is_due)
            .order_by(_jobs.c.last_claimed_at, _files.c.job_id, _files.c.number)
            .limit(1)
        )
        if model is not None:
            query = query.where(_jobs.c.model.in_(("", model)))
        return query.with_for_update(of=_files, skip_locked=True) if locked else query

    def _take(self, connection: Connection, row: Row[Any], model: str, now: float) -> Claim:
        lease = secrets.token_hex(16)
        connection.execute(
            update(_files)
            .where(_files.c.id == row.id)
            .values(
                state=FileState.RUNNING.value,
                attempts=row.attempts + 1,
                lease=lease,
                lease_ends_at=now + self._lease_s,
            )
        )
        connection.execute(
            update(_jobs)
            .where(_jobs.c.id == row.job_id)
            .values(
                state=JobState.RUNNING.value,
                model=model,
                started_at=func.coalesce(_jobs.c.started_at, now),
                last_claimed_at=now,
            )
        )
        return Claim(
            lease=lease,
            file_id=row.id,
            job_id=row.job_id,
            number=row.number,
            owner=row.owner,
            path=row.path,
            stamp=row.stamp,
            is_ours=row.is_ours,
            attempts=row.attempts + 1,
            refusals=row.refusals,
            ask=from_json(Ask, row.ask),
        )

    def _update(self, connection: Connection, claim: Claim, **values: Any) -> bool:
        return connection.execute(update(_files).where(*_held(claim)).values(**values)).rowcount == 1

    def _put_back(self, connection: Connection, claim: Claim, verdict: Again | None, now: float) -> None:
        costs_a_try = verdict is not None and verdict.costs_a_try
        self._update(
            connection,
            claim,
            state=FileState.QUEUED.value,
            attempts=claim.attempts if costs_a_try else claim.attempts - 1,
            refusals=0 if costs_a_try or verdict is None else claim.refusals + 1,
            due_at=now + (verdict.wait_s if verdict else 0.0),
            error_code=verdict.error.code if verdict else None,
            error_message=verdict.error.message if verdict else None,
            lease=None,
            lease_ends_at=None,
        )

    def _fail(self, connection: Connection, file_id: int, job_id: str, error: FileError, now: float) -> None:
        connection.execute(
            update(_files)
            .where(_files.c.id == file_id)
            .values(
                state=FileState.FAILED.value,
                error_code=error.code,
                error_message=error.message,
                lease=None,
                lease_ends_at=None,
            )
        )
        self._forget_pieces(connection, file_id)
        end_if_over(connection, job_id, keep_s=self._keep_s, now=now)

    def _forget_pieces(self, connection: Connection, file_id: int) -> None:
        connection.execute(delete(_pieces).where(_pieces.c.file_id == file_id))


def _held(claim: Claim) -> tuple[Any, ...]:
    return (_files.c.id == claim.file_id, _files.c.lease == claim.lease)
