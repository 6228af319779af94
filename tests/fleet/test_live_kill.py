"""Live sessions over a real fleet of which an instance is killed: people see a pause, and no error."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from harken.cli.client import open_session
from harken.cli.live_client import LiveClient
from harken.cli.live_sources import paced, read_file
from harken.cli.live_told import Told
from harken.cli.live_wish import LiveWish
from harken.clock import SystemClock
from harken.samples import packaged_samples
from tests.cluster import Cluster, running_cluster

pytestmark = pytest.mark.slow

SESSIONS = 6
_BETWEEN = np.zeros(12_000, np.int16)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Two instances of the digits model, and no cache."""
    with running_cluster("--model", "digits", "--instances", "2", "--threads", "1") as running:
        running.wait_ready(2)
        yield running


def _spoken() -> list[NDArray[np.int16]]:
    """Some seven seconds for each session: the longer recordings, two in a row."""
    long = sorted((read_file(one.path) for one in packaged_samples()), key=len)[-2 * SESSIONS :]
    return [np.concatenate([long[place], _BETWEEN, long[place + SESSIONS]]) for place in range(SESSIONS)]


def _offline(url: str, samples: NDArray[np.int16]) -> str:
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="WAV")
    answer = httpx.post(f"{url}/v1/audio/transcriptions", files={"file": ("one.wav", file.getvalue())}, timeout=60)
    text: str = answer.raise_for_status().json()["text"]
    return text


def _kill_a_busy_one(cluster: Cluster) -> None:
    """Kill the first instance that is seen at work."""
    while True:
        busy = [one for one in cluster.health()["instances"] if one["in_flight"]]
        if busy:
            os.kill(busy[0]["pid"], signal.SIGKILL)
            return


def test_an_instance_that_is_killed_costs_no_session_its_text(cluster: Cluster) -> None:
    """Every turn has the text of the same sound as a file, nothing that was final changed, and no connection broke."""
    spoken = _spoken()
    told: list[list[Told]] = [[] for _ in spoken]

    async def talk() -> None:
        async with open_session(connections=0) as http, asyncio.TaskGroup() as group:
            for samples, heard in zip(spoken, told, strict=True):
                group.create_task(say(http, samples, heard))
            while not all(any(one.kind == "text" for one in heard) for heard in told):
                await asyncio.sleep(0.02)
            await asyncio.to_thread(_kill_a_busy_one, cluster)

    async def say(http: object, samples: NDArray[np.int16], heard: list[Told]) -> None:
        wish = LiveWish(server=cluster.url, finds_turns=False)
        client = LiveClient(http, wish, tell=heard.append, warn=lambda _: None)  # type: ignore[arg-type]

        async def feed() -> None:
            async for packet in paced(samples, speed=1.0, clock=SystemClock()):
                await client.send(packet)

        await client.talk(feed)
        assert client.reconnects == 0

    asyncio.run(talk())
    cluster.wait_ready(2)
    for samples, heard in zip(spoken, told, strict=True):
        assert not [one for one in heard if one.kind in ("failed", "error")]
        (completed,) = (one for one in heard if one.kind == "completed")
        assert completed.text == _offline(cluster.url, samples)
        assert "".join(one.delta for one in heard) == completed.text
