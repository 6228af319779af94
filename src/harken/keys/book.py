"""The keys in the database: made, listed, revoked, read as a whole. Blocking; each method is one transaction.

The invariants: a revoked key stays, so that a server which once needed keys never opens by itself again, and its name
is free for a new one; of a secret only the hash and the first characters are ever written.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harken.errors import ClientError, NotFound
from harken.keys.key import Key
from harken.keys.secret import SHOWN, digest_of, new_id, new_secret
from harken.state import Database, reading, writing
from harken.types import Priority

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import Row

_NAME_LENGTH = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """All keys at one moment.

    Attributes:
        in_use: by the digest of their secrets.
        by_id: the same keys by their ids.
        has_any: there is, or was, a key.
    """

    in_use: Mapping[str, Key] = field(default_factory=dict)
    by_id: Mapping[str, Key] = field(default_factory=dict)
    has_any: bool = False


class KeyBook:
    """Keys in one database.

    Args:
        database: opened at first use; where there is none, reading makes none.
        now: seconds since 1970.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    def add(
        self,
        name: str,
        *,
        is_admin: bool = False,
        requests_per_minute: int | None = None,
        audio_s_per_minute: float | None = None,
        priority: Priority = Priority.INTERACTIVE,
    ) -> tuple[Key, str]:
        """Make a key; return it and its secret, which nobody can ever read again.

        Raises:
            ClientError: the name is empty, too long, or in use.
            StateUnavailable: the database cannot be used.
        """
        from sqlalchemy import insert, select

        from harken.keys.tables import keys

        name = _checked(name)
        secret = new_secret()
        key = Key(
            id=new_id(),
            name=name,
            prefix=secret[:SHOWN],
            created_at=self._now(),
            is_admin=is_admin,
            requests_per_minute=requests_per_minute,
            audio_s_per_minute=audio_s_per_minute,
            priority=priority,
        )
        taken = ClientError(f"A key named {name!r} is in use; revoke it first, or choose another name.", field="name")
        with _but_not_twice(taken), writing(self._engine()) as connection:
            is_taken = select(keys.c.id).where(keys.c.name == name, keys.c.revoked_at.is_(None))
            if connection.execute(is_taken).first() is not None:
                raise taken
            connection.execute(
                insert(keys).values(
                    id=key.id,
                    digest=digest_of(secret),
                    name=name,
                    prefix=key.prefix,
                    created_at=key.created_at,
                    is_admin=is_admin,
                    requests_per_minute=requests_per_minute,
                    audio_s_per_minute=audio_s_per_minute,
                    priority=priority.value,
                )
            )
        return key, secret

    def all(self) -> list[Key]:
        """Every key, revoked ones too, oldest first."""
        return [_key(row) for row in self._rows()]

    def revoke(self, id_or_name: str) -> Key:
        """Take a key out of use.

        Raises:
            NotFound: no key in use has this id or name.
            StateUnavailable: the database cannot be used.
        """
        from sqlalchemy import or_, select, update

        from harken.keys.tables import keys

        # No key is named with what cannot be printed, and PostgreSQL cannot even be asked about NUL.
        if id_or_name.isprintable() and self._database.is_there():
            with writing(self._engine()) as connection:
                is_it = or_(keys.c.id == id_or_name, keys.c.name == id_or_name)
                query = select(keys).where(is_it, keys.c.revoked_at.is_(None))
                # A name may look like an id; the id goes first.
                rows = sorted(connection.execute(query), key=lambda row: row.id != id_or_name)
                if rows:
                    key = dataclasses.replace(_key(rows[0]), revoked_at=self._now())
                    connection.execute(update(keys).where(keys.c.id == key.id).values(revoked_at=key.revoked_at))
                    return key
        raise NotFound(f"No key in use has the id or name {id_or_name[:80]!r}.")

    def read(self) -> Keys:
        """Return all keys as they are now.

        Raises:
            StateUnavailable: the database cannot be used.
        """
        rows = self._rows()
        in_use = {row.digest: _key(row) for row in rows if row.revoked_at is None}
        return Keys(in_use=in_use, by_id={key.id: key for key in in_use.values()}, has_any=bool(rows))

    def note_use(self, used_at: Mapping[str, float]) -> None:
        """Write down when keys (by id) were last used."""
        from sqlalchemy import update

        from harken.keys.tables import keys

        with writing(self._engine()) as connection:
            for id_, time_ in used_at.items():
                connection.execute(update(keys).where(keys.c.id == id_).values(last_used_at=time_))

    def _rows(self) -> list[Row[tuple[object, ...]]]:
        if not self._database.is_there():
            return []
        from sqlalchemy import select

        from harken.keys.tables import keys

        with reading(self._engine()) as connection:
            return list(connection.execute(select(keys).order_by(keys.c.created_at, keys.c.id)))

    def _engine(self) -> Engine:
        from harken.keys.tables import TABLES

        return self._database.engine(TABLES)


@contextmanager
def _but_not_twice(taken: ClientError) -> Iterator[None]:
    """Of two servers that give a name at the same moment, the database lets one."""
    from sqlalchemy.exc import IntegrityError

    try:
        yield
    except IntegrityError as error:
        raise taken from error


def _checked(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= _NAME_LENGTH or not name.isprintable():
        raise ClientError(f"A key's name has 1 to {_NAME_LENGTH} printable characters.", field="name")
    return name


def _key(row: Row[tuple[object, ...]]) -> Key:
    return Key(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        is_admin=row.is_admin,
        requests_per_minute=row.requests_per_minute,
        audio_s_per_minute=row.audio_s_per_minute,
        priority=Priority(row.priority),
    )
