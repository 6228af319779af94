"""The hub, as a local server that answers as it is told."""

from __future__ import annotations

import base64
import http.server
import socket
import threading
import time
from collections.abc import Iterator
from typing import ClassVar

import pytest

from harken.ops.doctor.hub import ANSWER_TIMEOUT_S, look_at_hub


class _Hub(http.server.BaseHTTPRequestHandler):
    """Answers a HEAD by the model's name: "owner/404" is answered with 404."""

    seen: ClassVar[list[tuple[str, str]]] = []

    def do_HEAD(self) -> None:
        name = self.path.rsplit("/", 1)[1]
        self.seen.append((self.path, self.headers.get("Authorization", "")))
        self.send_response(int(name))
        if name == "302":
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    """The address of a hub."""
    _Hub.seen.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_each_name_is_asked_for_once(endpoint: str) -> None:
    """With the token, and the answer is its status; a redirect is one, and is not followed."""
    found = look_at_hub(["o/200", "o/404", "o/302"], {"HF_ENDPOINT": f"{endpoint}/", "HF_TOKEN": "secret"})
    assert (found.endpoint, dict(found.statuses)) == (endpoint, {"o/200": 200, "o/404": 404, "o/302": 302})
    assert [path for path, _ in _Hub.seen] == ["/api/models/o/200", "/api/models/o/404", "/api/models/o/302"]
    assert {token for _, token in _Hub.seen} == {"Bearer secret"}
    assert "secret" not in repr(found)


def test_a_mirrors_password_opens_it_and_is_not_shown(endpoint: str) -> None:
    """Also where the mirror says no, or its address cannot be read."""
    written = endpoint.replace("//", "//me:pass%2Fword@")
    found = look_at_hub(["o/200"], {"HF_ENDPOINT": written})
    assert (found.endpoint, dict(found.statuses)) == (endpoint, {"o/200": 200})
    assert [sent for _, sent in _Hub.seen] == [f"Basic {base64.b64encode(b'me:pass/word').decode()}"]
    for wrong in ("ftp://me:hush@h", "http://me:hush/x@h", "http://me:hush@[x", "http://me:hush@127.0.0.1:1"):
        for offline in ({}, {"HF_HUB_OFFLINE": "1"}):
            shown = repr(look_at_hub(["o/n"], {"HF_ENDPOINT": wrong, **offline}))
            assert "hush" not in shown, shown


@pytest.mark.slow
def test_a_hub_that_never_answers_is_given_up() -> None:
    """It accepts, and is silent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        found = look_at_hub(["o/n"], {"HF_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}"})
        assert time.monotonic() - start < ANSWER_TIMEOUT_S + 5
    assert found.statuses == {"o/n": 0}
    assert "timed out" in found.problem


def test_a_hub_that_is_not_there_is_told() -> None:
    """In the system's words."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "refused" in look_at_hub(["o/n"], {"HF_ENDPOINT": f"http://127.0.0.1:{port}"}).problem


@pytest.mark.parametrize("endpoint", ["file:///etc/passwd", "huggingface.co", "http://", "http://[::1", "http://a b"])
def test_an_endpoint_that_is_none_is_told(endpoint: str) -> None:
    """It is no reason to fail."""
    found = look_at_hub(["o/n"], {"HF_ENDPOINT": endpoint})
    assert found.statuses == {"o/n": 0} and found.problem


def test_offline_asks_nobody() -> None:
    """By the variable of the hub's own client."""
    assert look_at_hub(["o/n"], {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:1"}).is_offline
