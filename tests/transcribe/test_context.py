"""Prompt, context and hot words become one text."""

from __future__ import annotations

import pytest

from harken.errors import UnsupportedOption
from harken.transcribe.context import CONTEXT_CHARS_MAX, KEYWORDS_MAX, context_of


def test_all_three_parts_come_in_order_on_lines_of_their_own() -> None:
    """The prompt first, hot words last, so that names stand nearest to the sound."""
    assert context_of(" A talk. ", "About servers.\n", ["Harken", "Qwen"]) == "A talk.\nAbout servers.\nHarken, Qwen"


def test_blank_parts_and_doubled_keywords_vanish() -> None:
    """Nothing but what the client really said goes to the model."""
    assert context_of("", "  ", ["Harken", "", " ", "Harken", "New \n York"]) == "Harken, New York"
    assert context_of("", "", []) == ""


@pytest.mark.parametrize(
    ("prompt", "context", "keywords", "field"),
    [
        ("", "", [f"word{number}" for number in range(KEYWORDS_MAX + 1)], "keywords"),
        ("x" * (CONTEXT_CHARS_MAX + 1), "", [], "prompt"),
        ("y", "x" * CONTEXT_CHARS_MAX, [], "context"),
    ],
)
def test_too_much_is_refused_by_the_name_of_its_field(
    prompt: str, context: str, keywords: list[str], field: str
) -> None:
    """The bounds are told, and which part broke them."""
    with pytest.raises(UnsupportedOption, match=r"too many; at most \d+") as caught:
        context_of(prompt, context, keywords)
    assert caught.value.field == field
