"""The whole verification, at servers that are well and at servers that are not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from harken.config import StateConfig
from harken.keys import KeyBook
from harken.ops.verify.check import Check, Report, Verdict
from harken.ops.verify.known import packaged
from harken.ops.verify.run import STEPS, verify
from harken.ops.verify.visit import Asked
from harken.state import Database
from tests.cli.test_status import answering
from tests.cluster import PATIENCE_S, Cluster, running_cluster

NGINX = """
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/log;
events {{}}
http {{
    access_log off;
    client_max_body_size 100M;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {url};
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            {more}
        }}
    }}
}}
"""


UPGRADE = (
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;"
)
"""Has a proxy pass WebSockets on."""


class Quiet(BaseHTTPRequestHandler):
    """Answers, and logs nothing."""

    def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send an answer in one piece."""
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() in ("content-type", "x-harken-instance", "x-harken-cache"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class Server(ThreadingHTTPServer):
    """Waits for its threads at its end; that clients leave is no matter."""

    daemon_threads = False

    def handle_error(self, *_: object) -> None:
        """Clients leave."""


@contextmanager
def serving(handler: type[Quiet]) -> Iterator[str]:
    """A server with that handler; its address."""
    with Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def look(server: str, **more: object) -> tuple[Report, dict[str, Check]]:
    """Verify; return the report, and its checks by name."""
    report = asyncio.run(verify(Asked(server=server, **more), packaged()))  # type: ignore[arg-type]
    return report, {check.name: check for check in report.checks}


def verdicts(report: Report) -> dict[str, str]:
    """What came of each check."""
    return {check.name: check.verdict.value for check in report.checks}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two real instances, which are not replaced when they stop."""
    flags = ("--model", "digits", "--instances", "2", "--threads", "1")
    with running_cluster(
        *flags, "--set", "fleet.probe_failures=100000", env={"HARKEN_CACHE_BYTES": str(1 << 20)}
    ) as running:
        running.wait_ready(2)
        yield running


@contextmanager
def gateway_in_front(cluster: Cluster, *flags: str) -> Iterator[str]:
    """Another gateway over the same instances; its address."""
    urls = [one["url"] for one in cluster.health()["instances"]]
    with running_cluster(*(part for url in urls for part in ("--upstream", url)), *flags) as front:
        front.wait_ready(len(urls))
        front.seen.clear()
        yield front.url


@contextmanager
def nginx_in_front(url: str, folder: Path, more: str = UPGRADE) -> Iterator[str]:
    """A real nginx; its address."""
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    conf = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""  # its workers must write into our folder
    conf.write_text(NGINX.format(user=user, folder=folder, port=port, url=url, more=more))
    with subprocess.Popen(["nginx", "-e", folder / "log", "-c", conf]) as process:
        try:
            deadline = time.monotonic() + PATIENCE_S
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.05)  # between two looks
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def with_key(folder: Path) -> Iterator[tuple[str, str]]:
    """A state folder with a key in it; the folder's flag and the secret."""
    config = StateConfig(folder=str(folder))
    database = Database(config, {})
    _, secret = KeyBook(database).add("alice")
    database.close()
    yield f"state.folder={folder}", secret


@pytest.mark.slow
def test_a_cluster_that_is_well_passes_everything(cluster: Cluster) -> None:
    """Each instance by name, at its own address; only keys are not in use, which is said."""
    report, checks = look(cluster.url)
    assert report.is_good, report
    assert {name for name, one in verdicts(report).items() if one != "ok"} == {"keys"}
    assert set(checks) == {*STEPS, "processes", "recording asr-1", "recording asr-2"} - {"recording"}
    assert "own address" in checks["recording asr-2"].found
    assert "'gateway' ×10" in checks["health"].found
    assert checks["load"].figures["rtfx"] > 0
    again, _ = look(cluster.url)
    assert again.is_good, "an answer came from the cache"


@pytest.mark.slow
def test_an_instance_alone_passes_too(cluster: Cluster) -> None:
    """It is its own door."""
    url = cluster.health()["instances"][0]["url"]
    report, checks = look(url, load=4)
    assert report.is_good, report
    assert checks["recording asr-1"].verdict is Verdict.OK
    assert checks["processes"].verdict is Verdict.SKIPPED


@pytest.mark.slow
def test_a_gateway_with_keys_behind_nginx_is_seen_from_outside(cluster: Cluster, tmp_path: Path) -> None:
    """Addresses are hidden there: instances are waited for at the door, and what cannot be asked is skipped."""
    with (
        with_key(tmp_path / "state") as (setting, secret),
        gateway_in_front(cluster, "--set", setting) as url,
        nginx_in_front(url, tmp_path / "nginx") as outside,
    ):
        inside, checks = look(url, api_key=secret, load=4)
        assert inside.is_good, inside
        assert checks["keys"].verdict is Verdict.OK
        assert "own address" in checks["recording upstream-1"].found
        seen, checks = look(outside, api_key=secret, load=4)
        assert seen.is_good, seen
        assert [checks[name].verdict for name in ("ports", "processes")] == [Verdict.SKIPPED] * 2
        assert "through the door" in checks["recording upstream-2"].found
        for key in ("", "hk_wrong"):
            refused, checks = look(outside, api_key=key)
            assert not refused.is_good
            assert checks["keys"].verdict is Verdict.FAILED
            assert "--api-key" in checks["keys"].remedy
            assert checks["load"].verdict is Verdict.SKIPPED
        unlocked, checks = look(cluster.url, api_key=secret, load=0)
        assert checks["keys"].verdict is Verdict.FAILED
        assert not unlocked.is_good


@contextmanager
def holding_proxy(url: str) -> Iterator[str]:
    """Passes everything on, each answer only when it is complete; its address."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.pass_on(None)

        def do_POST(self) -> None:
            self.pass_on(self.rfile.read(int(self.headers["Content-Length"])))

        def pass_on(self, body: bytes | None) -> None:
            names = ("Content-Type", "Authorization")
            headers = {name: value for name in names if (value := self.headers.get(name))}
            answer = httpx.request(self.command, f"{url}{self.path}", content=body, headers=headers, timeout=60)
            self.answer(answer.status_code, answer.content, answer.headers)

    with serving(Handler) as address:
        yield address


@pytest.mark.slow
def test_a_proxy_that_holds_streams_back_is_found(cluster: Cluster) -> None:
    """The text is right, and comes at once."""
    with holding_proxy(cluster.url) as url:
        report, checks = look(url, load=0)
    assert [name for name, one in verdicts(report).items() if one == "failed"] == ["stream", "live"], report
    assert "proxy_buffering off" in checks["stream"].remedy


@pytest.mark.slow
def test_an_instance_that_is_stopped_is_found(cluster: Cluster) -> None:
    """By its process, by its port and by the recording that it does not recognise; the other one is well."""
    pid = cluster.health()["instances"][0]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        report, checks = look(cluster.url, load=4, work_timeout_s=10.0)
    finally:
        os.kill(pid, signal.SIGCONT)
        cluster.wait_ready(2)
    assert not report.is_good
    assert checks["processes"].verdict is Verdict.FAILED
    assert "asr-1" in checks["processes"].found
    assert "SIGSTOP" in checks["processes"].found
    assert checks["ports"].verdict is Verdict.FAILED
    assert checks["recording asr-1"].verdict is Verdict.FAILED
    assert checks["recording asr-2"].verdict is Verdict.OK
    assert "asr-1 is " in checks["afterwards"].found


@pytest.mark.slow
@pytest.mark.parametrize(
    "more", ["", "proxy_http_version 1.1;", UPGRADE + "if ($http_upgrade) { return 502; }"], ids=["1.0", "1.1", "502"]
)
def test_a_proxy_that_passes_no_upgrade_is_found(cluster: Cluster, tmp_path: Path, more: str) -> None:
    """All else works through it, and one sentence says what does not."""
    with nginx_in_front(cluster.url, tmp_path / "nginx", more) as outside:
        report, checks = look(outside, load=0)
    assert [name for name, one in verdicts(report).items() if one == "failed"] == ["live"], report
    assert "something in between does not pass the upgrade on" in checks["live"].found
    assert "proxy_set_header Upgrade" in checks["live"].remedy


@pytest.mark.slow
def test_live_transcription_that_is_not_offered_is_skipped(cluster: Cluster) -> None:
    """And one that lets nobody in now has failed, in the server's own words."""
    with gateway_in_front(cluster, "--set", "live.sessions=0") as url:
        report, checks = look(url, load=0)
    assert report.is_good, report
    assert checks["live"].verdict is Verdict.SKIPPED and "not offered" in checks["live"].found
    with gateway_in_front(cluster, "--set", "live.sessions=1") as url:
        with connect(f"{url.replace('http', 'ws', 1)}/v1/listen", proxy=None) as somebody:
            somebody.recv()
            report, checks = look(url, load=0)
            somebody.send('{"type": "finish"}')
            assert list(somebody) == []
        assert [name for name, one in verdicts(report).items() if one == "failed"] == ["live"], report
        assert "HTTP 503 live_full" in checks["live"].found
        free, _ = look(url, load=0)
        assert free.is_good, free


@pytest.mark.slow
def test_a_wrong_text_is_found_everywhere() -> None:
    """A model that answers fast and recognises nothing."""
    with running_cluster("--model", "stub", "--instances", "1") as running:
        running.wait_ready(1)
        report, checks = look(running.url)
    wrong = [name for name, one in verdicts(report).items() if one == "failed"]
    assert wrong == ["recording asr-1", "spread", "live", "load"]
    assert all("Said is 'nine five" in checks[name].found for name in ("live", "load"))


@pytest.mark.slow
def test_an_instance_that_dies_of_what_it_is_asked_is_found() -> None:
    """Also where another took over, so that every answer came."""
    quick = ("--set", "fleet.backoff_max_s=0.5")
    with running_cluster("--model", "stub:exit_on=4", "--instances", "2", *quick) as running:
        running.wait_ready(2)
        report, checks = look(running.url, load=0)
    assert not report.is_good
    assert checks["afterwards"].verdict is Verdict.FAILED
    assert "asr-" in checks["afterwards"].found


@pytest.mark.parametrize("body", [b"{}", b"OK", b"[" * 100_000, b'{"status": "healthy"}'])
def test_a_server_that_is_no_harken_is_said_so(body: bytes) -> None:
    """Nothing else is asked of it."""
    with answering(body) as url:
        report, checks = look(url)
    assert "does not answer as Harken does" in checks["door"].found
    assert {check.verdict for name, check in checks.items() if name != "door"} == {Verdict.SKIPPED}
    assert set(checks) == set(STEPS)
    assert not report.is_good


def test_a_dead_server_is_said_so_at_once() -> None:
    """With what would help."""
    report, checks = look("http://127.0.0.1:9")
    assert not report.is_good
    assert "Nobody answers" in checks["door"].found
    assert "harken up" in checks["door"].remedy
    assert report.took_s < 5


HEALTH = {
    "status": "healthy",
    "instance": "slow",
    "model": "m",
    "instances": [{"name": "asr-1", "state": "ready", "url": "", "pid": None, "detail": ""}],
}


@pytest.mark.slow
def test_a_gateway_that_is_scaled_to_zero_is_well_and_is_woken(tmp_path: Path) -> None:
    """Nothing untrue is said of instances that are not there; the recordings wake one, and it is told."""
    flags = ["--model", "digits", "--instances", "0", "--threads", "1"]
    for setting in ("mode=on", "min=0", "max=1", "idle_s=3600"):
        flags += ["--set", f"autoscale.{setting}"]
    with running_cluster(*flags, "--set", f"state.folder={tmp_path}") as running:
        deadline = time.monotonic() + PATIENCE_S
        while httpx.get(f"{running.url}/health", timeout=10).status_code != 200:
            assert time.monotonic() < deadline, "it does not fall asleep"
            time.sleep(0.05)  # between two looks
        report, checks = look(running.url, load=4)
        assert report.is_good, report
        for name in ("instances", "ports", "processes", "recording"):
            assert checks[name].verdict is Verdict.SKIPPED, name
        assert "caled to zero" in checks["instances"].found
        assert "addresses" not in checks["ports"].found
        assert checks["woken"].verdict is Verdict.OK and "asr-1" in checks["woken"].found
        again, checks = look(running.url, load=0)
        assert again.is_good and checks["instances"].verdict is Verdict.OK and "woken" not in checks


@pytest.mark.slow
def test_a_gateway_that_has_no_instances_and_gets_none_fails() -> None:
    """Its health is 503: it is not scaled to zero, it is empty."""
    empty = json.dumps(HEALTH | {"instances": []}).encode()
    with answering(empty, 503) as url:
        report, checks = look(url)
    assert "There are no instances" in checks["instances"].found
    assert checks["instances"].verdict is Verdict.FAILED and not report.is_good
    assert checks["ports"].found == "Not looked at: there are no instances."


def test_a_password_in_the_address_is_not_shown() -> None:
    """Neither in the report nor in a sentence."""
    report, _ = look("http://me:hush@127.0.0.1:9")
    assert "hush" not in repr(report) and report.server == "http://127.0.0.1:9"


@contextmanager
def a_slow_harken() -> Iterator[str]:
    """Says that it is well, and transcribes for ever."""
    is_over = threading.Event()

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.answer(200, json.dumps(HEALTH).encode(), {})

        def do_POST(self) -> None:
            is_over.wait(60)
            self.close_connection = True

    with serving(Handler) as address:
        try:
            yield address
        finally:
            is_over.set()


@pytest.mark.slow
def test_a_slow_server_takes_no_longer_than_it_may() -> None:
    """What was not looked at is said, and is no success."""
    with a_slow_harken() as url:
        began = time.monotonic()
        report, checks = look(url, timeout_s=2.0)
        assert time.monotonic() - began < 10
    assert "were over" in checks["recording"].found
    assert checks["recording"].verdict is Verdict.FAILED
    assert {checks[name].verdict for name in ("spread", "stream", "errors", "load")} == {Verdict.SKIPPED}
    assert not report.is_good


@pytest.mark.slow
def test_a_person_reads_a_table_and_a_program_json(cluster: Cluster, tmp_path: Path) -> None:
    """Exit codes: 0 good, 1 something failed, 2 wrong usage."""

    def harken(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "harken", "verify", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)

    shown = harken("--server", cluster.url, "--load", "2")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "recording asr-1" in shown.stdout
    own = tmp_path / "own.wav"
    own.write_bytes(packaged().copy(random.Random(3)))
    right = harken("--server", cluster.url, "--recording", own, "--text", "9 5 8 7 3 2 2 0 6", "--load", "0", "--json")
    assert (right.returncode, json.loads(right.stdout)["is_good"]) == (0, True)
    wrong = harken("--server", cluster.url, "--recording", own, "--text", "something else", "--load", "0", "--json")
    assert (wrong.returncode, json.loads(wrong.stdout)["is_good"]) == (1, False)
    for usage in (
        ("--text", "one"),
        ("--recording", "none.wav", "--text", "x"),
        ("--server", "ftp://x"),
        ("--load", "-1"),
    ):
        assert harken(*usage).returncode == 2, usage
