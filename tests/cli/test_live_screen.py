"""How live text is shown: on a terminal, in a pipe, as JSON."""

from __future__ import annotations

import dataclasses
import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from harken.cli.live_screen import Lines, Terminal
from harken.cli.live_told import Told, read_told

_STYLES = re.compile(r"\x1b\[[0-9;]*m")
_SIGN = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|(\r)|(\n)|(.)", re.DOTALL)


def _text(turn: int, delta: str, tentative: str) -> Told:
    return Told(kind="text", turn=turn, delta=delta, tentative=tentative)


def _completed(turn: int, text: str) -> Told:
    return Told(kind="completed", turn=turn, text=text)


class _Paper:
    """What a terminal shows after all that was written to it: enough of one for this."""

    def __init__(self, written: str) -> None:
        self.rows = [""]
        self.row = 0
        for match in _SIGN.finditer(written):
            code, letter, back, line, sign = match.groups()
            if back:
                self._column = 0
            elif line:
                self.row += 1
                self._column = 0
                self.rows += [""] * (self.row + 1 - len(self.rows))
            elif letter == "A":
                self.row -= int(code or 1)
                assert self.row >= 0, "above everything that was ever written"
            elif letter == "K":
                self.rows[self.row] = "" if code == "2" else self.rows[self.row][: self._column]
            elif sign:
                assert self.rows[self.row][self._column :] == "", "written over something that was not erased"
                self.rows[self.row] += sign
                self._column += 1
            else:
                assert letter in ("m", "h", "l"), f"not known: {letter}"

    _column = 0

    @property
    def lines(self) -> list[str]:
        """Without empty ones at the end."""
        return "\n".join(self.rows).rstrip().split("\n")


def _drawn(*told: Told, width: int = 40, height: int = 10, encoding: str = "utf-8", has_colours: bool = True) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace")
    console = Console(
        file=file, force_terminal=True, width=width, height=height, highlight=False, legacy_windows=False,
        no_color=not has_colours,
    )  # fmt: skip
    with Terminal(console) as screen:
        for one in told:
            screen.show(one)
    file.flush()
    return raw.getvalue().decode(encoding)


def test_a_completed_turn_stands_once() -> None:
    """Whatever was drawn before, a terminal shows final text alone in the end."""
    written = _drawn(
        _text(1, "", "one tow"), _text(1, "one", " two"), _completed(1, "one two three"),
        _text(2, "four", ""), _completed(2, "four five"),
    )  # fmt: skip
    assert _Paper(written).lines == ["one two three", "four five"]
    assert "\x1b[2mone tow" in written  # tentative text is dim


def test_a_turn_of_many_lines_is_drawn_over_itself() -> None:
    """In words, and in Chinese, whose signs are two cells wide; also where it is higher than the screen."""
    long = " ".join(["word"] * 120)
    wide = "三六二九三" * 60
    for text in (long, wide):
        steps = [_text(1, text[at : at + 25], text[at + 25 : at + 45]) for at in range(0, len(text), 25)]
        written = _drawn(*steps, _completed(1, text), width=20, height=6)
        lines = _Paper(written).lines
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(cell_len(line.rstrip()) <= 20 for line in lines)


@pytest.mark.parametrize("encoding", ["iso-8859-1", "ascii", "gb2312"])
def test_signs_that_the_terminal_lacks_are_as_wide_as_they_are_shown(encoding: str) -> None:
    """A turn stands once also where each of its signs is written as six; what the terminal has, it shows."""
    text = "三六二九三é" * 10
    steps = [_text(1, text[at : at + 10], text[at + 10 : at + 25]) for at in range(0, len(text), 10)]
    written = _drawn(*steps, _completed(1, text), width=60, encoding=encoding)
    lines = _Paper(written).lines
    assert "".join(lines) == text.encode(encoding, "backslashreplace").decode(encoding)
    assert all(cell_len(line) <= 60 for line in lines)


def test_who_wants_no_colours_gets_italics() -> None:
    """Some terminals draw what is dim in grey."""
    written = _drawn(_text(1, "one", " two"), has_colours=False)
    assert "\x1b[3m two" in written and "\x1b[2m" not in written


def test_what_was_shown_as_final_stays_when_the_end_comes_early() -> None:
    """And what was tentative goes."""
    assert _Paper(_drawn(_text(1, "one two", " tree"))).lines == ["one two"]


def test_a_turn_that_begins_anew_is_drawn_anew() -> None:
    """Nothing of it stands twice."""
    told = (_text(1, "one two", ""), Told(kind="restarted"), _text(1, "one", " two"), _completed(1, "one two three"))
    assert _Paper(_drawn(*told)).lines == ["one two three"]


def test_a_failure_and_a_warning_stand_above_the_text() -> None:
    """In their order."""
    failed = Told(kind="failed", turn=1, message="The engine is gone.", code="engine_failed")
    unsure = dataclasses.replace(_completed(2, "two"), warnings=("Words may be missing.",))
    written = _drawn(_text(1, "one", ""), failed, unsure)
    assert _Paper(written).lines == ["The engine is gone. [engine_failed]", "two", "Words may be missing."]


@pytest.mark.parametrize("as_json", [False, True])
def test_a_pipe_gets_lines_without_any_signs(*, as_json: bool) -> None:
    """A line for each turn that says something; or each message, as it came."""
    written: list[str] = []
    complained: list[str] = []
    message = '{"n": 1, "type": "text", "turn": 1, "delta": "one", "tentative": ""}'
    with Lines(written.append, complained.append, as_json=as_json) as screen:
        screen.show(read_told(message))
        screen.show(dataclasses.replace(_completed(1, "one two"), warnings=("Words may be missing.",)))
        screen.show(_completed(2, ""))
        screen.show(Told(kind="failed", message="No.", code="engine_failed"))
        screen.warn("The connection broke.")
    assert written == ([message] if as_json else ["one two"])
    assert complained == ["Words may be missing.", "No. [engine_failed]", "The connection broke."]
