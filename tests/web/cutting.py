"""A proxy between a browser and a server whose connections can be cut, as a network does that comes and goes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

_PIECE = 65_536


class Cutting:
    """Passes bytes on, both ways.

    Attributes:
        server: where to, its address; may be changed.
        is_shut: new connections are cut at once.
        is_deaf: new connections are taken, and all that comes over them is swallowed.
        passed: how many were passed on.
    """

    def __init__(self, server: str) -> None:
        self.server = server
        self.is_shut = False
        self.is_deaf = False
        self.passed = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._dead: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._take, name="cutting")]
        self._threads[0].start()

    @property
    def url(self) -> str:
        """Where it is reached, without a slash at the end."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> int:
        """End every connection that there is, without a word; returns how many there were."""
        with self._lock:
            ends, self._open = self._open, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        return len(ends) // 2

    def swallow(self) -> None:
        """Lose all that comes over the connections that there are, and tell neither end: as who has forgotten them."""
        with self._lock:
            self._dead |= set(self._open)

    def close(self) -> None:
        """Pass nothing on any more; returns when its threads have ended."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _take(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.is_shut:
                client.close()
                continue
            parts = urlsplit(self.server)
            server = socket.create_connection((parts.hostname or "", parts.port or 0))
            self.passed += 1
            with self._lock:
                self._open += [client, server]
                if self.is_deaf:
                    self._dead |= {client, server}
            for source, sink in ((client, server), (server, client)):
                thread = threading.Thread(target=self._pass_on, args=(source, sink), name="cutting-on")
                self._threads.append(thread)
                thread.start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE):
                if source not in self._dead:
                    sink.sendall(piece)
        for end in (source,) if source in self._dead else (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting(url: str) -> Iterator[Cutting]:
    """Stand before a server until the end of the block."""
    proxy = Cutting(url)
    try:
        yield proxy
    finally:
        proxy.close()
