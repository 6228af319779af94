"""A load test as CSV."""

from __future__ import annotations

import csv

from harken.bench.load.rows import HEAD, rows_of
from harken.bench.load.texts import errors_of
from tests.bench.load.making import a_run, a_step, an_outcome


def test_every_request_of_every_step_is_a_row() -> None:
    """What nobody knows is empty."""
    known = an_outcome(0.25, instance="asr-1", is_right=True, errors=errors_of("one two", "one"), first_text_s=0.125)
    run = a_run([a_step([known, an_outcome(code="queue_full", status=503)], level=1), a_step([an_outcome()], level=2)])
    lines = list(rows_of(run))
    rows = list(csv.DictReader(lines))
    assert tuple(rows[0]) == HEAD
    assert [row["level"] for row in rows] == ["1", "1", "2"]
    first = {name: rows[0][name] for name in ("took_s", "first_text_s", "words", "word_errors", "is_right", "class")}
    assert first == {
        "took_s": "0.250000", "first_text_s": "0.125000", "words": "2", "word_errors": "1", "is_right": "1",
        "class": "short",
    }  # fmt: skip
    assert (rows[1]["code"], rows[1]["status"], rows[1]["words"], rows[1]["is_right"]) == ("queue_full", "503", "", "")


def test_no_cell_is_a_formula_and_odd_names_stay_one_cell() -> None:
    """A spreadsheet would run what a server calls itself."""
    run = a_run([a_step([an_outcome(instance='=cmd|"x",1', code="a,b\n")])])
    (row,) = csv.DictReader("".join(rows_of(run)).splitlines(keepends=True))
    assert (row["instance"], row["code"]) == ('\'=cmd|"x",1', "a,b\n")
