"""Health signals on a real cluster: what is alive but stuck, or wrong, is noticed, and no client hears of it."""

from __future__ import annotations

import time

import httpx
import pytest

from harken.testing.sounds import speech_like
from tests.cluster import PATIENCE_S, running_cluster
from tests.server.test_gateway import wav


def transcribe(url: str) -> httpx.Response:
    """Three seconds of something like speech."""
    return httpx.post(f"{url}/asr", files={"audio": ("a.wav", wav(speech_like(3.0, seed=1)))}, timeout=PATIENCE_S)


@pytest.mark.slow
def test_a_segment_that_gets_stuck_is_replayed_elsewhere() -> None:
    """The second segment on each instance hangs, while its beats go on; every client gets the text of his recording."""
    model = "stub:hang_on=2"
    settings = ("--set", "dispatch.stall_s=1.0", "--set", "cache.bytes=0", "--set", "dispatch.hedge_share=0.0")
    with running_cluster("--instances", "2", "--model", model, *settings) as cluster:
        cluster.wait_ready(2)
        began = time.monotonic()
        answers = [transcribe(cluster.url) for _ in range(6)]
        took_s = time.monotonic() - began
        health = cluster.health()
    assert [answer.status_code for answer in answers] == [200] * 6
    assert len({answer.json()["text"] for answer in answers}) == 1
    assert took_s < 20, "the watchdog was not what ended the wait"
    assert all(line["last_success_s"] is not None for line in health["instances"] if line["state"] == "ready")


@pytest.mark.slow
def test_an_instance_that_goes_wrong_while_nobody_asks_is_replaced() -> None:
    """It answers looks, and takes no harm from them: only its canary shows that it hears nonsense now."""
    settings = ("--set", "dispatch.canary_interval_s=0.5")
    with running_cluster("--instances", "1", "--model", "stub:wrong_after=3", *settings) as cluster:
        (first,) = cluster.wait_ready(1)["instances"]
        (second,) = cluster.wait_ready(1, without=frozenset({first["pid"]}))["instances"]
    assert second["restarts"] >= 1
