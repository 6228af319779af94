"""Keys in the database, in both kinds of it."""

from __future__ import annotations

import hashlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import MetaData, Table, insert

from harken.config import StateConfig
from harken.errors import ClientError, NotFound, StateUnavailable
from harken.keys import KeyBook
from harken.keys.tables import keys as keys_table
from harken.state import Database, writing
from harken.types import Priority


def test_a_key_is_found_by_the_digest_of_its_secret(database: Database) -> None:
    """All that was said of it comes back; the secret does not."""
    book = KeyBook(database, now=lambda: 1000.5)
    key, secret = book.add("bob", is_admin=True, requests_per_minute=5, audio_s_per_minute=0.0)
    assert secret.startswith("hk_")
    assert len(secret) == 46
    assert key.prefix == secret[:9]
    keys = book.read()
    assert keys.in_use == {hashlib.sha256(secret.encode()).hexdigest(): key}
    assert keys.by_id == {key.id: key}
    assert (key.created_at, key.is_admin, key.requests_per_minute, key.audio_s_per_minute) == (1000.5, True, 5, 0.0)
    assert book.all() == [key]


def test_a_revoked_key_stays_known_and_its_name_is_free(database: Database) -> None:
    """So a server that needed keys once needs them for ever."""
    book = KeyBook(database, now=lambda: 1000.0)
    first, _ = book.add("bob")
    with pytest.raises(ClientError, match="in use"):
        book.add("bob")
    assert book.revoke("bob").revoked_at == 1000.0
    assert book.read().in_use == {}
    assert book.read().has_any
    second, _ = book.add("bob")
    assert [(key.id, key.revoked_at) for key in book.all()] == sorted([(first.id, 1000.0), (second.id, None)])
    assert book.revoke(second.id).id == second.id
    for gone in ("bob", first.id, "nobody", "\0", "\ud800"):
        with pytest.raises(NotFound):
            book.revoke(gone)


def test_of_two_servers_that_make_a_key_of_one_name_at_once_one_is_told(database: Database) -> None:
    """Neither is told of a defect, and one key is there."""

    def add(_: int) -> str:
        try:
            return KeyBook(database).add("bob")[0].id
        except ClientError as error:
            return error.code

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(add, range(6)))
    assert sorted(said)[:5] == ["bad_request"] * 5
    assert [key.id for key in KeyBook(database).all()] == [max(said)]


def test_times_of_use_are_noted(database: Database) -> None:
    """By id; keys that are gone do no harm."""
    book = KeyBook(database)
    key, _ = book.add("bob")
    book.note_use({key.id: 2000.0, "key_gone": 1.0})
    assert book.all()[0].last_used_at == 2000.0


def test_a_name_is_short_and_printable(database: Database) -> None:
    """Nothing that could confuse a log or a terminal."""
    for name in ("", "  ", "a\nb", "\x1b[31m", "a" * 101):
        with pytest.raises(ClientError):
            KeyBook(database).add(name)
    assert KeyBook(database).add(" Zoë ")[0].name == "Zoë"


def test_looking_makes_no_database(tmp_path: Path) -> None:
    """A server without keys leaves no trace; the first key makes the file."""
    database = Database(StateConfig(folder=str(tmp_path / "state")), {})
    book = KeyBook(database)
    assert book.all() == []
    assert not book.read().has_any
    with pytest.raises(NotFound):
        book.revoke("bob")
    assert not (tmp_path / "state").exists()
    book.add("bob")
    database.close()
    assert (tmp_path / "state" / "harken.db").stat().st_mode & 0o077 == 0


def test_no_secret_is_on_the_disk(tmp_path: Path) -> None:
    """Only its hash and its first characters."""
    database = Database(StateConfig(folder=str(tmp_path)), {})
    _, secret = KeyBook(database).add("bob")
    database.close()
    connection = sqlite3.connect(tmp_path / "harken.db")
    dump = "\n".join(connection.iterdump())
    connection.close()
    assert secret[:9] in dump
    assert secret[:10] not in dump


def test_a_key_s_class_comes_back(database: Database) -> None:
    """And is interactive where nobody said anything."""
    book = KeyBook(database)
    book.add("captions", priority=Priority.LIVE)
    book.add("plain")
    assert {key.name: key.priority for key in book.all()} == {
        "captions": Priority.LIVE,
        "plain": Priority.INTERACTIVE,
    }


def test_keys_of_a_release_without_classes_stay_and_are_interactive(state: StateConfig) -> None:
    """The database is brought up to date where it is opened; a server of that release goes on making keys."""
    old = MetaData(info={"room": "keys", "version": 1})
    table = Table("api_keys", old, *(column._copy() for column in keys_table.columns if column.name != "priority"))
    of_bob = {"id": "key_bob", "digest": "d", "name": "bob", "prefix": "hk_", "created_at": 1.0, "is_admin": False}
    before = Database(state, {})
    with writing(before.engine(old)) as connection:
        connection.execute(insert(table).values(of_bob))
    after = Database(state, {})
    book = KeyBook(after)
    book.add("captions", priority=Priority.LIVE)
    with writing(before.engine(old)) as connection:
        connection.execute(insert(table).values(of_bob | {"id": "key_eve", "digest": "e", "name": "eve"}))
    assert {key.name: key.priority for key in book.all()} == {
        "bob": Priority.INTERACTIVE,
        "captions": Priority.LIVE,
        "eve": Priority.INTERACTIVE,
    }
    before.close()
    again = Database(state, {})
    with pytest.raises(StateUnavailable, match=r"holds version 2 .* works with 1"):
        again.engine(old)
    again.close()
    after.close()
