"""`harken up` and `harken serve` as processes, with the stub for a model: kill, stop, drain, break."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import soundfile

from harken.server.port import listen
from harken.testing.sounds import speech_like
from tests.cluster import PLAIN, Cluster, running_cluster

TIMEOUT_S = 60.0
HARKEN = [sys.executable, "-m", "harken"]

pytestmark = pytest.mark.slow


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    """Run a command that is expected to end by itself."""
    return subprocess.run([*HARKEN, *flags], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def recording(seed: int, *, seconds: float = 0.5) -> bytes:
    """Something like speech."""
    file = io.BytesIO()
    soundfile.write(file, speech_like(seconds, seed=seed), 16_000, format="WAV", subtype="FLOAT")
    return file.getvalue()


def ask(cluster: Cluster, seed: int, *, seconds: float = 0.5) -> httpx.Response:
    """Transcribe one recording."""
    files = {"audio": ("a.wav", recording(seed, seconds=seconds))}
    return httpx.post(f"{cluster.url}/asr", files=files, timeout=TIMEOUT_S, trust_env=False, verify=PLAIN)


def accepted(health: dict[str, Any], seconds: float) -> int:
    """Recordings of such a length that run, and those that wait: the instances' limits are still to be found out."""
    running: int = sum(one["in_flight"] for one in health["instances"])
    return running + round(float(health["queued_audio_s"]) / seconds)


def signal_instance(cluster: Cluster, pid: int, number: signal.Signals) -> None:
    """Send a signal to one of the cluster's own instances, and to nothing else."""
    child = psutil.Process(pid)
    assert child.ppid() == cluster.process.pid, f"{pid} is none of ours"
    child.send_signal(number)


def last_line(text: str) -> str:
    """What a server leaves with."""
    return text.strip().splitlines()[-1]


def test_a_killed_instance_comes_back_and_a_stopped_one_is_replaced() -> None:
    """While both happen, requests are answered."""
    with running_cluster("--model", "stub", "--instances", "3") as cluster:
        pids = [one["pid"] for one in cluster.wait_ready(3)["instances"]]
        signal_instance(cluster, pids[0], signal.SIGKILL)
        signal_instance(cluster, pids[1], signal.SIGSTOP)
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda seed: ask(cluster, seed), range(12)))
        assert [answer.status_code for answer in answers] == [200] * 12
        health = cluster.wait_ready(3, without=frozenset(pids[:2]))
        assert [one["restarts"] for one in health["instances"]] == [1, 1, 0]


def test_sigterm_during_requests_answers_all_of_them() -> None:
    """Twelve recordings run or wait when SIGTERM comes to the gateway: twelve transcripts, exit code 0."""
    with running_cluster("--model", "stub:rtfx=4", "--instances", "2") as cluster:
        cluster.wait_ready(2)
        with ThreadPoolExecutor(12) as pool:
            answers = [pool.submit(ask, cluster, seed, seconds=4.0) for seed in range(12)]
            deadline = time.monotonic() + TIMEOUT_S
            while accepted(cluster.health(), 4.0) < 12:
                assert time.monotonic() < deadline
            cluster.process.send_signal(signal.SIGTERM)
            assert [answer.result().status_code for answer in answers] == [200] * 12
        assert cluster.process.wait(TIMEOUT_S) == 0


def test_a_start_that_is_hopeless_ends_harken_up_with_its_reason() -> None:
    """A wrong canary: no retries, exit code 3, the last line says why and for whom."""
    done = run("up", "--model", "stub:wrong_canary=1", "--instances", "2", "--port", "0", "--first-port", "0")
    assert done.returncode == 3
    assert last_line(done.stderr).startswith("gateway: ")
    assert "asr-1" in last_line(done.stderr)
    assert "canary" in last_line(done.stderr)
    assert "instance.restart" not in done.stderr


def test_a_start_that_keeps_crashing_is_given_up_after_its_retries() -> None:
    """A crash in a library looks like exit code 1: tried again as often as allowed, then the same end."""
    flags = ["--set", "fleet.start_retries=1", "--set", "fleet.backoff_s=0.01", "--instances", "1"]
    done = run("up", "--model", "stub:exit_at_start=1", "--port", "0", "--first-port", "0", *flags)
    assert done.returncode == 3
    assert "asr-1: 2 starts failed in a row. It ended with exit code 1" in last_line(done.stderr)


def test_a_taken_gateway_port_is_said_at_once() -> None:
    """Before any instance is started."""
    with listen("127.0.0.1", 0) as holder:
        port = str(holder.getsockname()[1])
        done = run("up", "--model", "stub", "--port", port)
    assert done.returncode == 3
    assert f"Port {port} of 127.0.0.1 is in use by" in last_line(done.stderr)
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("command", "setting", "words"),
    [
        ("up", "dispatch.policy=rr", "dispatch.policy"),
        ("up", "fleet.devices=gpu:0", "did you mean 'cuda:0'"),
        ("up", "fleet.mps=aut", "did you mean 'auto'"),
        ("up", "cache.scope=share", "did you mean 'shared'"),
        ("serve", "cache.url=redis://host/db", "cache.url"),
        ("up", "cache.url=redis://[::1", "cache.url"),
        ("up", "auth.storage=redis://[::1", "auth.storage"),
        ("serve", "auth.cors_origins=http://[::1", "auth.cors_origins"),
        ("up", "state.database=postgresql+psycopg://host:port/harken", "state.database"),
        ("serve", "state.database=nonsense://host", "state.database"),
    ],
)
def test_a_configuration_that_cannot_be_is_found_before_anything_is_announced(
    command: str, setting: str, words: str
) -> None:
    """Exit code 2; whoever waits for the announcement waits for nothing."""
    done = run(command, "--model", "stub", "--port", "0", "--set", setting)
    assert done.returncode == 2
    assert words in last_line(done.stderr)
    assert done.stdout == ""


def test_a_taken_instance_port_is_the_reason_of_the_end() -> None:
    """The only instance cannot have its port: not tried again, not moved elsewhere in silence."""
    with listen("127.0.0.1", 0) as holder:
        port = str(holder.getsockname()[1])
        done = run("up", "--model", "stub", "--port", "0", "--first-port", port, "--instances", "1")
    assert done.returncode == 3
    assert f"Port {port} of 127.0.0.1 is in use by" in last_line(done.stderr)
    assert "instance.restart" not in done.stderr


def test_one_instance_alone_serves_and_leaves_cleanly() -> None:
    """`harken serve`: announced as listening, then as ready; SIGTERM ends it with exit code 0."""
    command = [*HARKEN, "serve", "--model", "stub", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            listening, ready = (json.loads(process.stdout.readline()) for _ in range(2))
            assert (listening["news"], ready["news"]) == ("listening", "ready")
            health = httpx.get(f"{ready['url']}/health", timeout=TIMEOUT_S, trust_env=False)
            assert (health.status_code, health.json()["instance"]) == (200, "asr-1")
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT_S) == 0
        finally:
            process.kill()


def test_sigterm_while_loading_does_not_wait_for_the_load() -> None:
    """A model that takes ten minutes to load keeps nobody waiting."""
    command = [*HARKEN, "serve", "--model", "stub:start_s=600", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            assert httpx.get(f"{url}/health/live", timeout=TIMEOUT_S, trust_env=False).status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT_S) == 0
        finally:
            process.kill()


def test_a_second_signal_ends_the_waiting() -> None:
    """Ctrl-C twice: accepted requests are given up, and nothing is left behind."""
    with running_cluster("--model", "stub:hang_on=1", "--instances", "1") as cluster:
        cluster.wait_ready(1)
        with ThreadPoolExecutor(1) as pool:
            hanging = pool.submit(ask, cluster, 1)
            deadline = time.monotonic() + TIMEOUT_S
            while not cluster.health()["instances"][0]["in_flight"]:
                assert time.monotonic() < deadline
            cluster.process.send_signal(signal.SIGINT)
            while cluster.health()["status"] != "draining":
                assert time.monotonic() < deadline
            cluster.process.send_signal(signal.SIGINT)
            assert cluster.process.wait(TIMEOUT_S) == 1
            answer = hanging.result(TIMEOUT_S)
            assert (answer.status_code, answer.json()["code"]) == (503, "draining")


def test_nothing_is_left_when_the_gateway_is_killed() -> None:
    """Three instances, one of them stopped, one still loading, leave with their parent."""
    with running_cluster("--model", "stub:start_s=600", "--instances", "2") as cluster:
        deadline = time.monotonic() + TIMEOUT_S
        while any(one["url"] == "" for one in cluster.health()["instances"]):
            assert time.monotonic() < deadline
        signal_instance(cluster, next(iter(cluster.seen)), signal.SIGSTOP)
        os.kill(cluster.process.pid, signal.SIGKILL)
        cluster.process.wait(TIMEOUT_S)


def test_a_fleet_whose_instances_an_operator_stopped_refuses_at_once(tmp_path: Path) -> None:
    """Nobody is held for minutes for what only the operator can bring back; once he does, all is well again."""
    env = {"HARKEN_STATE_FOLDER": str(tmp_path)}

    def harken(*flags: str) -> None:
        subprocess.run([*HARKEN, *flags], env={**os.environ, **env}, timeout=TIMEOUT_S, check=True)

    with running_cluster("--model", "stub", "--instances", "1", env=env) as cluster:
        cluster.wait_ready(1)
        for stopping, starting in ((("drain", "asr-1"), ("restart", "asr-1")), (("scale", "0"), ("scale", "1"))):
            harken(*stopping)
            refused = ask(cluster, 1)
            assert (refused.status_code, refused.json()["code"]) == (503, "no_ready_instance")
            assert refused.headers["retry-after"] == "30"
            assert "operator" in refused.json()["error"]
            harken(*starting)
            assert ask(cluster, 2).status_code == 200
