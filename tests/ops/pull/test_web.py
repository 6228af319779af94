"""Certificates, as a pull meets them."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from harken.cli.client import trusting
from harken.ops.pull.events import Event
from harken.ops.pull.failures import PullFailed
from tests.ops.pull.hubs import model
from tests.ops.pull.pulling import contents, do_pull
from tests.server.certificates import issue


class Quiet(SimpleHTTPRequestHandler):
    """Python's own server of a folder, without its lines on standard error."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Say nothing."""


class Silent(ThreadingHTTPServer):
    """The same of connections that fail."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust us leaves."""


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A folder with a model behind https: its address, and its certificate."""
    folder = tmp_path / "served"
    folder.mkdir()
    for name, body in model().items():
        (folder / name).write_bytes(body)
    (folder / "index.json").write_text(json.dumps([*model()]))
    cert, key = issue(tmp_path, "own")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with Silent(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as httpd:
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"https://127.0.0.1:{httpd.server_address[1]}", cert
        finally:
            httpd.shutdown()
            thread.join(10)


@pytest.mark.slow
def test_a_certificate_that_is_not_trusted_is_not_tried_again(secure: tuple[str, Path], tmp_path: Path) -> None:
    """It says how it would be; with its issuer named it is."""
    url, cert = secure
    told: list[Event] = []
    with pytest.raises(PullFailed, match=r"certificate of 127\.0\.0\.1:\d+ is not trusted: .+ --ca FILE"):
        do_pull(tmp_path / "1", f"folder:{url}", told=told)
    assert told == []
    done = do_pull(tmp_path / "2", f"folder:{url}", trust=trusting(cert))
    assert contents(done.stored.folder) == model()
