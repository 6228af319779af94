"""One client and one session, until one of them has had enough.

Four things go on at once: the client is listened to, what happens is noted, what was noted is sent, and the server's
wish to leave is heeded. The invariants: they end together, for one reason, which the client is told if it still reads;
and the session is kept for a client that may come back, and closed for one that will not.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass

from harken.api.live.closing import FINISHED, close_code
from harken.api.live.ear import Over
from harken.api.live.outbox import Numbered, Outbox, Told
from harken.api.live.service import Session
from harken.api.live.socket import Gone, Socket
from harken.api.live.tongue import Tongue
from harken.errors import Draining, HarkenError, SlowReader
from harken.live.events import Completed, Ended, Text

_RETRY_AFTER_S = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Farewell:
    """Why a conversation ended.

    Attributes:
        error: the reason, where it is one.
        gone: with which code the client left; None where the server closes.
        is_kept: the client may come back to the session.
    """

    error: HarkenError | None = None
    gone: int | None = None
    is_kept: bool = False


class Conversation:
    """Runs once.

    Args:
        socket: accepted.
        session: nobody else's.
        tongue: the protocol, over the same session.
        after: number of the last event that the client knows.
        leaving: set when the server wants to leave.

    Attributes:
        first_text_at: when the first text was sent, on the monotonic clock; None before.
    """

    def __init__(self, socket: Socket, session: Session, tongue: Tongue, *, after: int, leaving: asyncio.Event) -> None:
        self.first_text_at: float | None = None
        self._socket = socket
        self._session = session
        self._tongue = tongue
        self._after = after
        self._leaving = leaving
        self._outbox = Outbox()
        self._why: HarkenError | None = None
        self._is_winding_up = False
        self._farewell: asyncio.Future[Farewell] = asyncio.get_running_loop().create_future()

    async def run(self) -> Farewell:
        """Talk until the end, and close what is to be closed."""
        is_kept = False
        try:
            async with asyncio.TaskGroup() as group:
                parts = (self._listen, self._note, self._speak, self._heed)
                tasks = [group.create_task(part()) for part in parts]
                farewell = await self._farewell
                for task in tasks:
                    task.cancel()
            if farewell.gone is None:
                reason = farewell.error.code if farewell.error else ""
                await self._socket.close(close_code(farewell.error), reason)
            is_kept = farewell.is_kept
        finally:
            if is_kept:
                self._session.leave()
            else:
                await self._session.close()
        return farewell

    async def _listen(self) -> None:
        try:
            while True:
                message = await self._socket.receive()
                if self._is_winding_up:
                    continue  # read, so that the client's leaving is noticed
                try:
                    replies = await self._tongue.hear(message)
                except Over as over:
                    self._wind_up(over.error)
                    continue
                for reply in replies:
                    self._put(reply)
        except Gone as gone:
            # Who closes properly is done with it; whose connection broke may come back.
            self._end(Farewell(gone=gone.code, is_kept=gone.code != FINISHED))

    async def _note(self) -> None:
        async for n, event in self._session.events(self._after):
            self._put(Numbered(n=n, event=event))

    async def _speak(self) -> None:
        try:
            for members in self._tongue.greet():
                await self._send(members)
            while True:
                told = await self._outbox.take()
                await self._say(told)
                if isinstance(told, Numbered) and isinstance(told.event, Ended):
                    self._end(Farewell(error=told.event.error or self._why))
                    return
        except Gone as gone:
            self._end(Farewell(gone=gone.code, is_kept=True))
        except TimeoutError:
            self._end(Farewell(error=SlowReader(), is_kept=True))

    async def _heed(self) -> None:
        await self._leaving.wait()
        self._wind_up(Draining("The server is shutting down; open a new session.", retry_after_s=_RETRY_AFTER_S))

    async def _say(self, told: Told) -> None:
        if not isinstance(told, Numbered):
            await self._send(told)
            return
        if self.first_text_at is None and isinstance(told.event, Text | Completed):
            self.first_text_at = time.monotonic()
        for members in self._tongue.tell(told.n, told.event):
            await self._send(members)

    async def _send(self, members: object) -> None:
        await self._socket.send(json.dumps(members, ensure_ascii=False))

    def _put(self, told: Told) -> None:
        try:
            self._outbox.put(told)
        except SlowReader as error:
            self._end(Farewell(error=error, is_kept=True))

    def _wind_up(self, error: HarkenError) -> None:
        """Say why, take nothing more, and let what was said be told to its end."""
        if self._is_winding_up:
            return
        self._is_winding_up, self._why = True, error
        self._put(self._tongue.complain(error))
        self._session.finish()

    def _end(self, farewell: Farewell) -> None:
        if not self._farewell.done():
            self._farewell.set_result(farewell)
