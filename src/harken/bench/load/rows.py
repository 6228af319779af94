"""A load test as CSV: a row for each request, for whoever wants to look for themselves. Pure.

The invariants: every request of every step is one row; and no cell begins a formula, whatever a server calls itself.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from harken.bench.load.outcomes import Outcome
from harken.bench.load.run import Run

HEAD = (
    "level", "due_s", "late_s", "took_s", "first_text_s", "class", "audio_s", "server", "instance", "status", "code",
    "is_cached", "is_right", "words", "word_errors", "characters", "character_errors", "after_commit_s", "updates",
    "reconnects",
)  # fmt: skip

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rows_of(run: Run) -> Iterator[str]:
    """The lines of the table, the head first."""
    yield _line(HEAD)
    for step in run.steps:
        for outcome in step.requests.rows():
            yield _line(_cells(step.level, outcome))


def _cells(level: float, one: Outcome) -> tuple[object, ...]:
    errors = one.errors
    texts: tuple[object, ...] = ("", "", "", "")
    if errors is not None:
        texts = (errors.words, errors.word_errors, errors.characters, errors.character_errors)
    first = "" if one.first_text_s is None else f"{one.first_text_s:.6f}"
    times = (f"{one.due_s:.6f}", f"{one.late_s:.6f}", f"{one.took_s:.6f}", first)
    names = (_plain(one.server), _plain(one.instance), one.status, _plain(one.code))
    live: tuple[object, ...] = ("", "", "")
    if one.speech_s or one.after_commit_s is not None:
        live = ("" if one.after_commit_s is None else f"{one.after_commit_s:.6f}", one.updates, one.reconnects)
    right = "" if one.is_right is None else int(one.is_right)
    return (
        f"{level:g}",
        *times,
        _plain(one.kind),
        f"{one.audio_s:.3f}",
        *names,
        int(one.is_cached),
        right,
        *texts,
        *live,
    )


def _plain(name: str) -> str:
    return f"'{name}" if name.startswith(_FORMULA) else name


def _line(cells: tuple[object, ...]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
