"""Whom a server's jobs tell of their files, and how much: facts, a trace, a line of the log.

It decides nothing by them. The invariant: by default nobody hears anything, and no text is logged.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.events import Tell, nobody
from harken.trace import BeginTrace, no_trace


@dataclass(frozen=True, kw_only=True, slots=True)
class Telling:
    """Of the files of all jobs.

    Attributes:
        tell: takes the beginning and the end of each attempt on a file.
        begin_trace: makes the span of an attempt; nobody calls it with a header.
        logs_text: the line at the end of a file holds the text that was recognised.
    """

    tell: Tell = nobody
    begin_trace: BeginTrace = no_trace
    logs_text: bool = False


QUIET = Telling()
"""Nobody hears anything."""
