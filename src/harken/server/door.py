"""The door of a server: counts the requests inside.

It stands before every route, so "accepted and not answered yet" is one number whatever the route. Who may come in is
decided further inside, where a refusal gets its proper shape; a server that leaves waits here until nobody is inside.
Looks at the server (health, state, metrics) are no work: they neither count nor keep it here. A body that is still
being sent is not accepted yet: once the server wants to leave, its sender has a few seconds to finish it. Requests and
the parts of their bodies go in by turns, so that however many come at once, a look never waits for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harken.errors import Draining
from harken.turns import Turns
from harken.wire import STATE_PATH

UPLOAD_GRACE_S = 10.0
"""How long an upload may go on after the server began to wait for the last to leave."""

_LOOKS = ("/health", "/cluster", "/metrics", STATE_PATH)


class Door:
    """An ASGI app around another.

    Args:
        app: what is behind it.
        upload_grace_s: see `UPLOAD_GRACE_S`.
    """

    def __init__(self, app: ASGIApp, *, upload_grace_s: float = UPLOAD_GRACE_S) -> None:
        self._app = app
        self._upload_grace_s = upload_grace_s
        self._turns = Turns()
        self._visits: set[_Visit] = set()
        self._guests: set[object] = set()
        self._leaving = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def inside(self) -> int:
        """Requests that are not answered yet, and people who speak."""
        return len(self._guests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and count it as long as it is inside."""
        if scope["type"] not in ("http", "websocket") or scope["path"].startswith(_LOOKS):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._let_speak(scope, receive, send)
            return
        visit = _Visit(receive, send, self._turns)
        self._visits.add(visit)
        with self._inside(visit):
            await self._turns.take()
            await self._app(scope, visit.receive, visit.send)

    async def _let_speak(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let somebody in who stays until he, or the server, has had enough; he is told when it wants to leave."""
        scope.setdefault("state", {})["leaving"] = self._leaving
        with self._inside(object()):
            await self._app(scope, receive, send)

    @contextlib.contextmanager
    def _inside(self, visit: object) -> Iterator[None]:
        self._guests.add(visit)
        self._empty.clear()
        try:
            yield
        finally:
            self._guests.discard(visit)
            if isinstance(visit, _Visit):
                self._visits.discard(visit)
            if not self._guests:
                self._empty.set()

    async def wait_empty(self, timeout_s: float) -> bool:
        """Wait until nobody is inside; False when `timeout_s` seconds were not enough.

        Who has not sent its whole body within `upload_grace_s` is sent away with `Draining`; people who speak are told
        at once.
        """
        self._leaving.set()
        closing = asyncio.get_running_loop().call_later(self._upload_grace_s, self._end_uploads)
        try:
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        except TimeoutError:
            return False
        finally:
            closing.cancel()
        return True

    def _end_uploads(self) -> None:
        for visit in self._visits:
            visit.end_upload()


class _Visit:
    """One request inside: it knows whether the body is whole, or the answer has begun."""

    def __init__(self, receive: Receive, send: Send, turns: Turns) -> None:
        self._receive = receive
        self._turns = turns
        self._send = send
        self._is_uploading = True
        self._is_late = False
        self._wait: asyncio.Timeout | None = None

    async def receive(self) -> Message:
        """Pass the next message on.

        Raises:
            Draining: once, in place of a part of the body that did not come in time.
        """
        if not self._is_uploading:
            return await self._receive()
        try:
            async with asyncio.timeout(0 if self._is_late else None) as self._wait:
                message = await self._receive()
                await self._turns.take()
        except TimeoutError:
            # Whoever reads on now reads only to throw away.
            self._is_uploading = False
            raise Draining("The server is shutting down; the upload did not end in time.", retry_after_s=5) from None
        finally:
            self._wait = None
        self._is_uploading = message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on."""
        self._is_uploading = False
        await self._send(message)

    def end_upload(self) -> None:
        """The time for sending the body is over, if it is still being sent."""
        self._is_late = True
        if self._is_uploading and self._wait is not None:
            self._wait.reschedule(asyncio.get_running_loop().time())
