"""What a server tells on its standard output."""

from __future__ import annotations

import io

import pytest

from harken.server.announce import Announcement, News, announce_to, parse_line

LISTENING = Announcement(news=News.LISTENING, name="asr-1", url="http://127.0.0.1:7861", pid=42)
READY = Announcement(news=News.READY, name="asr-1", url="http://127.0.0.1:7861", pid=42)


@pytest.mark.parametrize("announcement", [LISTENING, READY])
def test_a_supervisor_reads_back_what_an_instance_wrote(announcement: Announcement) -> None:
    """Writing and reading are the two halves of one format."""
    stream = io.StringIO()
    announce_to(stream, as_json=True)(announcement)
    assert parse_line(stream.getvalue()) == announcement


def test_a_person_reads_a_sentence() -> None:
    """On a terminal there is no JSON, but the address is there."""
    stream = io.StringIO()
    announce_to(stream, as_json=False)(LISTENING)
    announce_to(stream, as_json=False)(READY)
    assert stream.getvalue().splitlines() == [
        "asr-1 listens on http://127.0.0.1:7861 (pid 42)",
        "asr-1 is ready",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Loading…",
        "[1, 2]",
        '"listening"',
        "{}",
        '{"news": "listening"}',
        '{"news": "gone", "name": "a", "url": ""}',
    ],
)
def test_any_other_line_announces_nothing(line: str) -> None:
    """A library that prints does not confuse the supervisor."""
    assert parse_line(line) is None
