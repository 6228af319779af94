"""Keys of a running cluster: made and revoked by another process, counted for requests and for jobs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from harken.samples import packaged_samples
from tests.cluster import running_cluster

FELT_S = 2.0
"""So soon a change must be felt."""


def keys(folder: Path, *words: str) -> str:
    """Run `harken keys` on the same state."""
    command = [sys.executable, "-m", "harken", "keys", *words, "--set", f"state.folder={folder}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def until(status: int, ask: Callable[[], httpx.Response]) -> float:
    """Ask until the answer has this status; return the seconds that took."""
    began = time.monotonic()
    while ask().status_code != status:
        assert time.monotonic() - began < FELT_S, f"no {status} after {FELT_S} s"
    return time.monotonic() - began


@pytest.mark.slow
def test_a_running_cluster_feels_within_two_seconds_what_another_process_does(tmp_path: Path) -> None:
    """Its first key shuts it, the key opens it, revoking shuts it again; its own instances need no key."""
    sample = packaged_samples()[0].path.read_bytes()
    flags = ("--model", "stub", "--instances", "1", "--set", f"state.folder={tmp_path}")
    with running_cluster(*flags) as cluster, httpx.Client(base_url=cluster.url, timeout=20) as client:
        cluster.wait_ready(1)

        def ask(**headers: str) -> httpx.Response:
            return client.post("/asr", files={"audio": ("a.wav", sample)}, headers=headers)

        assert ask().status_code == 200
        secret = keys(tmp_path, "add", "bob", "--audio-seconds-per-minute", "0")
        until(401, ask)
        assert ask(Authorization=f"Bearer {secret}").status_code == 200
        keys(tmp_path, "revoke", "bob")
        until(401, lambda: ask(Authorization=f"Bearer {secret}"))
        assert cluster.health()["status"] == "healthy"
