"""Requests in columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.bench.load.outcomes import NAMES_MOST, OTHER, Outcome, Outcomes, columns_of
from harken.bench.load.texts import TextErrors
from tests.bench.load.making import an_outcome

SHORT = st.floats(0, 1000, width=32)
ERRORS = st.builds(TextErrors, **dict.fromkeys(TextErrors.__slots__, st.integers(0, 1000)))
OUTCOMES = st.builds(
    Outcome, server=st.text(max_size=3), kind=st.sampled_from(["2 s", "10 s"]), due_s=st.floats(0, 1e6), took_s=SHORT,
    late_s=SHORT, audio_s=SHORT, first_text_s=st.none() | SHORT, status=st.integers(0, 599), code=st.text(max_size=3),
    instance=st.text(max_size=3), is_right=st.none() | st.booleans(), is_cached=st.booleans(),
    errors=st.none() | ERRORS,
)  # fmt: skip


@pytest.mark.slow
@given(st.lists(OUTCOMES, max_size=5))
def test_what_was_added_comes_out_again(outcomes: list[Outcome]) -> None:
    """In its order, nothing changed."""
    assert list(columns_of(outcomes).rows()) == outcomes


def test_a_server_that_answers_with_ever_new_names_fills_no_memory() -> None:
    """Beyond a thousand they are one."""
    kept = Outcomes()
    for number in range(NAMES_MOST + 500):
        kept.add(an_outcome(code=f"x{number}"))
    columns = kept.columns()
    assert len(columns.known["code"]) == NAMES_MOST + 1
    assert columns.counts("code")[OTHER] == 500
    kept.add(an_outcome(code="x1"))
    assert kept.columns().counts("code")["x1"] == 2


def test_columns_are_a_moment() -> None:
    """What comes later is not in them."""
    kept = Outcomes()
    kept.add(an_outcome())
    before = kept.columns()
    kept.add(an_outcome())
    assert (len(before), len(kept)) == (1, 2)


def test_parts_are_chosen_by_name() -> None:
    """One that nobody has chooses none."""
    columns = columns_of([an_outcome(kind="a"), an_outcome(kind="b"), an_outcome(kind="a")])
    assert [len(columns.only(columns.is_("kind", kind))) for kind in ("a", "b", "c")] == [2, 1, 0]
    assert columns.counts("kind") == {"a": 2, "b": 1}
    assert columns.counts("code") == {}
