"""`harken status` at servers that answer anything."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.api.health import STARTING, describe
from harken.cli.status import is_health, run
from harken.errors import ConfigError
from harken.types import Health, InstanceHealth

ONE = InstanceHealth(name="asr-[1]", url="http://[::1", state="[/odd]", detail="[b")
NOW = datetime(2025, 1, 1, tzinfo=UTC)


@contextmanager
def answering(body: bytes, status: int = 200) -> Iterator[str]:
    """A server whose every answer is this; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def health(**changes: Any) -> bytes:
    """A Harken's answer, changed."""
    shown = describe(Health(name="[gate]", is_ready=True, state="ready", model="[m]", instances=(ONE,)), NOW)
    return json.dumps({**shown, **changes}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b'{"status": "ok"}',
        b"{}",
        b"OK",
        b"",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b"null",
        b'"healthy"',
        health(status=1),
        health(instances=None),
        health(instances={}),
        health(instances=[3]),
        health(instances=[{"name": "asr-1"}]),
        health(queued_audio_s="many"),
        health(queued_audio_s=float("nan")),
        health(queued_audio_s=10**400),
        health(model=None),
    ],
)
def test_a_server_that_is_no_harken_cannot_transcribe(body: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 and one sentence, however well it says that it is."""
    with answering(body) as server:
        assert run(server, as_json=False) == 1
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith("harken: ")
        assert "does not answer as Harken does" in shown.err or "does not answer in JSON" in shown.err
        assert run(server, as_json=True) == 1
        assert json.loads(capsys.readouterr().out)["status"] == "unreachable"


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_a_harken_is_shown_whatever_its_names_are(status: int, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets are no markup, and an address that is none is shown as it is."""
    with answering(health(), status) as server:
        assert run(server, as_json=False) == code
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("[gate]", "[m]", "asr-[1]", "[/odd]", "[::1", "[b"))


def test_every_state_of_a_harken_is_known() -> None:
    """Also that of a server which has only just begun."""
    assert is_health(describe(STARTING, NOW))


@given(
    st.dictionaries(
        st.sampled_from(("status", "instance", "model", "queued_audio_s", "instances")),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("name", "state")), inner),
            max_leaves=4,
        ),
    )
)
def test_any_json_is_a_health_or_none(body: dict[str, Any]) -> None:
    """No kind of value is an error."""
    assert is_health(body) in (True, False)


def test_a_password_in_the_address_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in the heading, nor where nobody answers, is another, or the address cannot be read."""
    with answering(health()) as server:
        assert run(server.replace("//", "//me:hush@"), as_json=False) == 0
        assert server.removeprefix("http://") in capsys.readouterr().out
    with answering(b"{}") as server:
        assert run(server.replace("//", "//me:hush@"), as_json=False) == 1
    assert run("http://me:hush@127.0.0.1:9", as_json=True) == 1
    with pytest.raises(ConfigError) as refused:
        run("http://me:hush/x@host", as_json=False)
    told = capsys.readouterr()
    assert "hush" not in told.out + told.err + refused.value.message
    assert "No answer from http://127.0.0.1:9" in told.err
