"""One client's connection: uvicorn's HTTP protocol with a bound on what comes before a body.

Owns the bounds on a request's head: bytes, lines, seconds. The parser joins the pieces of an unfinished header again
and again, so an endless one would hold the event loop for longer and longer, and every request with it. It knows no
route. The invariant: never more than `HEAD_BYTES` that are no body wait in the parser (plus one read), and a
connection on which nobody waits for an answer and nothing comes to its point is closed.

Idle connections between two requests are uvicorn's own matter (`timeout_keep_alive`).
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from harken.api.errors import answer
from harken.errors import HarkenError, HeadTooLarge
from harken.log import get_log
from harken.server.upgrade import fault_of
from harken.transcribe.request_id import new_request_id

HEAD_BYTES = 65_536
"""The largest head: request line and header lines. What follows a body (trailers) is bounded alike."""

HEAD_LINES = 100
"""The most header lines, trailers included."""

HEAD_TIMEOUT_S = 30.0
"""From the connection, or the first byte of a later request, to the end of the head."""

_PATH_BYTES = 200
"""Of a refused handshake's path, for the log."""

_LINGER_S = 2.0
"""How long the rest of a refused head is read and thrown away, so that the client can read why it was refused."""


_log = get_log("server.connection")


class Connection(HttpToolsProtocol):
    """A connection; made by uvicorn.

    Attributes:
        head_timeout_s: see `HEAD_TIMEOUT_S`.
    """

    head_timeout_s: ClassVar[float] = HEAD_TIMEOUT_S

    url = b""
    _is_in_head = True
    _is_refused = False
    _bytes = 0
    """Received since the last byte of a body, or since the last request's end."""
    _lines = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless it belongs to a head that was refused."""
        if self._is_refused:
            return
        self._bytes += len(data)
        super().data_received(data)
        if self._bytes > HEAD_BYTES and not self._is_refused:
            self._refuse()
        elif self._is_in_head and self._bytes and self._timer is None:
            self._wait_for_head()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._lines = 0
        # The end of another request may have come in the same piece; then how much of it is ours is not known.
        self._bytes = self._bytes or 1

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header or a trailer.

        Raises:
            HeadTooLarge: one too many; the parser stops, and `send_400_response` is called.
        """
        self._lines += 1
        if self._lines > HEAD_LINES:
            raise HeadTooLarge
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head has ended.

        Raises:
            HeadTooLarge: it came in one piece with much else, and only now its own size is known.
        """
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES:
            self._lines = HEAD_LINES + 1
            raise HeadTooLarge
        self._is_in_head = False
        self._bytes = 0
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body; bodies are bounded by whoever reads them."""
        self._bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request has ended; the next head may begin."""
        self._is_in_head = True
        self._bytes = 0
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand over to the WebSocket protocol, unless it would find no handshake that it can answer."""
        if self._is_answering:
            # It came right behind a request that is still at work; their answers would be mixed.
            self._is_refused = True
            self.transport.close()
            return
        fault = fault_of(self.parser.get_method(), self.url, self.headers)
        if fault is None:
            super().handle_websocket_upgrade()
        else:
            self._is_refused = True
            request_id = new_request_id()
            path = self.url.partition(b"?")[0][:_PATH_BYTES].decode("latin-1")
            _log.info("socket.refused", code=fault.code, request_id=request_id, path=path)
            self._answer_at_once(fault, request_id)

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser stopped at."""
        if self._lines > HEAD_LINES:
            self._refuse()
        else:
            self._stop_waiting()
            super().send_400_response(msg)

    def _refuse(self) -> None:
        self._is_refused = True
        self._stop_waiting()
        if self._is_answering or not self._is_in_head:
            # Another answer is on its way on this connection; ours would end up in its middle.
            self.transport.close()
            return
        self._answer_at_once(HeadTooLarge(f"The head of a request may have {HEAD_BYTES} bytes and {HEAD_LINES} lines."))

    def _answer_at_once(self, error: HarkenError, request_id: str = "") -> None:
        headers = {"Connection": "close", "X-Request-Id": request_id or new_request_id()}
        response = answer(error, self.url.decode("latin-1"), headers)
        lines = [name + b": " + value + b"\r\n" for name, value in response.raw_headers]
        self.transport.write(b"".join([STATUS_LINE[error.status], *lines, b"\r\n", bytes(response.body)]))
        self._timer = self.loop.call_later(_LINGER_S, self.transport.close)

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_for_head(self) -> None:
        self._timer = self.loop.call_later(self.head_timeout_s, self._give_up)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if self._is_answering:
            # Somebody began a second request while the first is at work; that one is not to suffer.
            self._wait_for_head()
        else:
            self.transport.close()
