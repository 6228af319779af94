"""The cluster as a picture for a terminal. Pure: a document, a focus and the space there is in, something to print out.

Most important first: what does not fit is left out, whole parts from the bottom, and lines of a part are counted.
Colour never says what a word does not say as well. The invariant: from 10 lines on the picture is never higher than the
terminal, so the line that asks something is always on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from harken.cli import top_words as words
from harken.cli.top_charts import draw_charts, draw_errors, draw_live, draw_machine, draw_queue
from harken.cli.top_focus import Focus
from harken.cli.top_instances import draw_instances, in_order, lines_wanted
from harken.cli.top_lines import COLOURS, PlainCharacters, line, plain, wrapped
from harken.cli.top_requests import draw_requests

_TALL = 36
_LEAST = 2
"""Lines of instances, or of requests, below which showing them says nothing."""

Told = Mapping[str, Any]
_Block = tuple[int, list[RenderableType]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """The space that there is.

    Attributes:
        width: columns of the terminal.
        height: its lines.
        is_ascii: it shows nothing else.
    """

    width: int
    height: int
    is_ascii: bool = False


def picture(
    told: Told, frame: Frame, *, note: str = "", focus: Focus | None = None, running: str = ""
) -> RenderableType:
    """Draw a document.

    Args:
        told: as `top_document` took it.
        frame: where.
        note: about the picture itself, such as how old it is.
        focus: of whoever is at the keyboard; None where nobody is.
        running: the change that was asked for here and is not done yet.
    """
    head = _head(told, note, frame.width)
    foot = [] if focus is None else _foot(told, focus, running, frame.width)
    plan = _plan(told, frame, len(head) + len(foot), focus)
    body: list[RenderableType] = [
        *draw_instances(
            told["instances"],
            plan.instances,
            width=frame.width,
            chosen=focus.chosen if focus else "",
            is_choosing=focus is not None,
        ),
        *(part for _, parts in plan.blocks for part in parts),
    ]
    if plan.requests:
        body += [Text(""), draw_requests(told["requests"], plan.requests, width=frame.width)]
    drawn = Group(*head, *body, *foot)
    return PlainCharacters(drawn) if frame.is_ascii else drawn


def shown_names(told: Told, frame: Frame, focus: Focus) -> list[str]:
    """Names of instances in the order in which the picture has them."""
    fixed = len(_head(told, "", frame.width)) + len(_foot(told, focus, "", frame.width))
    lines = _plan(told, frame, fixed, focus).instances
    return [one["name"] for one in in_order(told["instances"], lines)]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    instances: int
    requests: int
    blocks: list[_Block]


def _plan(told: Told, frame: Frame, fixed: int, focus: Focus | None) -> _Plan:
    """Share the lines out: what must be there, the parts that fit, then what grows."""
    free = frame.height - fixed - 1 - _LEAST
    blocks = []
    for block in _blocks(told, frame):
        if block[0] <= free:
            blocks.append(block)
            free -= block[0]
    least_requests = min(_LEAST, len(told["requests"]))
    has_requests = free >= 2 + least_requests and bool(told["requests"])
    free = max(0, free - (2 + least_requests if has_requests else 0))
    more_requests = len(told["requests"]) - least_requests if has_requests else 0
    wanted = max(0, lines_wanted(told["instances"], focus.chosen if focus else "") - _LEAST)
    instances = min(wanted, max(free * 2 // 3, free - more_requests))
    return _Plan(
        instances=_LEAST + instances,
        requests=least_requests + min(more_requests, free - instances) if has_requests else 0,
        blocks=blocks,
    )


def _blocks(told: Told, frame: Frame) -> list[_Block]:
    """The parts of a fixed height, in the order of their weight, which is the picture's too."""
    is_tall = frame.height >= _TALL
    charts = draw_charts(told, cells=max(10, min(60, frame.width - 52)), is_tall=is_tall)
    blocks: list[_Block] = [
        (2, [Text(""), draw_queue(told, width=frame.width)]),
        (charts.row_count, [charts]),
        (1, [draw_machine(told)]),
    ]
    if told.get("live") is not None:
        blocks.insert(1, (1, [draw_live(told)]))
    if told["errors"]:
        blocks.append((1, [draw_errors(told)]))
    return blocks


def _head(told: Told, note: str, width: int) -> list[Text]:
    server, said = told["server"], words.headline(told)
    sentence = wrapped(said.sentence, width=width, most=2)
    sentence[0].stylize(COLOURS[said.tone], 0, len(said.word))
    about = (
        f"{plain(server['name'])} · {plain(server['model']) or 'no model yet'} · up {words.span(server['uptime_s'])}"
    )
    lines = [*sentence, line((about, "dim"))]
    if server["change"]:
        lines[-1].append(f" · being changed now: {plain(server['change'])}", style="cyan")
    return [*lines, *(wrapped(note, width=width, most=2, style="bold yellow") if note else [])]


def _foot(told: Told, focus: Focus, running: str, width: int) -> list[Text]:
    """The line that asks, that tells, or that names the keys."""
    asked = focus.asked
    if asked is not None and asked.kind == "scale":
        hint = focus.says or "Enter does it, Escape does not"
        return [line((f"{asked.title} to {focus.typed}_ ({asked.count:,} now)", "bold"), f"  {hint}")]
    if asked is not None:
        # What to press stands first: a narrow terminal cuts the end.
        question = line((plain(asked.title), "bold"), "  y does it, another key does not")
        return [question, *wrapped(asked.why, width=width, most=2, style="dim")]
    said = focus.says or running
    keys = "q leaves · arrows choose" + (" · s scale · d drain · r restart" if told["server"]["can_change"] else "")
    return [*(wrapped(said, width=width, most=2) if said else []), line((keys, "dim"))]
