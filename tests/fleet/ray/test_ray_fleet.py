"""`harken up --fleet ray` over a real Ray cluster: raylets at addresses of their own, killed and added."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from harken.errors import SetupError
from harken.fleet.ray.join import join
from harken.fleet.ray.messages import Kind
from harken.samples import packaged_samples
from tests.cluster import Cluster, running_cluster
from tests.fleet.ray.ray_bridge import ask_for_place
from tests.fleet.ray.ray_cluster import PATIENCE_S, RayCluster, running_ray, until
from tests.fleet.test_up import ask as up_ask

pytestmark = pytest.mark.slow

CALM = ("--set", "fleet.backoff_s=0.05")


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[RayCluster]:
    """A head without room, and a node with room for one."""
    with running_ray() as cluster:
        cluster.add("127.0.0.3", 1)
        yield cluster


def flags(ray_cluster: RayCluster, *more: str) -> tuple[str, ...]:
    """Of a gateway in that cluster."""
    return ("--fleet", "ray", "--set", f"ray.address={ray_cluster.address}", *CALM, *more)


def ask(url: str, path: Path) -> tuple[int, str]:
    """Transcribe a recording; its status and text."""
    with path.open("rb") as file:
        answer = httpx.post(f"{url}/v1/audio/transcriptions", files={"file": file}, timeout=PATIENCE_S)
    return answer.status_code, answer.json().get("text", answer.text)


def harken(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "harken", *arguments]
    surroundings = {**os.environ, **(env or {})}
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, env=surroundings, check=False)


@pytest.mark.timeout(180)
def test_a_node_that_dies_under_load_costs_no_request(ray_cluster: RayCluster) -> None:
    """Room that is missing is waited for, not failed; nodes come, die and are replaced, and every text is right."""
    is_over = threading.Event()
    texts: dict[int, str] = {}

    def client(number: int) -> list[tuple[int, int, str]]:
        answers: list[tuple[int, int, str]] = []
        while not is_over.is_set():
            seed = (number + len(answers)) % 6
            answer = up_ask(cluster, seed)
            answers.append((seed, answer.status_code, answer.text))
        return answers

    with running_cluster(*flags(ray_cluster, "--model", "stub:rtfx=5", "--instances", "1")) as cluster:
        cluster.wait_ready(1)
        # It answers once the new one is ready or, as here, waits for room: nobody knows when that will be.
        scaled = httpx.post(f"{cluster.url}/admin/scale", json={"count": 2}, timeout=PATIENCE_S)
        assert (scaled.status_code, scaled.json()["now"]) == (200, 2), scaled.text
        texts = {seed: up_ask(cluster, seed).text for seed in range(6)}
        assert lacking(cluster)
        assert cluster.health()["status"] == "degraded"
        ray_cluster.add("127.0.0.4", 1)
        health = cluster.wait_ready(2)
        assert {address(one) for one in health["instances"]} == {"127.0.0.3", "127.0.0.4"}
        assert all(one["pid"] is None and one["restarts"] == 0 for one in health["instances"])

        with ThreadPoolExecutor(3) as pool:
            clients = [pool.submit(client, number) for number in range(3)]
            try:
                until(lambda: all(one["in_flight"] for one in cluster.health()["instances"]), "both work")
                ray_cluster.kill("127.0.0.4")
                until(lambda: cluster.health()["status"] == "degraded", "noticed")
                ray_cluster.add("127.0.0.5", 1)
                cluster.wait_ready(2)
            finally:
                is_over.set()
        answers = [answer for done in clients for answer in done.result()]
        assert len(answers) > 20
        assert {status for _, status, _ in answers} == {200}
        assert all(text == texts[seed] for seed, _, text in answers)
        assert {address(one) for one in cluster.health()["instances"]} == {"127.0.0.3", "127.0.0.5"}
    assert until(ray_cluster.is_empty, "nothing left after SIGTERM")


def address(line: dict[str, Any]) -> str:
    """Of the node on which an instance runs."""
    return str(urlsplit(line["url"]).hostname)


def lacking(cluster: Cluster) -> bool:
    """One of its instances waits for room, and says so."""
    lines = cluster.health()["instances"]
    return any(one["state"] == "waiting" and one["detail"].startswith("It waits for room") for one in lines)


def test_a_killed_instance_comes_back_and_is_right(ray_cluster: RayCluster) -> None:
    """The digits model on a node: SIGKILL to its process costs one start, and no text."""
    sample = next(one for one in packaged_samples() if one.language == "English")
    with running_cluster(*flags(ray_cluster, "--model", "digits", "--instances", "1")) as cluster:
        cluster.wait_ready(1)
        [victim] = ray_cluster.instances()
        os.kill(victim, signal.SIGKILL)
        until(lambda: ray_cluster.instances() and victim not in ray_cluster.instances(), "another process")
        status, text = ask(cluster.url, sample.path)
        assert (status, _same(text, sample.text)) == (200, True)
        assert [one["restarts"] for one in cluster.health()["instances"]] == [1]
    assert until(ray_cluster.is_empty, "nothing left")


def _same(text: str, truth: str) -> bool:
    return [word.strip(".,") for word in text.lower().split()] == [word.strip(".,") for word in truth.lower().split()]


def test_what_ray_ends_is_started_again_and_a_killed_gateway_leaves_nothing(
    ray_cluster: RayCluster, tmp_path: Path
) -> None:
    """The bridge is killed: its instances go, and come back through another; the gateway is killed: all go for good."""
    flagged = flags(ray_cluster, "--model", "stub", "--instances", "1")
    with (tmp_path / "log").open("wb") as log, running_cluster(*flagged, log=log) as cluster:
        cluster.wait_ready(1)
        [before] = ray_cluster.instances()
        bridge(cluster).kill()
        until(lambda: ray_cluster.instances() and before not in ray_cluster.instances(), "another")
        assert cluster.wait_ready(1)["instances"][0]["restarts"] >= 1
        told = {line["event"]: line for line in map(json.loads, (tmp_path / "log").read_text().splitlines())}
        assert (told["ray.bridge_lost"]["exit_code"], "signal 9" in told["ray.bridge_lost"]["reason"]) == (-9, True)
        assert "The bridge into the Ray cluster is lost: signal 9" in told["instance.restart"]["reason"]
        assert "instance.crashed" not in told
        cluster.process.kill()
        cluster.process.wait(10)
        assert until(ray_cluster.is_empty, "nothing left after SIGKILL")


@pytest.mark.timeout(180)
def test_a_bridge_that_hangs_is_replaced_and_holds_up_nobody(ray_cluster: RayCluster) -> None:
    """A stopped process dies by no signal of its own: an instance comes back, `scale` answers, SIGTERM ends it all."""
    with running_cluster(*flags(ray_cluster, "--model", "stub", "--instances", "1")) as cluster:
        cluster.wait_ready(1)
        hanging = bridge(cluster)
        hanging.suspend()
        [victim] = ray_cluster.instances()
        os.kill(victim, signal.SIGKILL)
        scaled = httpx.post(f"{cluster.url}/admin/scale", json={"count": 2}, timeout=PATIENCE_S)
        assert (scaled.status_code, scaled.json()["now"]) == (200, 2), scaled.text
        cluster.wait_ready(1)
        assert not hanging.is_running()
        bridge(cluster).suspend()
        cluster.process.send_signal(signal.SIGTERM)
        assert cluster.process.wait(20) == 0
    assert until(ray_cluster.is_empty, "nothing left")


def bridge(cluster: Cluster) -> psutil.Process:
    """That of a gateway."""
    children = psutil.Process(cluster.process.pid).children()
    [found] = [one for one in children if "harken.fleet.ray.bridge" in one.cmdline()]
    return found


def test_an_instance_that_cannot_start_is_broken_and_says_why(ray_cluster: RayCluster) -> None:
    """As on one machine: exit code 3, and the instance's own words, from whatever node."""
    done = harken("up", *flags(ray_cluster, "--model", "/no/such/model", "--instances", "1", "--port", "0"))
    assert done.returncode == 3
    assert "/no/such/model" in done.stderr.splitlines()[-1]
    assert until(ray_cluster.is_empty, "nothing left")


def test_what_ray_does_not_take_costs_one_instance_and_not_the_bridge(ray_cluster: RayCluster, tmp_path: Path) -> None:
    """An amount that Ray cannot count ends that try, with Ray's reason; the next is heard."""
    odd = (str(Path(__file__).parent / "ray_odd_bridge.py"),)
    heard = ask_for_place(ray_cluster.address, tmp_path, times=2, command=odd)
    assert [one.kind for one in heard.told] == [Kind.CONNECTED, Kind.REFUSED, Kind.REFUSED]
    assert "precision" in heard.told[-1].text, heard.told[-1].text


def test_a_cluster_that_is_not_there_is_told() -> None:
    """Exit code 3, and what would help, in the last line."""
    done = harken("up", "--fleet", "ray", "--model", "stub", "--port", "0", "--set", "ray.address=127.0.0.9:1")
    assert done.returncode == 3
    assert "The Ray cluster at 127.0.0.9:1 cannot be reached" in done.stderr.splitlines()[-1]


def test_an_address_that_cannot_be_is_told_before_anything_listens() -> None:
    """Exit code 2, and no address announced."""
    done = harken("up", "--fleet", "ray", "--model", "stub", "--port", "0", "--set", "ray.address=10.0.0.1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "HOST:PORT" in done.stderr


def test_no_cluster_at_all_is_told_in_words_of_harken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's own advice is a flag that `harken up` does not have. Other clusters of this machine are not looked at."""
    from ray._private import services

    with tempfile.TemporaryDirectory(prefix="ray") as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)
        monkeypatch.delenv("RAY_ADDRESS", raising=False)
        monkeypatch.setattr(services, "find_gcs_addresses", set)
        with pytest.raises(SetupError, match=r"There is no Ray cluster here.*--set ray.address=HOST:PORT") as caught:
            join("auto")
        assert "--address flag" not in caught.value.message
        monkeypatch.setenv("RAY_ADDRESS", "foo")
        with pytest.raises(SetupError, match="RAY_ADDRESS is 'foo'"):
            join("auto")


def test_a_node_with_another_harken_is_the_reason_also_between_two_tries(tmp_path: Path) -> None:
    """Whoever looks, whenever, sees which versions do not fit."""
    (tmp_path / "sitecustomize.py").write_text('import harken\n\nharken.__version__ = "0.0.9"\n')
    paths = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    with running_ray({"PYTHONPATH": paths}, cpus=1) as other:
        often = ("--set", "fleet.start_retries=1000", "--set", "fleet.backoff_max_s=0.2")
        with running_cluster(*flags(other, "--model", "stub", "--instances", "1", *often)) as cluster:
            until(lambda: any("has Harken 0.0.9" in one["detail"] for one in cluster.health()["instances"]), "refused")
            details = [cluster.health()["instances"][0]["detail"] for _ in range(50)]
            assert all("has Harken 0.0.9" in detail for detail in details), details
