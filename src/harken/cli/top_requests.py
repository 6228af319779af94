"""Recent requests as lines of a terminal: how they ended, how long they took, and where they were. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from harken.cli import top_words as words
from harken.cli.top_lines import plain

_TONES = {"done": "", "running": "cyan", "cancelled": "dim"}
_CLOCK_END_S = 2.0**35


def draw_requests(requests: Sequence[Mapping[str, Any]], most: int, *, width: int) -> Table:
    """Draw the newest of them in `most` lines and one of headings."""
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0))
    columns = ["request", "outcome", "took", "audio", "class", "where"]
    columns[:0] = ["began"] if width >= 100 else []
    for column in columns:
        is_number = column in ("took", "audio")
        limit = {"request": max(8, width - 52), "outcome": 18, "class": 12}.get(column)
        justify = "right" if is_number else "left"
        table.add_column(column, justify=justify, no_wrap=True, overflow="ellipsis", max_width=limit)  # type: ignore[arg-type]
    for one in requests[:most]:
        cells = [
            Text(plain(one["id"]), style="dim"),
            Text(plain(words.outcome(one["outcome"])), style=_TONES.get(one["outcome"], "red")),
            Text(words.seconds(one["wall_s"])),
            Text(words.span(one["audio_s"])),
            Text(plain(one["class"])),
            Text(plain(_where(one))),
        ]
        cells[:0] = [Text(_clock(one["began_at"]))] if width >= 100 else []
        table.add_row(*cells)
    return table


def _clock(at: float) -> str:
    if not 0 <= at < _CLOCK_END_S:
        return words.NOTHING
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


def _where(one: Mapping[str, Any]) -> str:
    """Which instances, in the order of their segments; one that failed it is marked."""
    places = [
        f"{tried['target']}{'' if tried['outcome'] == 'done' else '!'}"
        for segment in one["segments"]
        for tried in segment["tries"]
    ]
    if not places and one["segments"] and all(segment["outcome"] == "cached" for segment in one["segments"]):
        return "cache"
    return ", ".join(dict.fromkeys(places))
