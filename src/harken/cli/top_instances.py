"""Instances as lines of a terminal: as many as there is room for, around the one that is chosen. Pure.

The invariant: trouble is never what is left out unseen. Where not all have room, those in trouble come first, and how
many are not shown is said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from harken.cli import top_words as words
from harken.cli.top_lines import COLOURS, EMPTY, FULL, line, plain

_LOAD_CELLS = 10
_FIRST = {"bad": 0, "warn": 1, "busy": 2}
_NOTES_MAX = 2
_ROWS_LEAST = 2

Instance = Mapping[str, Any]


def in_order(lines: Sequence[Instance], most: int) -> list[Instance]:
    """As the server has them, or trouble first where there is no room for all."""
    if len(lines) <= most:
        return list(lines)
    return sorted(lines, key=lambda one: _FIRST.get(words.tone_of(one), 3))


def lines_wanted(lines: Sequence[Instance], chosen: str) -> int:
    """How many lines would show all of them, headings aside."""
    return max(1, len(lines)) + len(_notes(lines, chosen))


def draw_instances(
    lines: Sequence[Instance], most: int, *, width: int, chosen: str = "", is_choosing: bool = False
) -> list[RenderableType]:
    """Draw them in `most` lines and one of headings.

    Args:
        lines: as the document has them.
        most: at least 2.
        width: columns of the terminal.
        chosen: the name of the one that is marked.
        is_choosing: there is somebody who may choose.
    """
    if not lines:
        return [line(("no instance", "dim"))]
    ordered = in_order(lines, most)
    notes = _notes(ordered, chosen)[: max(0, min(_NOTES_MAX, most - min(len(lines), _ROWS_LEAST)))]
    room = most - len(notes)
    start, shown = _window(ordered, room if len(lines) <= room else room - 1, chosen)
    table = _table(shown, width=width, chosen=chosen, is_choosing=is_choosing)
    parts: list[RenderableType] = [table, *notes]
    after = len(lines) - start - len(shown)
    if start:
        parts.append(line((f"… {start:,} more above, {after:,} more below", "dim")))
    elif after:
        parts.append(line((f"… and {after:,} more", "dim")))
    return parts


def _window(ordered: Sequence[Instance], room: int, chosen: str) -> tuple[int, Sequence[Instance]]:
    room = max(1, room)
    place = next((index for index, one in enumerate(ordered) if one["name"] == chosen), 0)
    start = max(0, min(place - room // 2, len(ordered) - room))
    return start, ordered[start : start + room]


def _notes(lines: Sequence[Instance], chosen: str) -> list[Text]:
    """Why those in trouble are, and what is known of the chosen one."""
    noted = sorted(
        (one for one in lines if one["detail"] or one["ejected"]),
        key=lambda one: (one["name"] != chosen, _FIRST.get(words.tone_of(one), 3)),
    )[:_NOTES_MAX]
    return [
        line((f"{plain(one['name'])}: {'; '.join(filter(None, (plain(one['ejected']), plain(one['detail']))))}", "dim"))
        for one in noted
    ]


def _table(shown: Sequence[Instance], *, width: int, chosen: str, is_choosing: bool) -> Table:
    has_gpu = any(one["gpu_memory_bytes"] is not None for one in shown)
    columns = _columns(width, has_gpu=has_gpu)
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0))
    for column in columns:
        is_text = column in ("instance", "state", "load", "device")
        # A long name must not push the figures off the screen.
        most = max(8, width - 66) if column == "instance" else None
        title = f"  {column}" if column == "instance" and is_choosing else column
        table.add_column(
            title, justify="left" if is_text else "right", no_wrap=True, overflow="ellipsis", max_width=most
        )
    for one in shown:
        is_chosen = bool(chosen) and one["name"] == chosen
        mark = ("> " if is_chosen else "  ") if is_choosing else ""
        cells = [_cell(one, column) for column in columns]
        cells[0] = Text(mark + cells[0].plain)
        table.add_row(*cells, style="reverse" if is_chosen else "")
    return table


def _columns(width: int, *, has_gpu: bool) -> list[str]:
    is_wide = width >= 100
    columns = ["instance", "state", "load"]
    columns += ["speed", "success"] if width >= 56 else []
    if width >= 76:
        columns += ["seg/min"]
        columns += ["memory"] if is_wide or not has_gpu else []
        columns += ["GPU memory"] if has_gpu else []
        columns += ["last success", "restarts"] if is_wide else ["last"]
    return [*columns, *(["device"] if width >= 120 else [])]


def _cell(one: Instance, column: str) -> Text:
    style = COLOURS[words.tone_of(one)] if column == "state" else ""
    return Text(plain(_CELLS[column](one)), style=style)


def load_bar(part: float, whole: float) -> str:
    """A share as ten cells; anything at all is one at least."""
    filled = max(0, min(_LOAD_CELLS, math.ceil(part / whole * _LOAD_CELLS))) if whole > 0 else 0
    return FULL * filled + EMPTY * (_LOAD_CELLS - filled)


def _load(one: Instance) -> str:
    limit = one["limit"] or one["slots"]
    return f"{load_bar(one['in_flight'], limit)} {one['in_flight']}/{limit}"


_CELLS: dict[str, Callable[[Instance], str]] = {
    "instance": lambda one: one["name"],
    "state": lambda one: words.state(one["state"]),
    "load": _load,
    "speed": lambda one: words.speed(one["rtfx"]),
    "success": lambda one: words.percent(one["success"]),
    "seg/min": lambda one: f"{one['segments']:,}",
    "memory": lambda one: words.size(one["memory_bytes"]),
    "GPU memory": lambda one: words.size(one["gpu_memory_bytes"]),
    "restarts": lambda one: f"{one['restarts']:,}",
    "last": lambda one: words.last(one["last_success_s"]),
    "last success": lambda one: words.last(one["last_success_s"]),
    "device": lambda one: one["device"] or words.NOTHING,
}
