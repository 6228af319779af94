"""`harken top`: the dashboard in a terminal, live.

Live it is `top_live`; here is what comes before, and one picture for a pipe. The invariant: the exit code of one
picture is 0 only when the server can transcribe now.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from rich.console import Console

from harken.cli.client import ServerRefused, ServerUnreachable, address_of, open_session
from harken.cli.harmless import printable_json, printable_text
from harken.cli.screen import Screen
from harken.cli.top_document import drawable
from harken.cli.top_feed import read_once
from harken.cli.top_live import LiveTop
from harken.cli.top_picture import Frame, picture

_PLAIN_WIDTH, _PLAIN_HEIGHT = 120, 60
_INTERRUPTED = 130
_HUNG_UP = 129


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """How it is shown.

    Attributes:
        once: one picture, also in a terminal.
        as_json: the document itself.
        interval_s: between two pictures.
    """

    once: bool = False
    as_json: bool = False
    interval_s: float = 1.0


def run(server: str, *, api_key: str = "", ca: Path | None = None, way: Way) -> int:
    """Show it, and return the exit code."""
    console = Screen() if sys.stdout.isatty() else Screen(width=_PLAIN_WIDTH)
    # A terminal that cannot go back to its corner (TERM=dumb) gets one picture, as a pipe does.
    is_live = not way.once and not way.as_json and sys.stdout.isatty() and not console.is_dumb_terminal
    try:
        return asyncio.run(_run(address_of(server), api_key, ca, console, way=way, is_live=is_live))
    except KeyboardInterrupt:
        return 0 if is_live else _INTERRUPTED
    except (ServerUnreachable, ServerRefused) as error:
        print(f"harken: {printable_text(_why(error))}", file=sys.stderr)
        return 1
    except OSError:
        if not is_live:
            raise
        return _HUNG_UP  # the terminal is gone, and nobody is there to be told


async def _run(server: str, api_key: str, ca: Path | None, console: Console, *, way: Way, is_live: bool) -> int:
    async with open_session(api_key, ca) as session:
        if is_live:
            return await LiveTop(session, server, console, interval_s=way.interval_s).run()
        return await _once(session, server, console, as_json=way.as_json)


async def _once(session: aiohttp.ClientSession, server: str, console: Console, *, as_json: bool) -> int:
    told = await read_once(session, server)
    if as_json:
        print(printable_json(told, indent=2) if is_unicode(console) else json.dumps(told, indent=2))
        return 0 if told.get("server", {}).get("is_ready") is True else 1
    drawable(told, server)
    # Of a pipe or a file there is room for all.
    height = console.height - 1 if sys.stdout.isatty() else _PLAIN_HEIGHT + 2 * len(told["instances"])
    frame = Frame(width=console.width, height=height, is_ascii=not is_unicode(console))
    console.print(picture(told, frame))
    return 0 if told["server"]["is_ready"] else 1


def is_unicode(console: Console) -> bool:
    """Whether it shows more than ASCII."""
    return console.encoding.lower().startswith("utf")


def _why(error: ServerUnreachable | ServerRefused) -> str:
    if isinstance(error, ServerRefused) and error.answered in (401, 403):
        return f"{error.message} Give it with --api-key, or in HARKEN_API_KEY."
    return error.message
