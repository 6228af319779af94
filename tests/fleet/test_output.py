"""What an instance writes becomes part of our log."""

from __future__ import annotations

import traceback

import pytest

from harken.fleet.output import UNKNOWN, last_words, read_output
from harken.server.announce import parse_line

EVENT = '{"event": "engine.loading", "level": "warning", "timestamp": "t", "instance": "asr-9", "model": "digits"}'


def test_an_event_stays_the_event_it_is() -> None:
    """Name, level and fields are kept; what our log writes itself is not doubled."""
    line = read_output(EVENT)
    assert (line.level, line.event, line.fields) == ("warning", "engine.loading", {"model": "digits"})


@pytest.mark.parametrize(
    "text", ["", "Segmentation fault", "{", "[]", '"text"', '{"event": 3, "level": "info"}', '{"event": "x"}']
)
def test_anything_else_is_passed_on_as_it_is(text: str) -> None:
    """Nothing that an instance writes is lost or breaks us."""
    line = read_output(text)
    assert (line.event, line.fields) == (UNKNOWN, {"line": text})


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), ""),
        ((EVENT,), ""),
        (("Traceback (most recent call last):", '  File "x.py"', "MemoryError", EVENT, "  "), "MemoryError"),
        ((EVENT, "asr-1: config_error: No such device."), "asr-1: config_error: No such device."),
    ],
)
def test_the_last_words_are_the_last_line_that_is_no_event(lines: tuple[str, ...], said: str) -> None:
    """The sentence with which a server leaves, or the exception below a traceback."""
    assert last_words(lines) == said


def test_no_line_is_too_deep_to_be_read() -> None:
    """Whatever a library prints must not end the gateway."""
    assert read_output("[" * 100_000).event == UNKNOWN
    assert parse_line("[" * 100_000) is None


def test_the_last_words_of_an_exception_group_are_its_parts_own() -> None:
    """Not the frame that Python draws around them."""
    try:
        raise ExceptionGroup("two", [ValueError("first"), ExceptionGroup("inner", [ValueError("the cause")])])
    except ExceptionGroup as error:
        lines = "".join(traceback.format_exception(error)).splitlines()
    assert lines[-1].strip(" |").startswith("+-----")
    assert last_words(lines) == "ValueError: the cause"
    assert last_words(["+-----", "  | +-+---------------- 1 ----------------", "    +---"]) == ""
