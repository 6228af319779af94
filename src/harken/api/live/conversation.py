"""One client and one session, until one of them has had enough.

Four things go on at once: the client is listened to, what happens is noted, what was noted is sent, and the server's
wish to leave is heeded. The invariants: they end together, for one reason, which the client is told if it still reads;
and the session is kept for a client that may come back, and closed for one that will not.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from harken.api.live.closing import FINISHED, close_code
from harken.api.live.ear import Ear, Over
from harken.api.live.outbox import Members, Numbered, Outbox
from harken.api.live.service import Session
from harken.api.live.socket import Gone, Socket
from harken.api.live.tongue import Tongue
from harken.errors import Draining, HarkenError, SessionUnknown, SlowReader
from harken.live.events import Completed, Ended, Text

_RETRY_AFTER_S = 5
_LISTENERS_TURN_S = 1.0
_LAST_WORD_S = 1.0
_LAST_PACKET_S = 1.0
"""How long a packet that is on its way into the session may take; longer ones are held, and can be let go."""


class Keeps(Enum):
    """What becomes of the session."""

    NOTHING = "nothing"
    """Nobody comes back to it."""
    SESSION = "session"
    """The client may come back to it, or to what it was told last."""
    OTHERS = "others"
    """It is no longer ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Farewell:
    """Why a conversation ended.

    Attributes:
        error: the reason, where it is one.
        gone: with which code the client left; None where the server closes.
        keeps: what becomes of the session.
    """

    error: HarkenError | None = None
    gone: int | None = None
    keeps: Keeps = Keeps.NOTHING


class Conversation:
    """Runs once.

    Args:
        socket: accepted.
        session: nobody else's.
        tongue: the protocol, over the same session.
        ear: of the same session; closed at the end.
        after: number of the last event that the client knows.
        leaving: set when the server wants to leave.

    Attributes:
        first_text_at: when the first text was sent, on the monotonic clock; None before.
    """

    def __init__(
        self, socket: Socket, session: Session, tongue: Tongue, ear: Ear, *, after: int, leaving: asyncio.Event
    ) -> None:
        self.first_text_at: float | None = None
        self._socket = socket
        self._session = session
        self._tongue = tongue
        self._ear = ear
        self._after = after
        self._leaving = leaving
        self._outbox = Outbox()
        self._is_winding_up = False
        self._is_hearing = False
        self._is_over = asyncio.Event()
        self._farewell: asyncio.Future[Farewell] = asyncio.get_running_loop().create_future()

    async def run(self) -> Farewell:
        """Talk until the end, and close what is to be closed."""
        keeps, greeting = Keeps.NOTHING, self._tongue.greet()
        try:
            async with asyncio.TaskGroup() as group:
                parts = (self._listen(), self._note(), self._speak(greeting), self._heed())
                tasks = [group.create_task(part) for part in parts]
                farewell = await self._farewell
                self._ear.close()
                if self._is_hearing:
                    await asyncio.wait(tasks[:1], timeout=_LAST_PACKET_S)
                for task in tasks:
                    task.cancel()
            keeps = farewell.keeps
        finally:
            if keeps is Keeps.SESSION:
                self._session.leave()
            elif keeps is Keeps.NOTHING:
                self._session.close()
            self._is_over.set()
        if farewell.gone is None:
            if farewell.keeps is Keeps.OTHERS and farewell.error is not None:
                await self._say_last(farewell.error)
            reason = farewell.error.code if farewell.error else ""
            await self._socket.close(close_code(farewell.error), reason)
        return farewell

    async def give_way(self) -> None:
        """The client came back on another connection: return when the session is that one's alone."""
        self._lose()
        await self._is_over.wait()

    async def _listen(self) -> None:
        try:
            while not self._farewell.done():
                message = await self._socket.receive()
                if not self._is_winding_up:  # else it is read only so that the client's leaving is noticed
                    await self._hear(message)
        except Gone as gone:
            # Who closes properly is done with it; whose connection broke may come back.
            keeps = Keeps.NOTHING if gone.code == FINISHED else Keeps.SESSION
            self._end(Farewell(gone=gone.code, keeps=keeps))

    async def _hear(self, message: str | bytes) -> None:
        self._is_hearing = True
        try:
            for reply in await self._tongue.hear(message):
                self._answer(reply)
        except Over as over:
            await self._wind_up(over.error)
        finally:
            self._is_hearing = False

    async def _note(self) -> None:
        try:
            async for n, event in self._session.events(self._after):
                await self._outbox.hand_over(Numbered(n=n, event=event))
                if isinstance(event, Ended):
                    return
            self._lose()
        except HarkenError as error:
            # Told as the end, though it is only this connection's: what it asked for cannot be told.
            await self._outbox.hand_over(Numbered(n=self._after, event=Ended(error=error)))

    async def _speak(self, greeting: Sequence[Members]) -> None:
        try:
            for members in greeting:
                await self._send(self._tongue.stamped(members))
            while True:
                told = await self._outbox.take()
                if not isinstance(told, Numbered):
                    await self._send(self._tongue.stamped(told))
                elif isinstance(told.event, Ended):
                    await self._say_end(told.n, told.event)
                    return
                else:
                    await self._say(told)
        except Gone as gone:
            # Whoever listens learns how it left, unless the session holds him just now.
            await asyncio.sleep(_LISTENERS_TURN_S)
            self._end(Farewell(gone=gone.code, keeps=Keeps.SESSION))
        except TimeoutError:
            self._end(Farewell(error=SlowReader(), keeps=Keeps.SESSION))

    async def _heed(self) -> None:
        await self._leaving.wait()
        await self._wind_up(Draining("The server is shutting down; open a new session.", retry_after_s=_RETRY_AFTER_S))

    async def _say(self, told: Numbered) -> None:
        if self.first_text_at is None and isinstance(told.event, Text | Completed):
            self.first_text_at = time.monotonic()
        for members in self._tongue.tell(told.n, told.event):
            await self._send(members)

    async def _say_end(self, n: int, ended: Ended) -> None:
        if not self._is_winding_up:  # else it was said why
            for members in self._tongue.tell(n, ended):
                await self._send(members)
        # Over, or only for this connection: in both cases what did not arrive can be asked for again.
        self._end(Farewell(error=ended.error, keeps=Keeps.SESSION))

    async def _say_last(self, error: HarkenError) -> None:
        """Say why it ends, if the client still takes anything."""
        with contextlib.suppress(Gone, TimeoutError):
            async with asyncio.timeout(_LAST_WORD_S):
                await self._send(self._tongue.stamped(self._tongue.complain(error)))

    async def _send(self, members: Members) -> None:
        await self._socket.send(json.dumps(members, ensure_ascii=False))

    def _answer(self, members: Members) -> None:
        try:
            self._outbox.answer(members)
        except SlowReader as error:
            self._end(Farewell(error=error, keeps=Keeps.SESSION))

    async def _wind_up(self, error: HarkenError) -> None:
        """Say why, take nothing more, and let what was said be told to its end."""
        if not self._is_winding_up:
            self._is_winding_up = True
            self._answer(self._tongue.complain(error))
            await self._session.finish(error)

    def _lose(self) -> None:
        """The session is another connection's."""
        self._end(Farewell(error=SessionUnknown("The session was resumed on another connection."), keeps=Keeps.OTHERS))

    def _end(self, farewell: Farewell) -> None:
        if not self._farewell.done():
            self._farewell.set_result(farewell)
