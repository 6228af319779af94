"""Rules of harken.cli.top_lines: text in a terminal."""

from __future__ import annotations

import pytest
from rich.console import Console
from rich.text import Text

from harken.cli.top_lines import PlainCharacters, plain, wrapped


@pytest.mark.parametrize(
    ("text", "shown"), [("a b", "a b"), ("\x1b[2J", "?[2J"), ("a\nb\x07", "a?b?"), ("\u202eabc", "?abc"), (5, "5")]
)
def test_what_a_terminal_would_obey_is_taken_out(text: object, shown: str) -> None:
    """Writing from right to left too."""
    assert plain(text) == shown


def test_a_sentence_is_broken_between_words() -> None:
    """Its last line takes what is left, to be cut at the edge."""
    assert [one.plain for one in wrapped("one two three four", width=8, most=2)] == ["one two", "three four"]
    assert [one.plain for one in wrapped("", width=8, most=2)] == [""]


def test_plain_characters_are_as_wide_as_what_they_stand_for() -> None:
    """A Chinese name takes two columns, and so do its marks."""
    console = Console(width=40, force_terminal=False)
    with console.capture() as shown:
        console.print(PlainCharacters(Text("5× – · … █░ 模型|")))
    assert shown.get() == "5x - - ~ #. ????|\n"
