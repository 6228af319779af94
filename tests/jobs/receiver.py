"""A webhook's receiver: a real HTTP server in a thread, which remembers what came."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What came, and how it is answered.

    Attributes:
        url: where it listens.
        statuses: of the next answers, in order; 200 when they are used up.
        calls: headers (names in lower case) and body of every call.
    """

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    calls: list[tuple[dict[str, str], str]] = field(default_factory=list)
    has_called: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, calls: int, timeout_s: float = 30.0) -> None:
        """Wait until so many calls came."""
        with self.has_called:
            assert self.has_called.wait_for(lambda: len(self.calls) >= calls, timeout_s), f"{len(self.calls)} calls"


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status = receiver.statuses.pop(0) if receiver.statuses else 200
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            with receiver.has_called:
                receiver.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
                receiver.has_called.notify_all()

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
