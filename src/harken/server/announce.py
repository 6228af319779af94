"""What a server tells on its standard output: where it listens, and that it is ready.

A person reads a sentence; a supervisor (`--supervised`) reads one JSON object a line. Nothing else is ever written to
standard output by a server: logs go to standard error. Pure apart from `announce_to`, which writes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO


class News(StrEnum):
    """What can be told."""

    LISTENING = "listening"
    READY = "ready"


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """One line.

    Attributes:
        news: what happened.
        name: of the server.
        url: where it listens, for example "http://127.0.0.1:7861".
        pid: of its process.
    """

    news: News
    name: str
    url: str
    pid: int


Announce = Callable[[Announcement], None]
"""Takes an announcement; never blocks for long."""


def announce_to(stream: TextIO, *, as_json: bool) -> Announce:
    """Return a function that writes announcements to `stream`, at once."""

    def announce(announcement: Announcement) -> None:
        # Whoever started us may have stopped reading; that is no reason to stop serving.
        with suppress(OSError):
            print(as_line(announcement) if as_json else as_sentence(announcement), file=stream, flush=True)

    return announce


def as_line(announcement: Announcement) -> str:
    """Write an announcement as JSON, without the line's end."""
    return json.dumps(dataclasses.asdict(announcement))


def as_sentence(announcement: Announcement) -> str:
    """Write an announcement for a person."""
    match announcement.news:
        case News.LISTENING:
            return f"{announcement.name} listens on {announcement.url} (pid {announcement.pid})"
        case News.READY:
            return f"{announcement.name} is ready"


def parse_line(line: str) -> Announcement | None:
    """Read what `as_line` wrote; None for any other line, for example a library's print."""
    try:
        fields = json.loads(line)
        return Announcement(
            news=News(fields["news"]), name=str(fields["name"]), url=str(fields["url"]), pid=int(fields["pid"])
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
