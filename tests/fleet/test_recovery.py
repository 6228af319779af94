"""`harken up` while its instances are replaced, stopped and left by clients: real processes, real signals."""

from __future__ import annotations

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from tests.cluster import PATIENCE_S, Cluster, running_cluster
from tests.fleet.test_up import TIMEOUT_S, ask, recording, signal_instance

pytestmark = pytest.mark.slow


async def until_in_flight(client: httpx.AsyncClient, urls: list[str], wanted: int) -> None:
    """Wait until so much runs in each instance, by its own word."""
    async with asyncio.timeout(TIMEOUT_S):
        for url in urls:
            while (await client.get(f"{url}/health")).json()["instances"][0]["in_flight"] != wanted:
                await asyncio.sleep(0.01)  # between two looks


def test_a_rolling_restart_of_all_instances_fails_nothing() -> None:
    """SIGTERM to one after another, each time until its successor is ready, under steady load."""
    is_over = False

    def client(number: int) -> list[int]:
        codes: list[int] = []
        while not is_over:
            codes.append(ask(cluster, 1000 * number + len(codes)).status_code)
        return codes

    flags = ("--set", "fleet.backoff_s=0.05", "--set", "fleet.probe_interval_s=0.1")
    with running_cluster("--model", "stub:rtfx=2", "--instances", "2", *flags) as cluster:
        pids = [one["pid"] for one in cluster.wait_ready(2)["instances"]]
        with ThreadPoolExecutor(4) as pool:
            clients = [pool.submit(client, number) for number in range(4)]
            for pid in pids:
                signal_instance(cluster, pid, signal.SIGTERM)
                psutil.Process(pid).wait(PATIENCE_S)
                cluster.wait_ready(2, without=frozenset({pid}))
            is_over = True
            codes = [code for each in clients for code in each.result()]
    assert set(codes) == {200}
    assert len(codes) > 20


def test_a_client_that_leaves_frees_the_engines_slots_of_both_tries() -> None:
    """A clip that is late runs on two instances; when its client goes, neither has anything left to do."""
    flags = ("--set", "dispatch.hedge_share=1", "--set", "cache.bytes=0")

    async def leaves(cluster: Cluster) -> None:
        urls = [one["url"] for one in cluster.health()["instances"]]
        async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_S) as client:
            files = {"audio": ("a.wav", recording(77, seconds=0.9))}
            request = asyncio.create_task(client.post(f"{cluster.url}/asr", files=files))
            await until_in_flight(client, urls, 1)
            request.cancel()
            await until_in_flight(client, urls, 0)
        assert all(one["in_flight"] == 0 for one in cluster.health()["instances"])

    with running_cluster("--model", "stub:rtfx=0.5", "--instances", "2", *flags) as cluster:
        cluster.wait_ready(2)
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda seed: ask(cluster, seed, seconds=0.3), range(40)))
        assert {answer.status_code for answer in answers} == {200}
        asyncio.run(leaves(cluster))
