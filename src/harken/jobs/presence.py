"""Which shelves somebody works at, and what becomes of recordings that lie where nobody does.

Servers of one database may have state folders of their own; then a recording can be read at one of them alone. Each
server writes down now and again that its shelf is there. Blocking. The invariants: a file is given up only when its
shelf was looked for and not seen for `stranded_s`, and never while somebody has a lease on it; until then it waits,
and says why.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from sqlalchemy import Column, Connection, Engine, Float, MetaData, String, Table, and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from harken.jobs import tables
from harken.jobs.ending import end_if_over
from harken.jobs.types import FileState
from harken.log import get_log
from harken.state import reading, writing

PRESENCE = MetaData(info={"room": "presence", "version": 1})
"""Not a part of the room of jobs: servers of earlier releases may go on beside us."""

AWAY_S = 180.0
"""A shelf that nobody saw for so long is away; it is said to be there once a minute."""

CODE = "state_unavailable"

_AT_ONCE = 100

_shelves = Table(
    "shelves",
    PRESENCE,
    Column("id", String(40), primary_key=True),
    Column("seen_at", Float, nullable=False),
    Column("mark", String(40), nullable=False),  # of the webhooks' secret there; "" while nobody was
)
_files = tables.files

_log = get_log("jobs.presence")


class Presence:
    """The shelves of a database, as one server sees them.

    Args:
        engine: of a database that has these tables, and those of jobs.
        shelf: its own.
        secret: with which it signs webhooks.
        stranded_s: for how long a file waits for its shelf, in seconds.
        keep_s: how long ended jobs are kept; told in webhooks.
    """

    def __init__(self, engine: Engine, *, shelf: str, secret: str, stranded_s: float, keep_s: float) -> None:
        self._engine = engine
        self._shelf = shelf
        self._mark = hmac.digest(secret.encode(), b"harken webhooks", hashlib.sha256).hex()[:40]
        self._stranded_s = stranded_s
        self._keep_s = keep_s
        self._has_told = False

    def look(self, *, now: float) -> int:
        """Say that our shelf is there, and see to files on shelves that are not; return how many were given up."""
        self._announce(now)
        with reading(self._engine) as connection:
            seen = {row.id: row for row in connection.execute(select(_shelves))}
            strange = connection.scalars(
                select(_files.c.shelf).distinct().where(_files.c.shelf.not_in(list(seen)), _ownerless(now))
            ).all()
        self._compare([row.mark for row in seen.values() if now - row.seen_at < AWAY_S])
        for shelf in strange:
            self._announce(now, shelf, "")  # its time begins now: who works there may be of an earlier release
        away = {shelf: row.seen_at for shelf, row in seen.items() if now - row.seen_at >= AWAY_S}
        lost = [shelf for shelf, seen_at in away.items() if now - seen_at >= self._stranded_s]
        if away:
            self._explain([shelf for shelf in away if shelf not in lost], now)
        return sum(self._give_up(file_id, now) for file_id in self._stranded(lost, now))

    def _announce(self, now: float, shelf: str = "", mark: str = "") -> None:
        own = {"seen_at": now, "mark": mark if shelf else self._mark}
        shelf = shelf or self._shelf
        with writing(self._engine) as connection:
            if connection.execute(update(_shelves).where(_shelves.c.id == shelf).values(own)).rowcount:
                return
            _insert(connection, {"id": shelf, **own})

    def _compare(self, marks: list[str]) -> None:
        """Whoever delivers a webhook signs it: receivers know one secret."""
        if len(set(filter(None, marks))) > 1 and not self._has_told:
            _log.warning("jobs.webhook_secrets_differ", help="Give all servers the same jobs.webhook_secret.")
            self._has_told = True

    def _explain(self, shelves: list[str], now: float) -> None:
        """Put back what was begun there, and say for each file what it waits for."""
        message = "Its recording lies with a server that is away; it goes on when that one is back."
        said = {"error_code": CODE, "error_message": message}
        waits = {"state": FileState.QUEUED.value, "lease": None, "lease_ends_at": None}
        is_news = or_(_files.c.error_message.is_(None), _files.c.error_message != message)
        with writing(self._engine) as connection:
            where = (_files.c.shelf.in_(shelves), _ownerless(now), is_news)
            connection.execute(update(_files).where(*where).values({**said, **waits}))

    def _stranded(self, shelves: list[str], now: float) -> list[int]:
        query = select(_files.c.id).where(_files.c.shelf.in_(shelves), _ownerless(now)).limit(_AT_ONCE)
        with reading(self._engine) as connection:
            return list(connection.scalars(query))

    def _give_up(self, file_id: int, now: float) -> bool:
        message = f"Its recording lay with a server that has been away for {self._stranded_s:g} s; hand it in again."
        values: dict[str, Any] = {"state": FileState.FAILED.value, "error_code": CODE, "error_message": message}
        with writing(self._engine) as connection:
            query = select(_files.c.job_id).where(_files.c.id == file_id, _ownerless(now)).with_for_update()
            job_id = connection.scalar(query)
            if job_id is None:
                return False
            connection.execute(update(_files).where(_files.c.id == file_id).values(**values, lease=None))
            end_if_over(connection, job_id, keep_s=self._keep_s, now=now)
        _log.warning("jobs.file_stranded", job_id=job_id, away_s=self._stranded_s)
        return True


def _ownerless(now: float) -> Any:
    """The condition on a file: it has not ended, and nobody has it."""
    is_left = and_(_files.c.state == FileState.RUNNING.value, _files.c.lease_ends_at <= now)
    return or_(_files.c.state == FileState.QUEUED.value, is_left)


def _insert(connection: Connection, row: dict[str, Any]) -> None:
    """Insert a row, unless another server did so in this moment."""
    try:
        with connection.begin_nested():
            connection.execute(insert(_shelves).values(row))
    except IntegrityError:
        return
