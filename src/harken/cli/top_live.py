"""The live picture: what came last, what somebody chose, and a loop that draws both. It decides nothing.

The invariant: it ends by a key, a signal or a refusal, and what it began (the stream, a change) ends with it here; a
change that the server has begun goes on there, and that is said.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from harken.cli.top_change import carry_out
from harken.cli.top_feed import Feed
from harken.cli.top_focus import Fleet, Focus, press, still
from harken.cli.top_lines import PlainCharacters, wrapped
from harken.cli.top_picture import Frame, picture, shown_names
from harken.cli.top_terminal import Terminal
from harken.cli.top_wish import Wish
from harken.cli.top_words import span
from harken.errors import HarkenError
from harken.ops.address import without_user

_OLD_S = 3.5
_SIGNALLED = 128


class LiveTop:
    """What is on the screen.

    Args:
        session: carries the key.
        server: its address.
        console: the terminal.
        interval_s: between two documents.
    """

    def __init__(self, session: aiohttp.ClientSession, server: str, console: Console, *, interval_s: float) -> None:
        self._session = session
        self._server = server
        self._console = console
        self._interval_s = interval_s
        self._told: Mapping[str, Any] | None = None
        self._heard_at = time.monotonic()
        self._loss = ""
        self._focus = Focus()
        self._names: list[str] = []
        self._change: asyncio.Task[None] | None = None
        self._running: Wish | None = None
        self._code: int | None = None
        self._news = asyncio.Event()

    async def run(self) -> int:
        """Draw until somebody leaves, and return the exit code.

        Raises:
            ServerRefused: a key is needed.
            NotHarken: who answers at the first contact is none.
        """
        feed = Feed(self._session, self._server, interval_s=self._interval_s, on_news=self._take, on_loss=self._lose)
        following = asyncio.create_task(feed.follow())
        following.add_done_callback(lambda _: self._news.set())
        live = Live(console=self._console, screen=True, auto_refresh=False, vertical_overflow="crop")
        try:
            with Terminal(live, on_key=self._press, on_change=self._news.set, on_end=self._end):
                while self._code is None and not following.done():
                    live.update(self._picture(), refresh=True)
                    await self._wait()
        finally:
            ending = [following, *([self._change] if self._change else [])]
            for task in ending:
                task.cancel()
            outcome = (await asyncio.gather(*ending, return_exceptions=True))[0]
        if isinstance(outcome, HarkenError):
            raise outcome
        if self._running:
            print(f"{self._running.running} The server goes on with it.", file=sys.stderr)
        return self._code or 0

    async def _wait(self) -> None:
        """Until there is something new, or the age of what there is has to be told."""
        try:
            async with asyncio.timeout(1.0):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()

    def _take(self, told: Mapping[str, Any]) -> None:
        self._told, self._heard_at, self._loss = told, time.monotonic(), ""
        names = shown_names(told, self._frame(), self._focus)
        self._focus, self._names = still(self._focus, names, self._names), names
        self._news.set()

    def _lose(self, why: str) -> None:
        self._loss = why
        self._news.set()

    def _end(self, number: int) -> None:
        self._code = _SIGNALLED + number
        self._news.set()

    def _press(self, key: str) -> None:
        told = self._told
        step = press(self._focus, key, self._fleet(told))
        self._focus = step.focus
        if step.is_over:
            self._code = 0
        if step.wish is not None and self._running is None:
            self._running = step.wish
            self._change = asyncio.create_task(self._carry_out(step.wish))
        self._news.set()

    def _fleet(self, told: Mapping[str, Any] | None) -> Fleet:
        if told is None:
            return Fleet()
        # Only what was begun here: the document is a second old, and the server refuses what comes beside another's.
        running = self._running.running if self._running else ""
        return Fleet(names=self._names, can_change=told["server"]["can_change"], running=running)

    async def _carry_out(self, wish: Wish) -> None:
        said = await carry_out(self._session, self._server, wish)
        self._focus = replace(self._focus, says=said)
        self._running = None
        self._news.set()

    def _frame(self) -> Frame:
        size = self._console.size
        is_ascii = not self._console.encoding.lower().startswith("utf")
        return Frame(width=size.width, height=size.height, is_ascii=is_ascii)

    def _picture(self) -> RenderableType:
        frame, age_s = self._frame(), time.monotonic() - self._heard_at
        if self._told is None:
            shown = f"No connection to {without_user(self._server)} yet. {self._loss}"
            waiting = Group(*wrapped(shown, width=frame.width, most=4, style="dim"), Text("q leaves", style="dim"))
            return PlainCharacters(waiting) if frame.is_ascii else waiting
        is_old = age_s > max(_OLD_S, 2.5 * self._interval_s)
        note = f"No news for {span(float(int(age_s)))}. {self._loss}".strip() if is_old else ""
        running = self._running.running if self._running else ""
        return picture(self._told, frame, note=note, focus=self._focus, running=running)
