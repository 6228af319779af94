"""A client of `/v1/listen`: sound in, what is told out, over as many connections as it takes.

Owns the session: it is opened, and when its connection breaks, the client comes back to it and sends what has not
arrived. A session that is gone (its server with it) is opened anew from the end of the last turn that has its text. It
knows neither where sound comes from nor what is done with the text. The invariants: sound is sent in order; every turn
that was told as completed is told once; and `talk` ends with everything told, or with an error.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final

import aiohttp

from harken.cli.client import ServerRefused
from harken.cli.live_door import Back, LiveDoor, Opened
from harken.cli.live_orders import Orders
from harken.cli.live_ring import Ring
from harken.cli.live_told import Told, read_told
from harken.cli.live_wish import LiveWish
from harken.clock import Clock, SystemClock

KEPT_S: Final = 60.0
"""Sound that is kept for a server that has not got it: a server keeps a session as long."""

PATIENCE_S: Final = 60.0
"""How long a client tries to come back."""

_ROUNDED_S: Final = 0.002
"""By how much the told end of a turn may be beside the truth."""

_MESSAGE_S: Final = 1.0

_COMES_BACK = frozenset({"slow_reader"})
_BEGINS_ANEW = frozenset({"draining", "session_expired", "session_unknown"})
_FINISHED, _RESTARTING, _REFUSED, _BROKEN, _FULL = 1000, 1012, 1008, 1011, 1013


class _Next(Enum):
    """What follows the end of a connection."""

    NOTHING = "everything was told"
    BACK = "come back to the session"
    ANEW = "open another"


class LiveClient:
    """One session; `talk` is called once, everything else meanwhile.

    Args:
        http: carries the key.
        wish: what is wanted, and where.
        tell: takes what is told, as it comes.
        warn: takes a sentence for people: the connection broke, sound was lost.
        keeps_s: sound that is kept behind what was sent; None for all of it.
        heartbeat_s: how often the connection is tried where nothing comes; None for never. A server that is far behind
            does not read, and so does not answer.
        clock: for its patience.
        patience_s: see `PATIENCE_S`.

    Attributes:
        reconnects: how often it came back, or had to begin anew.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        wish: LiveWish,
        *,
        tell: Callable[[Told], None],
        warn: Callable[[str], None],
        keeps_s: float | None = KEPT_S,
        heartbeat_s: float | None = None,
        clock: Clock | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.reconnects = 0
        self._wish = wish
        self._tell = tell
        self._warn = warn
        self._patience_s = patience_s
        self._door = LiveDoor(http, wish, heartbeat_s=heartbeat_s, clock=clock or SystemClock())
        self._ring = Ring(None if keeps_s is None else wish.bytes_in(keeps_s))
        self._orders = Orders()
        self._news, self._room, self._stopping = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._session = ""
        self._n = 0
        self._base = 0  # where the sound of this session begins
        self._turns_before = 0
        self._ended_to = 0  # up to here all turns have their end
        self._ended_turns = 0
        self._turn_ends: dict[int, int] = {}
        self._error: Told | None = None

    # --- for who has sound --------------------------------------------------------------------------------------------

    async def talk(self, feed: Callable[[], Awaitable[None]]) -> None:
        """Open a session, let sound be fed, finish, and return when everything was told.

        Args:
            feed: calls `send` and `commit`; begins when the session is there.

        Raises:
            HarkenError: the session cannot be had, or was ended by the server.
        """
        try:
            opened = await self._door.enter()
            async with asyncio.TaskGroup() as group:
                feeding = group.create_task(self._feed(feed))
                await self._serve(opened)
                feeding.cancel()
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def send(self, data: bytes) -> None:
        """Send PCM16, whole samples; waits while there is more that was not sent than a minute."""
        most = self._wish.bytes_in(KEPT_S)
        while self._ring.waiting > most:
            self._room.clear()
            await self._room.wait()
        self._ring.put(data)
        self._news.set()

    def commit(self) -> None:
        """Make a turn of what was sent since the last one."""
        self._orders.add(self._ring.end, "commit")
        self._news.set()

    def stop(self) -> None:
        """Feed no more: finish with what there is."""
        self._stopping.set()

    async def _feed(self, feed: Callable[[], Awaitable[None]]) -> None:
        feeding, stopping = asyncio.ensure_future(feed()), asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((feeding, stopping), return_when=asyncio.FIRST_COMPLETED)
            if feeding.done():
                feeding.result()
        finally:
            for task in (feeding, stopping):
                task.cancel()
            await asyncio.wait((feeding, stopping))
        self._orders.add(self._ring.end, "finish")
        self._news.set()

    # --- connections --------------------------------------------------------------------------------------------------

    async def _serve(self, opened: Opened) -> None:
        then = await self._converse(opened)
        while then is not _Next.NOTHING:
            self.reconnects += 1
            self._warn("The connection broke; trying to come back.")
            back = Back(session=self._session, after=self._n) if then is _Next.BACK else None
            then = await self._converse(await self._door.come_back(back, self._patience_s))

    def _begin(self, opened: Opened) -> None:
        """Begin where the server is."""
        if not opened.is_back:
            if self._session:
                self._tell(Told(kind="restarted", turn=self._ended_turns))
            self._n, self._base = 0, self._ended_to
            self._turns_before, self._turn_ends = self._ended_turns, {}
        self._session = opened.greeting.session
        lost = self._ring.rewind(self._base + self._wish.bytes_in(opened.greeting.received_s))
        if lost:
            self._base += lost
            self._warn(f"{self._wish.seconds_of(lost):.1f} s of sound were lost: more than is kept for a break.")
        heard_to = max(self._turn_ends.values(), default=-1)
        self._orders.rewind(self._ring.at, heard_to=heard_to + self._wish.bytes_in(_ROUNDED_S))
        self._error = None
        self._tell(opened.greeting)

    async def _converse(self, opened: Opened) -> _Next:
        """Send and hear until the connection ends, and say what follows.

        Raises:
            ServerRefused: the server has ended the session.
            NotHarken: it speaks otherwise.
        """
        self._begin(opened)
        socket = opened.socket
        pumping = asyncio.ensure_future(self._pump(socket))
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._hear(read_told(message.data))
        finally:
            pumping.cancel()
            await asyncio.wait((pumping,))
            await socket.close()
        code, error = socket.close_code, self._error
        if code == _FINISHED and self._orders.is_finished:
            return _Next.NOTHING
        if (error is not None and error.code in _BEGINS_ANEW) or code == _RESTARTING:
            return _Next.ANEW
        if code in (_REFUSED, _BROKEN, _FULL) and (error is None or error.code not in _COMES_BACK):
            told = error or Told(kind="error", code="session_closed", message="The server has closed the session.")
            raise ServerRefused(told.code, told.message, 0)
        return _Next.BACK

    async def _pump(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            while True:
                order_at = self._orders.next_at
                most = self._wish.bytes_in(_MESSAGE_S)
                data = self._ring.take(most if order_at is None else min(most, order_at - self._ring.at))
                if data:
                    self._room.set()
                    await socket.send_bytes(data)
                elif order_at is not None:
                    await socket.send_str(json.dumps({"type": self._orders.take()}))
                else:
                    self._news.clear()
                    await self._news.wait()
        except (aiohttp.ClientError, OSError):
            return  # whoever hears learns how it ended

    # --- what is told -------------------------------------------------------------------------------------------------

    def _hear(self, told: Told) -> None:
        self._n = max(self._n, told.n)
        if told.kind == "error":
            if told.code == "empty_audio" and self._orders.may_repeat:
                return  # a commit that had arrived before the connection broke
            self._error = told
        if told.kind == "committed" and not math.isnan(told.end_s):
            self._turn_ends[told.turn] = self._base + self._wish.bytes_in(told.end_s)
        if told.kind in ("completed", "failed"):
            self._ended_turns = self._turns_before + told.turn
            self._ended_to = max(self._ended_to, self._turn_ends.get(told.turn, 0))
        self._tell(self._placed(told))

    def _placed(self, told: Told) -> Told:
        """Count turns and times from the first session's beginning."""
        later_s = self._wish.seconds_of(self._base)
        if not later_s and not self._turns_before:
            return told
        times = {name: getattr(told, name) + later_s for name in ("at_s", "start_s", "end_s")}
        return dataclasses.replace(told, turn=told.turn and told.turn + self._turns_before, **times)
