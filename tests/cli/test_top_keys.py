"""Rules of harken.cli.top_keys: bytes of a terminal as keys."""

from __future__ import annotations

import pytest

from harken.cli.top_keys import Keys


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        (b"qj", ["q", "j"]),
        (b"\x1b[A\x1bOB", ["up", "down"]),
        (b"\x1b[5~\x1b[6~\x1b[H\x1b[4~", ["page up", "page down", "home", "end"]),
        (b"\r\x7f\x08", ["enter", "backspace", "backspace"]),
        (b"\x1b[1;5A\x1b[200~", []),
        (b"\x1bq", []),
        (b"\xc3\xa9\x00", []),
        (b"", []),
    ],
)
def test_bytes_are_keys(typed: bytes, keys: list[str]) -> None:
    """What has no name, such as Ctrl with an arrow, is no key, and never the letters it is written with."""
    assert Keys().feed(typed) == keys


@pytest.mark.parametrize("cut", [1, 2])
def test_a_sequence_that_comes_in_two_parts_is_one_key(cut: int) -> None:
    """As over a slow line."""
    keys = Keys()
    assert keys.feed(b"\x1b[A"[:cut]) == []
    assert keys.is_waiting
    assert keys.feed(b"\x1b[A"[cut:] + b"q") == ["up", "q"]
    assert not keys.is_waiting


def test_escape_alone_is_a_key_once_nothing_follows() -> None:
    """Whoever feeds knows when that is."""
    keys = Keys()
    assert keys.feed(b"\x1b") == []
    assert keys.give_up() == ["escape"]
    assert keys.give_up() == []


def test_a_sequence_without_an_end_is_not_gathered_for_ever() -> None:
    """A file that is pasted into a terminal may hold anything."""
    keys = Keys()
    keys.feed(b"\x1b[" + b"1;" * 10_000)
    assert "q" in keys.feed(b"q\x1b[Aq")
