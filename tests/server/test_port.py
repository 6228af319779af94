"""Taking a port, and what is said when it is taken."""

from __future__ import annotations

import contextlib
import http.server
import os
import socket
import sys
import threading
from collections.abc import Iterator

import pytest

from harken.errors import ConfigError
from harken.server.port import listen, url_of


@contextlib.contextmanager
def holder(body: bytes) -> Iterator[int]:
    """A server that answers everything with `body`; yields its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_port_zero_becomes_a_real_port() -> None:
    """The number can be announced before anything else is started."""
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert port > 0
        assert url_of(listener, "127.0.0.1") == f"http://127.0.0.1:{port}"
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::1"])
def test_the_url_can_be_reached_from_this_machine(host: str) -> None:
    """A wildcard is no address to connect to, and IPv6 needs brackets."""
    try:
        listener = listen(host, 0)
    except ConfigError:
        pytest.skip("no IPv6 here")
    with listener:
        url = url_of(listener, host)
        port = listener.getsockname()[1]
        assert url == (f"http://127.0.0.1:{port}" if host == "0.0.0.0" else f"http://[::1]:{port}")


def test_a_taken_port_names_the_harken_server_that_holds_it() -> None:
    """Who forgot a running gateway reads its name."""
    body = b'{"status": "starting", "instance": "gateway"}'
    with holder(body) as port, pytest.raises(ConfigError, match="in use by a Harken server named 'gateway'"):
        listen("127.0.0.1", port)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_taken_port_names_the_process_that_holds_it() -> None:
    """Where /health says nothing of ours, the process table does."""
    with holder(b"hello") as port, pytest.raises(ConfigError, match=rf"in use by .* \(pid {os.getpid()}\)"):
        listen("127.0.0.1", port)


@pytest.mark.slow
def test_a_holder_that_never_answers_does_not_delay_the_message() -> None:
    """A listener that accepts nothing is asked only for a moment."""
    with listen("127.0.0.1", 0) as first, pytest.raises(ConfigError, match="in use"):
        listen("127.0.0.1", first.getsockname()[1])


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid"])
def test_a_host_that_is_not_ours_is_a_configuration_error(host: str) -> None:
    """The message names the host."""
    with pytest.raises(ConfigError, match=host):
        listen(host, 0)


def test_a_port_is_free_again_at_once() -> None:
    """A restart need not wait for old connections to be forgotten."""
    first = listen("127.0.0.1", 0)
    port = first.getsockname()[1]
    client = socket.create_connection(("127.0.0.1", port), timeout=5)
    accepted, _ = first.accept()
    accepted.close()  # this side closes first and keeps the connection in TIME_WAIT
    client.close()
    first.close()
    listen("127.0.0.1", port).close()
