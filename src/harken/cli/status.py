"""`harken status`: the gateway's own health answer, as a table."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any
from urllib.parse import urlsplit

from rich.markup import escape
from rich.table import Table

from harken.cli.client import Answer, ServerUnreachable, address_of, get_json, open_session
from harken.cli.harmless import printable_json, printable_text
from harken.cli.screen import Screen
from harken.ops.address import without_user

_HEALTH: dict[str, type | UnionType] = {"status": str, "instance": str, "model": str, "queued_audio_s": int | float}
_QUEUED_END_S = 1e12
_LINE: dict[str, type | UnionType] = {
    "name": str,
    "state": str,
    "in_flight": int,
    "slots": int,
    "restarts": int,
    "pid": int | None,
    "url": str,
    "detail": str,
}
"""What the table shows, and of which kinds it is."""

COLOURS = {"ready": "green", "healthy": "green", "degraded": "yellow", "starting": "yellow", "warming": "yellow"}


def run(server: str, *, api_key: str = "", ca: Path | None = None, as_json: bool) -> int:
    """Ask `server`, print, and return the exit code: 0 only when it can transcribe now."""
    try:
        answer = asyncio.run(_ask(server, api_key, ca))
    except ServerUnreachable as error:
        if as_json:
            print(printable_json({"status": "unreachable", "detail": error.message}))
        print(f"harken: {printable_text(error.message)}", file=sys.stderr)
        return 1
    health = answer.body
    if as_json:
        print(printable_json(health, indent=2))
    else:
        _print_table(urlsplit(without_user(address_of(server))).netloc, health)
    return 0 if answer.status == 200 else 1


async def _ask(server: str, api_key: str, ca: Path | None) -> Answer:
    url = f"{address_of(server)}/health"
    async with open_session(api_key, ca) as session:
        answer = await get_json(session, url)
    if not is_health(answer.body):
        # Many servers have a /health: what it says of another one is no word on transcriptions.
        raise ServerUnreachable(
            f"{without_user(url)} (HTTP {answer.status}) does not answer as Harken does. Is one there?"
        )
    return answer


def is_health(body: Mapping[str, Any]) -> bool:
    """Tell a Harken's health answer, with all that the table shows, from any other JSON object."""
    lines = body.get("instances")
    return (
        _fits(body, _HEALTH)
        and 0 <= body["queued_audio_s"] < _QUEUED_END_S
        and isinstance(lines, list)
        and all(isinstance(line, dict) and _fits(line, _LINE) for line in lines)
    )


def _fits(body: Mapping[str, Any], shape: Mapping[str, type | UnionType]) -> bool:
    return all(key in body and isinstance(body[key], kind) for key, kind in shape.items())


def _print_table(address: str, health: dict[str, Any]) -> None:
    console = Screen()
    model = escape(health["model"]) or "no model yet"
    console.print(f"[b]{escape(health['instance'])}[/] at {escape(address)}: {_coloured(health['status'])}, {model}")
    table = Table(box=None, header_style="dim")
    has_detail = any(one["detail"] for one in health["instances"])
    for column in ("instance", "state", "in flight", "slots", "restarts", "pid", "address", "detail"):
        is_number = column in ("in flight", "slots", "restarts", "pid")
        if column != "detail" or has_detail:
            table.add_column(
                column, justify="right" if is_number else "left", overflow="fold", no_wrap=column == "address"
            )
    for one in health["instances"]:
        cells = [
            escape(one["name"]),
            _coloured(one["state"]),
            str(one["in_flight"]),
            str(one["slots"]),
            str(one["restarts"]),
            str(one["pid"] or ""),
            escape(_place(one["url"])),
        ]
        table.add_row(*cells, *([escape(one["detail"])] if has_detail else []))
    console.print(table)
    waiting = health["queued_audio_s"]
    if waiting:
        console.print(f"{waiting:.0f} audio-seconds waiting")


def _place(url: str) -> str:
    """Host and port, as they are written: it need not be a URL that anybody can read."""
    return url.partition("://")[2].partition("/")[0] or url


def _coloured(state: str) -> str:
    return f"[{COLOURS.get(state, 'red')}]{escape(state)}[/]"
