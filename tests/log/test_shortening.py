"""One event, one line, of a bearable length."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from harken.log.shortening import LINE_CHARS, as_json


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers() | st.none() | st.binary(max_size=5)))
def test_every_event_is_one_line_of_json(event: dict[str, object]) -> None:
    """Line ends within are escaped; what JSON does not know is described."""
    line = as_json(dict(event))
    assert "\n" not in line
    assert set(json.loads(line)) == set(event)


def test_a_huge_event_keeps_its_name_and_its_ids() -> None:
    """A traceback of megabytes keeps its end, which says what happened."""
    event = {"request_id": "r1", "exception": "x" * 3_000_000 + "MemoryError", "event": "e", "level": "error"}
    short = json.loads(as_json(event))
    assert len(as_json(event)) <= LINE_CHARS
    assert (short["request_id"], short["event"], short["level"]) == ("r1", "e", "error")
    assert short["exception"].endswith("MemoryError")
    assert short["cut_chars"] > 3_000_000


def test_many_huge_fields_are_still_one_short_line() -> None:
    """No number of fields makes a line endless."""
    event = {f"field_{number}": "界" * 20_000 for number in range(50)} | {"event": "e"}
    assert len(as_json(event)) <= LINE_CHARS
    assert json.loads(as_json(event))["event"] == "e"


def test_what_json_cannot_hold_raises_nothing() -> None:
    """An object that holds itself, a key that is no text."""
    loop: dict[str, object] = {"event": "e"}
    loop["itself"] = loop
    assert "e" in as_json(loop)
    assert as_json({("a", 1): 1})  # type: ignore[dict-item]
