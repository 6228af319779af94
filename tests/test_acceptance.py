"""The main job under fire: real speech, the real model, real processes, real signals."""

from __future__ import annotations

import asyncio
import os
import signal

import httpx
import pytest

from harken.samples import Sample, packaged_samples
from tests.cluster import Cluster, running_cluster


async def _ask(client: httpx.AsyncClient, url: str, sample: Sample, delay_s: float) -> tuple[Sample, httpx.Response]:
    await asyncio.sleep(delay_s)  # the load is spread over ten seconds
    files = {"audio": (sample.path.name, sample.path.read_bytes())}
    return sample, await client.post(f"{url}/asr", files=files, data={"language": "auto"})


async def _forty_while_two_fall(cluster: Cluster, killed: int, stopped: int) -> list[tuple[Sample, httpx.Response]]:
    samples = packaged_samples()
    async with httpx.AsyncClient(timeout=120) as client, asyncio.TaskGroup() as group:
        asked = [
            group.create_task(_ask(client, cluster.url, samples[i % len(samples)], i * 10.0 / 40)) for i in range(40)
        ]
        await asyncio.sleep(3.1)
        os.kill(killed, signal.SIGKILL)
        await asyncio.sleep(1.1)
        os.kill(stopped, signal.SIGSTOP)
    return [task.result() for task in asked]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_forty_requests_are_answered_while_one_instance_is_killed_and_one_stopped() -> None:
    """No accepted request fails; the killed instance comes back, and the stopped one is replaced."""
    with running_cluster("--model", "digits", "--instances", "4") as cluster:
        pids = [one["pid"] for one in cluster.wait_ready(4)["instances"]]
        answers = asyncio.run(_forty_while_two_fall(cluster, pids[0], pids[1]))
        assert [(answer.status_code, answer.json()) for _, answer in answers] == [
            (200, {"text": sample.text, "language": sample.language, "status": "success"}) for sample, _ in answers
        ]
        health = cluster.wait_ready(4, without=frozenset(pids[:2]))
        assert [one["restarts"] for one in health["instances"]] == [1, 1, 0, 0]
