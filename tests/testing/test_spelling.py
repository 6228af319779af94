"""Rules of harken.testing.spelling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.testing import hear, spell
from harken.testing.spelling import WORD_S, WORDS
from harken.types import SAMPLE_RATE


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_what_is_spelled_is_heard(words: list[str]) -> None:
    """Every word, doubled ones too, at the time at which it is spelled."""
    heard = hear(spell(words))
    assert [word.text for word in heard] == words
    assert [word.start_s for word in heard] == pytest.approx([WORD_S * place for place in range(len(words))])


def test_parts_spell_parts() -> None:
    """Cut in the quiet, nothing is lost; cut in a word, both sides hear it; silence is no word."""
    samples = spell(["one", "two"])
    at = round(WORD_S * SAMPLE_RATE)
    assert [word.text for part in (samples[: at - 10], samples[at - 10 :]) for word in hear(part)] == ["one", "two"]
    assert [word.text for part in (samples[: at + 10], samples[at + 10 :]) for word in hear(part)] == [
        "one", "two", "two",
    ]  # fmt: skip
    assert hear(np.zeros(100, np.float32)) == ()
