"""`harken top`: the dashboard in a terminal, live.

It reads `/cluster/events` and draws; nothing is decided here and nothing changed. The invariants: a picture that is old
says so; and the exit code of one picture is 0 only when the server can transcribe now.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from harken.cli.client import ServerRefused, ServerUnreachable, address_of, open_session
from harken.cli.top_feed import follow, read_once
from harken.cli.top_keys import single_keys
from harken.cli.top_picture import picture
from harken.cli.top_words import span
from harken.errors import HarkenError
from harken.ops.address import without_user

_OLD_S = 3.5
_REDRAW_S = 0.5
_PLAIN_WIDTH, _PLAIN_HEIGHT = 120, 60


def run(server: str, *, api_key: str = "", ca: Path | None = None, once: bool, as_json: bool) -> int:
    """Show it, and return the exit code."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH)
    is_live = not once and not as_json and console.is_terminal
    try:
        return asyncio.run(_run(address_of(server), api_key, ca, console, is_live=is_live, as_json=as_json))
    except KeyboardInterrupt:
        return 0 if is_live else 130
    except (ServerUnreachable, ServerRefused) as error:
        print(f"harken: {_why(error)}", file=sys.stderr)
        return 1


async def _run(server: str, api_key: str, ca: Path | None, console: Console, *, is_live: bool, as_json: bool) -> int:
    async with open_session(api_key, ca) as session:
        if is_live:
            top = _Top(server, console)
            await top.run(session)
            return 0
        told = await read_once(session, server)
    if as_json:
        print(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        # Of a pipe or a file there is room for all.
        height = console.height if console.is_terminal else _PLAIN_HEIGHT + 2 * len(told["instances"])
        console.print(picture(told, width=console.width, height=height, is_ascii=_is_ascii(console)))
    return 0 if told["server"]["is_ready"] else 1


class _Top:
    """What is on the screen."""

    def __init__(self, server: str, console: Console) -> None:
        self._server = server
        self._console = console
        self._told: dict[str, Any] | None = None
        self._heard_at = time.monotonic()
        self._loss = ""
        self._quit = asyncio.Event()

    async def run(self, session: Any) -> None:
        """Draw until somebody leaves.

        Raises:
            ServerRefused: a key is needed.
        """
        following = asyncio.create_task(follow(session, self._server, on_news=self._take, on_loss=self._lose))
        try:
            with (
                single_keys(self._press),
                Live(console=self._console, screen=True, auto_refresh=False, vertical_overflow="crop") as live,
            ):
                while not self._quit.is_set() and not following.done():
                    live.update(self._picture(), refresh=True)
                    await self._wait(following)
        finally:
            following.cancel()
            outcome = (await asyncio.gather(following, return_exceptions=True))[0]
        if isinstance(outcome, HarkenError):
            raise outcome

    async def _wait(self, following: asyncio.Task[None]) -> None:
        quitting = asyncio.create_task(self._quit.wait())
        await asyncio.wait((quitting, following), timeout=_REDRAW_S, return_when=asyncio.FIRST_COMPLETED)
        quitting.cancel()

    def _take(self, told: dict[str, Any]) -> None:
        self._told, self._heard_at, self._loss = told, time.monotonic(), ""

    def _lose(self, why: str) -> None:
        self._loss = why

    def _press(self, key: str) -> None:
        if key in ("q", "Q", "\x1b"):
            self._quit.set()

    def _picture(self) -> Any:
        age_s = time.monotonic() - self._heard_at
        if self._told is None:
            shown = f"No connection to {without_user(self._server)} yet. {self._loss}".strip()
            return Text(f"{shown}\nq leaves", style="dim")
        note = f"No news for {span(float(int(age_s)))}. {self._loss}".strip() if age_s > _OLD_S else ""
        return picture(
            self._told,
            width=self._console.width,
            height=self._console.height,
            is_ascii=_is_ascii(self._console),
            note=note,
        )


def _is_ascii(console: Console) -> bool:
    return not console.encoding.lower().startswith("utf")


def _why(error: ServerUnreachable | ServerRefused) -> str:
    if isinstance(error, ServerRefused) and error.answered in (401, 403):
        return f"{error.message} Give it with --api-key, or in HARKEN_API_KEY."
    return error.message
