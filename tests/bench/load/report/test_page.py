"""A load test as one page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from harken.bench.load.report.page import page_of
from harken.bench.load.run import Run
from harken.bench.load.target import Target
from harken.bench.load.texts import errors_of
from tests.bench.load.making import a_run, a_step, an_outcome

ODD = "</title><script>alert(1)</script>&\x00\x1b\u2028\ud800"


def _text(page: str) -> str:
    return "".join(ET.fromstring(page.replace("<!DOCTYPE html>\n", "")).itertext())


def _sweep() -> Run:
    steps = []
    for level in (1, 2, 4, 8):
        outcomes = [
            an_outcome(0.01 * level * (1 + number % 3), due_s=number / 50, kind=kind, instance=f"asr-{number % 2}",
                       first_text_s=0.005, errors=errors_of("one two", "one two"))
            for number in range(20) for kind in ("2 s", "10 s")
        ]  # fmt: skip
        steps.append(a_step(outcomes, level=level, target=Target(seconds=0.05)))
    return a_run(steps, is_sweep=True, title="Two instances")


def test_a_page_says_what_was_found_and_where_it_came_from() -> None:
    """Figures, pictures, knee, machine, commit, settings, and how to read it."""
    page = page_of(_sweep())
    text = _text(page)
    for words in (
        "Two instances",
        "knee",
        "a machine",
        "commit abc",
        "--requests",
        "within the target",
        "CER",
        "asr-1",
    ):
        assert words in text, words
    assert page.count("<svg viewBox") >= 5 and "prefers-color-scheme: dark" in page and "@media print" in page


def test_a_page_needs_nothing_but_itself() -> None:
    """No script, no address that is fetched, and a policy that allows none."""
    page = page_of(_sweep())
    assert not re.search(r"<script|<link|<img|@import|url\(|\ssrc=|\shref=|\son\w+=", page)
    assert "default-src 'none'" in page


@pytest.mark.parametrize(
    "run",
    [
        a_run([a_step([])], title=ODD),
        a_run([a_step([an_outcome(code=ODD, kind=ODD, instance=ODD, server=ODD)])], title=ODD, is_sweep=True),
        a_run([a_step([an_outcome(0.0, instance=ODD, kind=ODD), an_outcome(kind="b", instance="c")])], by="rate"),
    ],
)
def test_a_page_is_well_formed_whatever_it_is_about(run: Run) -> None:
    """Nothing answered, nothing but failures, names of any kind: all is text."""
    page = page_of(run)
    assert "<script" not in page
    assert "How to read it" in _text(page)


def test_what_a_reader_must_know_is_said_first() -> None:
    """A cache, a wrong text, too few requests."""
    page = page_of(a_run([a_step([an_outcome(is_cached=True, is_right=False)])]))
    notes = re.findall(r'<p class="note">(.*?)</p>', page)
    assert len(notes) == 3 and "cache" in notes[1] and "by heart" in notes[0]
