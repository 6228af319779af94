"""A text that an answer has to begin with, for what has no network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.errors import UnsupportedOption
from harken.prefix import going_on, refuse_a_prefix_without_language
from harken.types import Options


@given(prefix=st.text(max_size=20))
def test_any_prefix_is_how_the_text_begins(prefix: str) -> None:
    """Letter for letter in the stub; space at its ends says nothing."""
    text = going_on(prefix, "one two three")
    assert text.startswith(prefix.strip())
    assert text == text.strip()
    assert going_on("one  two", "one two three") == "one  two three"


def test_a_prefix_without_a_language_is_refused_and_nothing_else() -> None:
    """With a language, or with nothing to begin with, all is well."""
    for options in (Options(), Options(language="English"), Options(language="English", prefix="one")):
        refuse_a_prefix_without_language(options)
    with pytest.raises(UnsupportedOption, match="name the one that it is written in"):
        refuse_a_prefix_without_language(Options(prefix="one"))
