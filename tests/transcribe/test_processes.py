"""Mending over real processes: a gateway, instances that misbehave, a SIGKILL in the middle of a stream."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Iterator
from importlib.resources import files

import httpx
import numpy as np
import pytest
import soundfile

from harken.audio import decode
from tests.cluster import Cluster, running_cluster

PATH = "/v1/audio/transcriptions"


@pytest.fixture(scope="module")
def recording() -> bytes:
    """Four people one after another, 4.67 s."""
    names = ("english-01.wav", "chinese-01.wav", "english-02.wav", "chinese-02.wav")
    folder = files("harken.samples")
    parts = [decode((folder / name).read_bytes()).samples for name in names]
    out = io.BytesIO()
    soundfile.write(out, np.concatenate(parts), 16_000, format="WAV", subtype="PCM_16")
    return out.getvalue()


def post(cluster: Cluster, recording: bytes, **fields: str) -> httpx.Response:
    """One recording."""
    return httpx.post(f"{cluster.url}{PATH}", files={"file": ("a.wav", recording)}, data=fields, timeout=60)


def events(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """The events of a stream."""
    for line in lines:
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


@pytest.mark.slow
def test_loops_of_instances_reach_no_client(recording: bytes) -> None:
    """What is longer than 1.9 s loops, whatever the penalty: the parts are right, and nothing of a loop is told."""
    with running_cluster("--model", "stub:rtfx=1000,loop_longer_than_s=1.9", "--instances", "2") as cluster:
        cluster.wait_ready(2)
        body = post(cluster, recording).json()
        words = body["text"].split()
        assert set(words[0::3]) == {"stub"}
        assert sum(float(length.rstrip("s")) for length in words[2::3]) == pytest.approx(4.67, abs=0.03)
        assert "warnings" not in body
        with httpx.stream(
            "POST", f"{cluster.url}{PATH}", files={"file": ("a.wav", recording)}, data={"stream": "true"}, timeout=60
        ) as stream:
            told = list(events(stream.iter_lines()))
        assert told[-1]["text"] == body["text"]
        assert all(event["delta"].count("stub") <= 1 for event in told[:-1])


@pytest.mark.slow
def test_a_stream_goes_on_when_its_instance_is_killed(recording: bytes) -> None:
    """SIGKILL after the first text was told: the rest comes from another instance, once."""
    with running_cluster("--model", "stub:rtfx=3", "--instances", "2") as cluster:
        cluster.wait_ready(2)
        deltas: list[str] = []
        with httpx.stream(
            "POST", f"{cluster.url}{PATH}", files={"file": ("a.wav", recording)}, data={"stream": "true"}, timeout=60
        ) as stream:
            for event in events(stream.iter_lines()):
                if event["type"] == "transcript.text.done":
                    break
                deltas.append(event["delta"])
                if len(deltas) == 1:
                    (busy,) = [one for one in cluster.health()["instances"] if one["in_flight"]]
                    os.kill(busy["pid"], signal.SIGKILL)
        assert "".join(deltas) == event["text"]
        assert event["text"].startswith("stub ")
        assert len(event["text"].split()) == 3
