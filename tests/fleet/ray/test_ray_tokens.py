"""Clusters that ask for a token, and those that do not, joined by users who have one, and who have none."""

from __future__ import annotations

import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harken.fleet.ray.messages import Kind
from tests.cluster import running_cluster
from tests.fleet.ray.ray_bridge import ask_for_place
from tests.fleet.ray.ray_cluster import RayCluster, running_ray

pytestmark = pytest.mark.slow

TOKEN = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of a user with a token, of one with another, and of one with none."""
    folder = tmp_path_factory.mktemp("homes")
    for name, token in (("token", TOKEN), ("other", TOKEN[::-1]), ("none", "")):
        (folder / name / ".ray").mkdir(parents=True)
        if token:
            (folder / name / ".ray" / "auth_token").write_text(token)
    return {home.name: home for home in folder.iterdir()}


@pytest.fixture(scope="module")
def protected(homes: dict[str, Path]) -> Iterator[RayCluster]:
    """A cluster that asks for the token."""
    with running_ray({"RAY_AUTH_MODE": "token", "HOME": str(homes["token"])}, cpus=1) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def open_cluster(homes: dict[str, Path]) -> Iterator[RayCluster]:
    """A cluster that asks for none."""
    with running_ray({"RAY_AUTH_MODE": "disabled", "HOME": str(homes["none"])}, cpus=1) as cluster:
        yield cluster


def kinds(address: str, home: Path, **env: str) -> list[Kind]:
    """What a bridge told."""
    return [one.kind for one in ask_for_place(address, home, env).told]


def test_a_token_is_shown_where_the_cluster_asks_for_one(protected: RayCluster, homes: dict[str, Path]) -> None:
    """Whoever has it is in, without a variable set; others hear within seconds what is missing."""
    assert kinds(protected.address, homes["token"]) == [Kind.CONNECTED, Kind.PLACED]
    for home, env, word in (
        ("none", {}, "asks for a token, and there is none here"),
        ("other", {}, "asks for a token, and the one that is here is another"),
        ("token", {"RAY_AUTH_MODE": "disabled"}, "asks for a token, and RAY_AUTH_MODE is 'disabled'"),
    ):
        heard = ask_for_place(protected.address, homes[home], env)
        assert heard.told == []
        assert word in heard.last_line


def test_no_token_is_shown_where_none_is_asked_for(open_cluster: RayCluster, homes: dict[str, Path]) -> None:
    """Ray would take a driver with a token there, and its actors would die."""
    for home in ("token", "none"):
        assert kinds(open_cluster.address, homes[home]) == [Kind.CONNECTED, Kind.PLACED]
    heard = ask_for_place(open_cluster.address, homes["token"], {"RAY_AUTH_MODE": "token"})
    assert "asks for no token" in heard.last_line


def test_a_cluster_of_our_own_leaves_no_token_behind(homes: dict[str, Path], tmp_path: Path) -> None:
    """Else each later cluster of this user would ask for it."""
    with tempfile.TemporaryDirectory(prefix="ray") as short:  # a socket's path may have 107 characters
        heard = ask_for_place("local", tmp_path, {"RAY_TMPDIR": short})
    assert [one.kind for one in heard.told] == [Kind.CONNECTED, Kind.PLACED]
    assert list(tmp_path.iterdir()) == []


def test_a_gateway_leaves_at_once_also_while_its_bridge_hangs() -> None:
    """The head accepts connections, and answers nothing: inside Ray the bridge hears no signal for a minute."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        with running_cluster("--fleet", "ray", "--model", "stub", "--set", f"ray.address={address}") as cluster:
            deaf.settimeout(30)
            deaf.accept()[0].close()  # whether anybody listens
            held = deaf.accept()[0]  # and now it is inside Ray
            [bridge] = psutil.Process(cluster.process.pid).children()
            cluster.process.send_signal(signal.SIGTERM)
            assert cluster.process.wait(5) == 0
            bridge.wait(5)
            held.close()
