"""`harken bench`, as a person types it: against a real cluster, nobody, and a proxy that is no Harken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster, running_cluster

pytestmark = pytest.mark.slow


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harken", "bench", *arguments]
    env = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=env)


def _figures(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two instances of the digits model behind a gateway that caches."""
    flags = ("--model", "digits", "--instances", "2", "--threads", "1")
    with running_cluster(*flags, env={"HARKEN_CACHE_BYTES": "1000000"}) as running:
        running.wait_ready(2)
        yield running


class _Proxy(BaseHTTPRequestHandler):
    """A proxy whose servers are gone: it answers with a page of its own."""

    def do_POST(self) -> None:
        """Read what was sent, and refuse it."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(502)
        self.end_headers()
        self.wfile.write(b"<html>Bad Gateway</html>")

    do_GET = do_POST  # noqa: N815 - the name that the server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def proxy() -> Iterator[str]:
    """Its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("route", ["openai", "asr"])
def test_every_recording_is_recognised_and_checked_and_none_comes_from_the_cache(cluster: Cluster, route: str) -> None:
    """The packaged recordings, all with their known texts, by both instances; twice is no different."""
    for _ in range(2):
        done = _bench("--server", cluster.url, "--requests", "30", "--route", route, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        figures = _figures(done)
        assert (figures["successes"], figures["right"], figures["wrong"], figures["cached"]) == (30, 30, 0, 0)
        assert set(figures["instances"]) == {"asr-1", "asr-2"} and figures["errors"] == {}
        assert 0 < figures["p50_s"] <= figures["p99_s"] <= figures["max_s"] <= figures["elapsed_s"]


def test_the_cache_may_answer_where_that_is_wanted(cluster: Cluster) -> None:
    """The same files again and again."""
    figures = _figures(_bench("--server", cluster.url, "--requests", "60", "--allow-cache", "--json"))
    assert figures["cached"] >= 30


def test_the_load_is_spread_over_several_servers(cluster: Cluster) -> None:
    """As the guide's stress test does over its instances; each has its own row."""
    urls = [one["url"] for one in cluster.health()["instances"]]
    done = _bench("--server", urls[0], "--server", urls[1], "--requests", "8", "--concurrency", "2")
    assert done.returncode == 0
    assert all(url in done.stdout for url in urls)
    assert "asr-1 4, asr-2 4" in done.stdout and "8 (100.00%)" in done.stdout


def test_an_open_loop_says_how_late_it_was(cluster: Cluster) -> None:
    """Twenty a second for half a second."""
    figures = _figures(_bench("--server", cluster.url, "--requests", "10", "--rate", "20", "--json"))
    assert figures["successes"] == 10
    assert figures["elapsed_s"] >= 0.45
    assert figures["late_s"] >= 0


def test_own_recordings_are_sent(cluster: Cluster, tmp_path: Path) -> None:
    """What is said in them is not known, so nothing is counted as right."""
    path = tmp_path / "mine.mp3"
    path.write_bytes((files("harken") / "samples" / "english-07.mp3").read_bytes())
    figures = _figures(_bench(str(path), "--server", cluster.url, "--requests", "3", "--json"))
    assert (figures["successes"], figures["right"]) == (3, None)


def test_failures_are_counted_by_what_they_were(cluster: Cluster, proxy: str) -> None:
    """Nobody there, a proxy's page, a refusal of Harken's; one of them is enough for exit code 1."""
    done = _bench(
        "--server", cluster.url, "--server", proxy, "--server", "http://127.0.0.1:9", "--requests", "6", "--json"
    )
    assert done.returncode == 1
    assert _figures(done)["errors"] == {"http_502": 2, "server_unreachable": 2}
    late = _bench("--server", cluster.url, "--requests", "2", "--timeout-s", "0.001", "--json")
    assert (late.returncode, _figures(late)["errors"]) == (1, {"client_timeout": 2})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--route", "nowhere"), "--route must be one of openai, asr"),
        (("--rate", "0"), "--rate must be more than 0"),
        (("--rate", "nan"), "--rate must be more than 0"),
        (("/nowhere.wav",), "/nowhere.wav: cannot be read"),
        (("/dev/null",), "/dev/null: "),
        (("--server", "ftp://x"), "--server wants an address"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_sent(arguments: tuple[str, ...], words: str) -> None:
    """Exit code 2, one line."""
    done = _bench(*arguments)
    assert done.returncode == 2
    assert words in done.stderr and done.stderr.count("\n") == 1


def test_ctrl_c_shows_what_was_measured_until_then(cluster: Cluster) -> None:
    """Exit code 130, and no traceback."""
    command = [sys.executable, "-m", "harken", "bench", "--server", cluster.url, "--requests", "1000000", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            _until_busy(cluster)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, err) == (130, "")
    assert json.loads(out)["is_cut"] is True


def _until_busy(cluster: Cluster) -> None:
    while not any(one["in_flight"] for one in cluster.health()["instances"]):
        assert cluster.process.poll() is None
