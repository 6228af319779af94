"""Whom a secret of ours reaches, and what else may let us in."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from harken.errors import ConfigError
from harken.ops.pull.failures import PullFailed
from tests.ops.pull.hubs import COMMIT, NAME, model, serve_huggingface
from tests.ops.pull.pulling import do_pull, server
from tests.ops.pull.servers import FileServer

TOKEN = {"HF_TOKEN": "hf_x"}


@pytest.fixture(autouse=True)
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A .netrc that knows the hosts of the tests."""
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login somebody password word\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))
    return path


def authorizations(source: FileServer, part: str = "") -> set[str]:
    """What let us in there."""
    return {request.headers.get("authorization", "") for request in source.requests(part)}


def test_a_token_goes_before_netrc(tmp_path: Path) -> None:
    """The file may have the same host for other programs."""
    with server() as hub:
        serve_huggingface(hub, model())
        do_pull(tmp_path / "1", "huggingface", env={"HF_ENDPOINT": hub.url, **TOKEN})
        assert authorizations(hub) == {"Bearer hf_x"}


def test_without_a_token_netrc_counts(tmp_path: Path) -> None:
    """As with other programs."""
    with server() as mirror:
        serve_huggingface(mirror, model())
        do_pull(tmp_path / "1", f"huggingface:{mirror.url}", env=TOKEN)
        assert authorizations(mirror) == {"Basic " + base64.b64encode(b"somebody:word").decode()}


@pytest.mark.parametrize("text", ["\xff\xfe", "machine 127.0.0.1 login a:b password secret-word\n"])
def test_a_netrc_that_makes_no_sense_is_one_sentence(
    tmp_path: Path, netrc: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a word of what is in it; where a token goes it is not even read."""
    netrc.write_bytes(text.encode("latin-1"))
    with server() as hub:
        serve_huggingface(hub, model())
        with pytest.raises(PullFailed, match=r"\.netrc makes no sense") as failed:
            do_pull(tmp_path / "1", f"huggingface:{hub.url}")
        assert "secret-word" not in failed.value.message + caplog.text
        do_pull(tmp_path / "2", "huggingface", env={"HF_ENDPOINT": hub.url, **TOKEN})


@pytest.mark.parametrize("user", ["user:word@", "user@", ":word@"])
def test_a_user_in_the_address_and_a_token_are_refused(tmp_path: Path, user: str) -> None:
    """Before anything is asked; without a token the user is sent."""
    with server() as hub:
        serve_huggingface(hub, model())
        address = hub.url.replace("http://", f"http://{user}")
        with pytest.raises(ConfigError, match=r"names a user, and HF_TOKEN is set") as failed:
            do_pull(tmp_path / "1", "huggingface", env={"HF_ENDPOINT": address, **TOKEN})
        assert "word" not in failed.value.message
        assert hub.answered == []
        do_pull(tmp_path / "1", f"huggingface:{address}")
        assert all(one.startswith("Basic ") for one in authorizations(hub))


@pytest.mark.parametrize(("address", "key"), [("http://user:word@", "hk_y"), ("http://", "hk_\n\ty")])
def test_a_key_that_cannot_be_sent_is_refused(tmp_path: Path, address: str, key: str) -> None:
    """A Harken's key is looked at only where a Harken asks for it."""
    with server() as gateway:
        gateway.gate = lambda _request: (401, {"WWW-Authenticate": 'Bearer realm="harken"'})
        with pytest.raises(ConfigError, match="HARKEN_API_KEY"):
            do_pull(tmp_path / "1", gateway.url.replace("http://", address), env={"HARKEN_API_KEY": key})


def test_a_redirect_that_names_a_user_keeps_the_token(tmp_path: Path) -> None:
    """At its own place; elsewhere the user is sent and the token is not."""
    with server() as hub, server() as cdn:
        serve_huggingface(hub, model(), cdn=cdn)
        path = f"/{NAME}/resolve/{COMMIT}/config.json"
        hub.files["/moved"] = hub.files.pop(path)
        hub.redirects[path] = hub.url.replace("http://", "http://user:word@") + "/moved"
        for one, target in hub.redirects.items():
            if target.startswith(cdn.url):
                hub.redirects[one] = target.replace("http://", "http://user:word@")
        do_pull(tmp_path / "1", "huggingface", env={"HF_ENDPOINT": hub.url, **TOKEN})
        assert authorizations(hub, "/moved") == {"Bearer hf_x"}
        assert authorizations(cdn) == {"Basic " + base64.b64encode(b"user:word").decode()}


def test_a_proxy_is_used_beside_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not for the hosts that are left out of it."""
    with server() as hub, server() as proxy:
        serve_huggingface(proxy, model())
        proxy.locate = lambda request: request.path.removeprefix("http://hub.example")
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        done = do_pull(tmp_path / "1", "huggingface", env={"HF_ENDPOINT": "http://hub.example", **TOKEN})
        assert done.stored.revision == COMMIT
        assert authorizations(proxy) == {"Bearer hf_x"}
        before = len(proxy.answered)
        serve_huggingface(hub, model())
        do_pull(tmp_path / "2", "huggingface", env={"HF_ENDPOINT": hub.url, **TOKEN})
        assert len(proxy.answered) == before
