"""What a server tells is read, and not believed."""

from __future__ import annotations

import json
import math

import pytest

from harken.cli.client import NotHarken
from harken.cli.live_told import Told, read_told, shown


def test_a_message_is_read() -> None:
    """Its members under their names, and itself as one line."""
    told = read_told('{"n": 3, "type": "completed", "turn": 2, "text": "one", "start_s": 0.5, "end_s": 1}')
    assert (told.kind, told.n, told.turn, told.text, told.start_s, told.end_s) == ("completed", 3, 2, "one", 0.5, 1.0)
    assert math.isnan(told.at_s) and json.loads(told.raw)["turn"] == 2


def test_warnings_are_sentences() -> None:
    """Whatever else is among them is left out, and nothing that a terminal would obey is passed on."""
    among = [{"message": "Words may\x1b be missing."}, {"message": 3}, 7, {}]
    assert read_told(json.dumps({"type": "completed", "warnings": among})).warnings == ("Words may be missing.",)
    assert read_told('{"type": "completed", "warnings": "all"}').warnings == ()


@pytest.mark.parametrize("message", ["", "[]", "1", '{"type": 1}', "{}", "[" * 100_000, '{"type": "text"'])
def test_what_is_no_message_comes_from_somebody_else(message: str) -> None:
    """An error that says so, whatever it is."""
    with pytest.raises(NotHarken):
        read_told(message)


def test_members_of_another_kind_are_as_if_they_were_missing() -> None:
    """A number for a text, a text for a number, what no number can be."""
    told = read_told(
        '{"type": "text", "n": -1, "turn": true, "delta": 5, "tentative": null, "at_s": NaN, "end_s": "1"}'
    )
    empty = Told(kind="text", raw=told.raw)
    assert repr(told) == repr(empty)  # NaN is not equal to itself
    assert math.isnan(read_told('{"type": "x", "at_s": 1e400}').at_s)


@pytest.mark.parametrize("harm", ["\x1b[2J", "\x07", "\x9b31m", "\r", "\u202e", "\x7f", "\u2028"])
def test_nothing_that_a_terminal_would_obey_is_passed_on(harm: str) -> None:
    """Neither in texts nor in the line of JSON, which means the same all the same."""
    told = read_told(json.dumps({"type": "completed", "text": f"a{harm}b", "message": harm}))
    assert told.text.isprintable() and told.message.isprintable() and told.raw.isprintable()
    assert json.loads(told.raw)["text"] == f"a{harm}b"


def test_writing_stays_as_it_is_written() -> None:
    """Chinese, and the joiners of Persian and Hindi; white space of any kind is a space."""
    assert shown("三六\n二\t九") == "三六 二 九"
    assert shown("می\u200cخواهم क्\u200dष") == "می\u200cخواهم क्\u200dष"
