"""What is said of a server that strangers can reach."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog

from harken.config import AuthConfig, StateConfig
from harken.keys import KeyBook, open_admission
from harken.server.exposure import IN_CLEAR, OPEN, is_reachable, warn_if_open, warning
from harken.state import Database


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_reached_by_nobody_else(host: str) -> None:
    """By whatever name."""
    assert not is_reachable(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "2001:db8::1", "no.such.host.invalid"])
def test_every_other_address_may_be_reached(host: str) -> None:
    """All interfaces, one of them, and what nobody can tell."""
    assert is_reachable(host)


def test_keys_without_tls_and_no_keys_are_two_warnings() -> None:
    """With both there is none."""
    assert warning(needs_keys=False, has_tls=False) == warning(needs_keys=False, has_tls=True) == OPEN
    assert warning(needs_keys=True, has_tls=False) == IN_CLEAR
    assert warning(needs_keys=True, has_tls=True) is None


def test_nobody_is_told_to_make_a_key_where_none_is_asked_for(tmp_path: Path) -> None:
    """Instances of a gateway belong on loopback."""
    (line,) = logged("0.0.0.0", tmp_path, keys="off")
    assert "fleet.host" in line["advice"]
    assert "harken keys add" not in line["advice"]


def said(host: str, folder: Path, *, keys: str = "auto", has_tls: bool = False) -> list[str]:
    """The events that are logged at a start."""
    return [line["event"] for line in logged(host, folder, keys=keys, has_tls=has_tls)]


def logged(host: str, folder: Path, *, keys: str = "auto", has_tls: bool = False) -> list[MutableMapping[str, Any]]:
    """What is logged at a start."""

    async def story() -> None:
        database = Database(StateConfig(folder=str(folder)))
        await warn_if_open("gateway", host, open_admission(AuthConfig(keys=keys), database), has_tls=has_tls)
        database.close()

    with structlog.testing.capture_logs() as log:
        asyncio.run(story())
    return log


def test_the_database_is_asked_whether_a_key_is_needed(tmp_path: Path) -> None:
    """Open until the first key, in the clear after it, silent with TLS; on loopback always silent."""
    assert said("0.0.0.0", tmp_path) == [OPEN]
    assert said("127.0.0.1", tmp_path) == []
    assert said("0.0.0.0", tmp_path, keys="off") == [OPEN]
    KeyBook(Database(StateConfig(folder=str(tmp_path)), {})).add("first", is_admin=False)
    assert said("0.0.0.0", tmp_path) == [IN_CLEAR]
    assert said("0.0.0.0", tmp_path, has_tls=True) == []
    assert said("0.0.0.0", tmp_path, keys="required") == [IN_CLEAR]
