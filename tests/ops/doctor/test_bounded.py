"""Looks with one bound for all."""

from __future__ import annotations

import threading
import time

import pytest

from harken.ops.doctor.bounded import look_at_all


def test_what_never_answers_is_left_behind() -> None:
    """The others are there, and the bound holds."""
    never = threading.Event()
    start = time.monotonic()
    found = look_at_all({"slow": never.wait, "one": lambda: 1, "none": lambda: None}, 0.1)
    assert found == {"one": 1, "none": None}
    assert time.monotonic() - start < 5
    never.set()


def test_looks_run_side_by_side() -> None:
    """Each waits for the other, so one after the other would never end."""
    meeting = threading.Barrier(2)
    found = look_at_all({"a": meeting.wait, "b": meeting.wait}, 10)
    assert set(found) == {"a", "b"}


def test_a_defect_is_not_hidden() -> None:
    """What a look raises comes out."""

    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        look_at_all({"broken": broken}, 10)
    assert look_at_all({}, 0.1) == {}
