"""The tables of a report."""

from __future__ import annotations

from harken.bench.load.report.tables import errors, facts, parts, table, tiles
from harken.bench.load.texts import errors_of
from tests.bench.load.making import a_run, a_step, an_outcome


def test_columns_appear_with_what_they_hold() -> None:
    """First texts and error rates only where there are any."""
    plain = a_step([an_outcome()]).by("kind")
    full = a_step([an_outcome(first_text_s=0.1, errors=errors_of("a", "a")), an_outcome(kind="b")]).by("kind")
    assert "1st text p50" not in parts("class", plain) and "CER" not in parts("class", plain)
    shown = parts("class", full)
    assert shown.count("<th ") * 2 == shown.count("<td>") and "1st text p50" in shown and "CER" in shown


def test_a_marked_row_is_marked() -> None:
    """And no other."""
    assert table(["a"], [["1"], ["2"]], marked=1).count('<tr class="knee"><td>2</td>') == 1


def test_what_has_no_value_is_left_out_of_the_facts() -> None:
    """A commit that nobody knows."""
    assert "commit" not in facts({"commit": "", "machine": "m"})


def test_errors_are_counted_by_kind() -> None:
    """With their part of all."""
    shown = errors(a_step([an_outcome(code="x"), an_outcome()]).figures, {"x": "a < b"})
    assert "<td>x</td><td>1</td><td>50.00%</td>" in shown
    assert "<dd>2</dd>" in tiles(a_run([a_step([an_outcome(), an_outcome(code="x")])]))
