"""Which doors are open, and who counts as local."""

from __future__ import annotations

import pytest
from starlette.types import Scope

from harken.api.access import Need, is_local, need_of, secret_of, wants_audio
from harken.errors import InvalidKey
from harken.wire import RECOGNIZE_PATH, STATE_PATH


def scope(client: str = "127.0.0.1", **headers: str) -> Scope:
    """A request from there; host defaults to loopback."""
    named = {"host": "127.0.0.1:7860", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return {
        "type": "http",
        "client": (client, 50000),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
    }


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/health",
        "/health/live",
        "/health/ready",
        "/docs",
        "/docs/5/x.js",
        "/openapi.json",
        "/playground",
        "/ui/5/x.js",
    ],
)
def test_what_tells_nothing_of_anybody_is_open(path: str) -> None:
    """Health, documentation, the sign on the door."""
    assert need_of(path) is Need.NOTHING


@pytest.mark.parametrize(
    "path",
    [
        "/asr",
        "/v1/models",
        "/v1/jobs/x",
        "/anything",
        "//",
        "/healthy",
        "/docsx",
        "/ui",
        "/playground/x",
        "/administer",
        "",
    ],
)
def test_everything_else_needs_a_key(path: str) -> None:
    """Also what does not exist: a new route is closed until somebody opens it."""
    assert need_of(path) is Need.KEY


def test_administration_and_the_wire_need_more() -> None:
    """The wire only where there are keys."""
    assert need_of("/admin/keys") is need_of("/admin") is Need.LOCAL_OR_ADMIN
    assert need_of(RECOGNIZE_PATH) is need_of(STATE_PATH) is Need.LOCAL_OR_ADMIN_WHERE_KEYS


def test_audio_is_what_is_posted_to_be_transcribed() -> None:
    """Looking at jobs is none."""
    assert wants_audio("POST", "/asr")
    assert wants_audio("POST", "/v1/audio/transcriptions")
    assert wants_audio("POST", "/v1/jobs")
    assert not wants_audio("GET", "/v1/jobs")
    assert not wants_audio("POST", "/v1/jobs/x/cancel")


def test_a_secret_comes_as_a_bearer_or_in_a_header_of_its_own() -> None:
    """Nothing else is a key; other kinds of authorization are refused."""
    assert secret_of({"authorization": "Bearer hk_x"}) == "hk_x"
    assert secret_of({"authorization": "bearer  hk_x "}) == "hk_x"
    assert secret_of({"x-api-key": "hk_x"}) == "hk_x"
    assert secret_of({}) is secret_of({"authorization": "Bearer "}) is secret_of({"x-api-key": ""}) is None
    with pytest.raises(InvalidKey):
        secret_of({"authorization": "Basic aGs6eA=="})


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "LOCALHOST:1", "[::1]:7860", "127.9.9.9"])
def test_a_program_on_this_machine_is_local(host: str) -> None:
    """Under every name of loopback."""
    assert is_local(scope(host=host))
    assert is_local(scope("::1", host=host))
    assert is_local(scope("::ffff:127.0.0.1", host=host))


@pytest.mark.parametrize(
    "strange",
    [
        scope("192.168.1.5"),
        scope("::ffff:10.0.0.1"),
        scope(forwarded="for=127.0.0.1"),
        scope(x_forwarded_for="127.0.0.1"),
        scope(x_real_ip="127.0.0.1"),
        scope(via="1.1 proxy"),
        scope(origin="http://127.0.0.1:7860"),
        scope(host="rebound.example:7860"),
        scope(host=""),
        scope(host="127.0.0.1.example"),
        {**scope(), "client": None},
    ],
)
def test_proxies_web_pages_and_strangers_are_not_local(strange: Scope) -> None:
    """A loopback peer alone proves nothing."""
    assert not is_local(strange)
