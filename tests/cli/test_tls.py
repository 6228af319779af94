"""A gateway with a certificate of its own, and the commands that talk to it."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import httpx
import pytest

from tests.cluster import PATIENCE_S, running_cluster
from tests.server.certificates import issue

RECORDING = files("harken") / "samples" / "english-01.wav"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def harken(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    return subprocess.run(
        [sys.executable, "-m", "harken", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "COLUMNS": "200", **variables},
    )


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A gateway behind https that is ready: its address, and its certificate."""
    cert, key = issue(tmp_path_factory.mktemp("tls"), "gateway")
    flags = ("--set", f"gateway.tls_cert={cert}", "--set", f"gateway.tls_key={key}")
    with running_cluster("--model", "stub", "--instances", "1", *flags) as cluster:
        context = ssl.create_default_context(cafile=cert)
        deadline = time.monotonic() + PATIENCE_S
        with httpx.Client(verify=context, trust_env=False) as client:
            while client.get(f"{cluster.url}/health", timeout=10).status_code != 200:
                assert time.monotonic() < deadline, "not ready"
                time.sleep(0.1)  # between two looks; the readiness itself ends the wait
        yield cluster.url, cert


def test_the_address_that_is_announced_is_https(secure: tuple[str, Path]) -> None:
    """Whoever reads it can use it as it is."""
    assert secure[0].startswith("https://127.0.0.1:")


def test_a_private_certificate_is_refused_until_its_issuer_is_named(secure: tuple[str, Path]) -> None:
    """Without it: one line that says how; with --ca or SSL_CERT_FILE: the answer."""
    url, cert = secure
    refused = harken("status", "--server", url)
    assert refused.returncode == 1
    assert "is not trusted" in refused.stderr
    assert "--ca FILE" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert harken("status", "--server", url, "--ca", cert).returncode == 0
    assert harken("status", "--server", url, SSL_CERT_FILE=str(cert)).returncode == 0


def test_a_recording_goes_over_https(secure: tuple[str, Path]) -> None:
    """At once, and as a job that is followed to its end."""
    url, cert = secure
    done = harken("transcribe", str(RECORDING), "--server", url, "--ca", cert)
    assert (done.returncode, done.stderr) == (0, "")
    job = harken("jobs", "submit", str(RECORDING), "--server", url, "--ca", cert, "--wait")
    assert (job.returncode, job.stdout) == (0, done.stdout)
    assert harken("jobs", "list", "--server", url, "--ca", cert).returncode == 0


def test_a_file_that_holds_no_certificates_is_wrong_usage(secure: tuple[str, Path], tmp_path: Path) -> None:
    """Exit code 2, before anybody is asked."""
    (tmp_path / "words.pem").write_text("words\n")
    for name in ("words.pem", "missing.pem"):
        done = harken("status", "--server", secure[0], "--ca", tmp_path / name)
        assert (done.returncode, "PEM" in done.stderr) == (2, True), done.stderr


def test_a_certificate_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    """Exit code 2 with the reason; nothing was announced."""
    cert, key = issue(tmp_path, "old", begins_days=-10, ends_days=-1)
    flags = ("--set", f"gateway.tls_cert={cert}", "--set", f"gateway.tls_key={key}")
    done = harken("up", "--model", "stub", "--port", "0", "--first-port", "0", *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert "has expired: renew it" in done.stderr
