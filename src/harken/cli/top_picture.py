"""The cluster as a picture for a terminal. Pure: a document and the space there is in, something to print out.

Most important first: what does not fit is left out from the bottom, and said. Colour never says what a word does not
say as well. The invariant: whatever a document holds, nothing of it is read as markup.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harken.cli import top_words as words

_COLOURS = {"good": "green", "busy": "cyan", "warn": "yellow", "bad": "bold red", "off": "dim"}
_BARS, _ASCII_BARS = "▁▂▃▄▅▆▇█", "_.-=+*%#"
_LOAD_CELLS = 10
_FIXED_LINES = 14
"""Headline, queue, charts, machine, headings: all that does not grow."""


def picture(told: Mapping[str, Any], *, width: int, height: int, is_ascii: bool = False, note: str = "") -> Group:
    """Draw a document.

    Args:
        told: `harken.telemetry.cluster` has its shape.
        width: columns of the terminal.
        height: its lines; what does not fit is left out.
        is_ascii: the terminal shows nothing else.
        note: about the picture itself, such as how old it is.
    """
    room = max(height - _FIXED_LINES, 4)
    lines = max(2, min(len(told["instances"]), room * 2 // 3))
    requests = max(2, room - lines)
    parts: list[RenderableType] = [
        _head(told, note),
        _instances(told, lines, width=width, is_ascii=is_ascii),
        Text(""),
        _queue(told),
        _charts(told, cells=max(10, min(60, width - 44)), is_ascii=is_ascii),
        _machine(told),
    ]
    if told["errors"]:
        parts.append(_errors(told))
    parts += [Text(""), _requests(told, requests, width=width)]
    return Group(*parts)


def _head(told: Mapping[str, Any], note: str) -> Text:
    server, line = told["server"], words.headline(told)
    text = Text()
    text.append(line.word, style=_COLOURS[line.tone])
    text.append(f": {', '.join(line.facts)}\n")
    about = f"{server['name']} · {server['model'] or 'no model yet'} · up {words.span(server['uptime_s'])}"
    if server["change"]:
        about += f" · being changed now: {server['change']}"
    text.append(about, style="dim")
    if note:
        text.append(f"\n{note}", style="bold yellow")
    return text


def _instances(told: Mapping[str, Any], most: int, *, width: int, is_ascii: bool) -> RenderableType:
    lines = told["instances"]
    has_gpu = any(one["gpu_memory_bytes"] is not None for one in lines)
    is_wide = width >= 100
    columns = ["instance", "state", "load", "speed", "success", "seg/min"]
    columns += ["memory"] if is_wide or not has_gpu else []
    columns += ["GPU memory"] if has_gpu else []
    columns += ["last success", "restarts"] if is_wide else ["last"]
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0))
    for column in columns:
        is_text = column in ("instance", "state", "load")
        table.add_column(column, justify="left" if is_text else "right", no_wrap=True, overflow="ellipsis")
    # Trouble first: it must not be what is left out.
    rank = {"bad": 0, "warn": 1, "busy": 2}
    ordered = sorted(lines, key=lambda one: rank.get(words.tone_of(one), 3))
    shown = ordered if len(lines) <= most else ordered[: most - 1]
    for one in shown if len(lines) > most else lines:
        table.add_row(*(_cell(one, column, is_ascii=is_ascii) for column in columns))
        if one["detail"] and len(lines) <= most:
            table.add_row("", Text(_plain(one["detail"])[:width], style="dim"))
    if len(shown) == len(lines):
        return table
    return Group(table, Text(f"… and {len(lines) - len(shown):,} more", style="dim"))


def _cell(one: Mapping[str, Any], column: str, *, is_ascii: bool) -> Text:
    if column == "state":
        return Text(_plain(one["state"]).replace("_", " "), style=_COLOURS[words.tone_of(one)])
    if column == "load":
        return Text(_bar(one["in_flight"], one["limit"] or one["slots"], is_ascii=is_ascii))
    return Text(_CELLS[column](one))


_CELLS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "instance": lambda one: _plain(one["name"]),
    "speed": lambda one: words.speed(one["rtfx"]),
    "success": lambda one: words.percent(one["success"]),
    "seg/min": lambda one: f"{one['segments']:,}",
    "memory": lambda one: words.size(one["memory_bytes"]),
    "GPU memory": lambda one: words.size(one["gpu_memory_bytes"]),
    "restarts": lambda one: f"{one['restarts']:,}",
    "last": lambda one: words.last(one["last_success_s"]),
    "last success": lambda one: words.last(one["last_success_s"]),
}


def _bar(in_flight: int, limit: int, *, is_ascii: bool) -> str:
    filled = min(_LOAD_CELLS, math.ceil(in_flight / limit * _LOAD_CELLS)) if limit else 0
    full, empty = ("#", ".") if is_ascii else ("█", "░")
    return f"{full * filled}{empty * (_LOAD_CELLS - filled)} {in_flight}/{limit}"


def _queue(told: Mapping[str, Any]) -> Text:
    queue = told["queue"]
    text = Text("queue  ", style="dim")
    text.append(f"{words.span(queue['audio_s'])} of audio", style="bold" if queue["audio_s"] else "")
    if queue["limit_audio_s"]:
        text.append(f" of {words.span(queue['limit_audio_s'])}")
    waiting = [f"{one['class']} {words.span(one['audio_s'])}" for one in queue["classes"] if one["segments"]]
    if waiting:
        text.append(f" · {' · '.join(waiting)} · oldest waits {words.seconds(queue['oldest_wait_s'])}")
    return text


def _charts(told: Mapping[str, Any], *, cells: int, is_ascii: bool) -> Table:
    series, now = told["series"], told["now"]
    step_s = series["step_s"] or 1.0
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    quantiles = " ".join(f"p{share} {words.seconds(now[f'p{share}_s'])}" for share in (50, 95, 99))
    rates = f"{now['requests_per_s']:.1f} requests/s, {now['in_progress']:,} in progress"
    speeds = [value / step_s for value in series["audio_s"]]
    table.add_row("latency", _spark(series["p95_s"], cells, is_ascii=is_ascii), quantiles)
    table.add_row("speed", _spark(speeds, cells, is_ascii=is_ascii), f"{words.speed(now['rtfx'])} real time")
    table.add_row("requests", _spark(series["requests"], cells, is_ascii=is_ascii), rates)
    return table


def _spark(values: Sequence[float | None], cells: int, *, is_ascii: bool) -> str:
    """The newest values, oldest left; a step without a value is blank. The last step is not over, so it is left out."""
    shown = list(values[:-1][-cells:])
    most = max((value for value in shown if value is not None), default=0.0)
    bars = _ASCII_BARS if is_ascii else _BARS
    drawn = (
        " " if value is None else bars[min(len(bars) - 1, int(value / most * len(bars)))] if most else bars[0]
        for value in shown
    )
    return "".join(drawn).rjust(cells)


def _machine(told: Mapping[str, Any]) -> Text:
    machine = told["machine"]
    busy = "" if machine["cpu_busy"] is None else f" {machine['cpu_busy']:.0%}"
    parts = [f"CPU{busy} of {machine['cores']} cores"]
    if machine["memory_bytes"] is not None:
        parts.append(f"memory {words.size(machine['memory_bytes'])} of {words.size(machine['memory_total_bytes'])}")
    for gpu in machine["gpus"][:4]:
        share = words.NOTHING if gpu["busy"] is None else f"{gpu['busy']:.0%}"
        held = f"{words.size(gpu['memory_bytes'])} of {words.size(gpu['memory_total_bytes'])}"
        parts.append(f"GPU {gpu['index']} {share}, {held}")
    if len(machine["gpus"]) > 4:
        parts.append(f"{len(machine['gpus']) - 4} more GPUs")
    text = Text("machine  ", style="dim")
    text.append(" · ".join(parts))
    return text


def _errors(told: Mapping[str, Any]) -> Text:
    text = Text("errors of the last hour  ", style="dim")
    text.append(", ".join(f"{_plain(one['code'])} {one['count']:,}" for one in told["errors"][:6]), style="red")
    return text


def _requests(told: Mapping[str, Any], most: int, *, width: int) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0))
    columns = ["request", "outcome", "took", "audio", "class", "where"]
    columns[:0] = ["began"] if width >= 100 else []
    for column in columns:
        is_number = column in ("took", "audio")
        table.add_column(column, justify="right" if is_number else "left", no_wrap=True, overflow="ellipsis")
    for one in told["requests"][:most]:
        began = [datetime.fromtimestamp(one["began_at"]).astimezone().strftime("%H:%M:%S")] if width >= 100 else []
        tone = {"done": "", "running": "cyan", "cancelled": "dim"}.get(one["outcome"], "red")
        table.add_row(
            *began,
            Text(_plain(one["id"]), style="dim"),
            Text(_plain(one["outcome"]).replace("_", " "), style=tone),
            words.seconds(one["wall_s"]),
            words.span(one["audio_s"]),
            one["class"],
            Text(_plain(_where(one))),
        )
    return table


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


def _plain(text: object) -> str:
    """Without what a terminal would obey."""
    return "".join(character if character.isprintable() else "?" for character in str(text))
