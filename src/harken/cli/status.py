"""`harken status`: the gateway's own health answer, as a table."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harken.cli.client import Answer, ServerUnreachable, address_of, get_json, open_session

COLOURS = {"ready": "green", "healthy": "green", "degraded": "yellow", "starting": "yellow", "warming": "yellow"}


def run(server: str, *, api_key: str = "", as_json: bool) -> int:
    """Ask `server`, print, and return the exit code: 0 only when it can transcribe now."""
    try:
        answer = asyncio.run(_ask(server, api_key))
    except ServerUnreachable as error:
        if as_json:
            print(json.dumps({"status": "unreachable", "detail": error.message}))
        print(f"harken: {error.message}", file=sys.stderr)
        return 1
    health = answer.body
    if as_json:
        print(json.dumps(health, indent=2, ensure_ascii=False))
    else:
        _print_table(urlsplit(server).netloc or server, health)
    return 0 if answer.status == 200 else 1


async def _ask(server: str, api_key: str) -> Answer:
    async with open_session(api_key) as session:
        return await get_json(session, f"{address_of(server)}/health")


def _print_table(address: str, health: dict[str, Any]) -> None:
    console = Console()
    state = str(health.get("status", "unknown"))
    model = health.get("model") or "no model yet"
    console.print(f"[b]{health.get('instance', '')}[/] at {address}: [{COLOURS.get(state, 'red')}]{state}[/], {model}")
    table = Table(box=None, header_style="dim")
    has_detail = any(one["detail"] for one in health.get("instances", []))
    for column in ("instance", "state", "in flight", "slots", "restarts", "pid", "address", "detail"):
        is_number = column in ("in flight", "slots", "restarts", "pid")
        if column != "detail" or has_detail:
            table.add_column(
                column, justify="right" if is_number else "left", overflow="fold", no_wrap=column == "address"
            )
    for one in health.get("instances", []):
        cells = [
            one["name"],
            f"[{COLOURS.get(one['state'], 'red')}]{one['state']}[/]",
            str(one["in_flight"]),
            str(one["slots"]),
            str(one["restarts"]),
            str(one["pid"] or ""),
            urlsplit(one["url"]).netloc or one["url"],
        ]
        table.add_row(*cells, *([escape(one["detail"])] if has_detail else []))
    console.print(table)
    waiting = health.get("queued_audio_s", 0)
    if waiting:
        console.print(f"{waiting:.0f} audio-seconds waiting")
