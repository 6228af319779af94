"""Addresses as they are shown."""

from __future__ import annotations

import pytest

from harken.ops.address import without_user


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:secret@host:7860/health", "http://host:7860/health"),
        ("http://me@host", "http://host"),
        ("http://me:s@cr@t@[::1]:80?a@b", "http://[::1]:80?a@b"),
        ("No answer from https://me:secret@host: refused.", "No answer from https://host: refused."),
        ("http://host/models/x@v1", "http://host/models/x@v1"),
        ("write to me@host", "write to me@host"),
        ("", ""),
    ],
)
def test_who_is_in_an_address_is_not_shown(text: str, shown: str) -> None:
    """And nothing else is lost."""
    assert without_user(text) == shown
