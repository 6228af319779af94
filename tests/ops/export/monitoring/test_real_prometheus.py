"""A real Prometheus watches a real cluster with the exported files: every question has its answer."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.cluster import Cluster, running_cluster
from tests.fleet.test_up import recording, signal_instance
from tests.ops.export.guide import free_ports
from tests.ops.export.monitoring.files import export, panels_of
from tests.ops.export.monitoring.prometheus_server import Prometheus, running_prometheus

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SILENT = {
    "GPU": "no GPU here",
    "GPU memory": "no GPU here",
    "Tries that failed": "none did",
}
"""Panels that may have nothing to show, and why."""

PAUSE_S = 0.1
"""Between the clients' rounds: two cores are enough for this."""

SAMPLES = 6
"""So many looks of Prometheus let every rate be known."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A cluster of two instances under load, the files, and the Prometheus that watches it by them."""

    cluster: Cluster
    folder: Path
    prometheus: Prometheus


@contextmanager
def under_load(url: str) -> Iterator[None]:
    """All sorts of requests, one after the other, until it is over: each class, a stream, a mistake, the cache."""
    is_over = threading.Event()

    def ask(client: httpx.Client, number: int) -> None:
        sound = recording(number, seconds=0.5)
        for urgency in ("live", "interactive", "batch"):
            client.post("/asr", files={"audio": ("a.wav", sound)}, headers={"X-Harken-Priority": urgency})
        form = {"model": "stub", "stream": "true"}
        client.post("/v1/audio/transcriptions", files={"file": ("a.wav", recording(number + 1))}, data=form)
        client.post("/asr", files={"audio": ("a.wav", b"no sound")})

    def run() -> None:
        number = 0
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            while not is_over.wait(PAUSE_S):
                ask(client, number := number + 2)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(60)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Looked at once a second, until it was looked at often enough."""
    folder = tmp_path_factory.mktemp("monitoring")
    first_port = free_ports(2)
    flags = ("--model", "stub", "--instances", "2", "--first-port", str(first_port))
    env = {"HARKEN_STATE_FOLDER": str(folder / "state"), "HARKEN_CACHE_BYTES": "1000000"}
    with (folder / "log").open("wb") as log, running_cluster(*flags, env=env, log=log) as cluster:
        cluster.wait_ready(2)
        settings = ("--set", f"fleet.first_port={first_port}", "--set", "fleet.instances=2")
        export(folder, "--address", cluster.url.removeprefix("http://"), "--interval-s", "1", *settings)
        with running_prometheus(folder) as prometheus, under_load(cluster.url):
            looks = (
                f'count_over_time(harken_requests_total{{route="/asr", class="batch", outcome="done"}}[5m]) > {SAMPLES}'
            )
            prometheus.wait(looks, "a rate is known")
            yield Watched(cluster=cluster, folder=folder, prometheus=prometheus)


def test_every_server_is_scraped(watched: Watched) -> None:
    """The gateway and both engines; of the engines only what the gateway does not know."""
    assert len(watched.prometheus.ask("up == 1")) == 3
    assert not watched.prometheus.ask("up == 0")
    inside = watched.prometheus.ask('count by (__name__, stage) ({job="harken-instances", __name__=~"harken.*"})')
    assert {one["metric"]["__name__"] for one in inside} <= {
        f"harken_stage_seconds_{part}" for part in ("bucket", "sum", "count")
    }
    assert {one["metric"]["stage"] for one in inside} >= {"wait", "generate"}  # the stub has no prefill


def test_every_rule_is_healthy_and_no_alert_fires(watched: Watched) -> None:
    """All were evaluated, none complains, and a cluster that is well alarms nobody."""
    rules = watched.prometheus.rules()
    assert len(rules) > 40
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []
    assert [rule["name"] for rule in rules if rule.get("state") == "firing"] == []


def test_every_recorded_figure_is_there(watched: Watched) -> None:
    """But the number of failed requests, of which there were none."""
    names = {rule["name"] for rule in watched.prometheus.rules() if rule["type"] == "recording"}
    empty = {name for name in names if not watched.prometheus.ask(name)}
    assert {name for name in empty if "failed" not in name} == set()
    assert watched.prometheus.value("cluster:harken_budget_burn:rate5m") == 0
    assert watched.prometheus.value("cluster:harken_rtfx:rate5m") > 0


def test_every_panel_has_something_to_show(watched: Watched) -> None:
    """Each of its questions, with Grafana's variables filled in as Grafana would."""
    empty = set()
    for panel in panels_of(watched.folder):
        for target in panel["targets"]:
            expr = target["expr"].replace("$__rate_interval", "15s").replace("$cluster", ".*")
            if not watched.prometheus.ask(expr):
                empty.add((panel["title"], target["expr"]))
    assert {(title, expr) for title, expr in empty if title not in SILENT} == set()


def test_a_client_s_mistakes_spend_no_budget(watched: Watched) -> None:
    """They are seen, by their code, and are no failures."""
    mistakes = 'sum(rate(harken_requests_total{outcome="undecodable_audio"}[1m]))'
    assert watched.prometheus.value(mistakes) > 0
    assert watched.prometheus.value("cluster:harken_budget_burn:rate1h") == 0


def test_a_killed_instance_is_seen(watched: Watched) -> None:
    """Its line is down until it is back, the alert waits for its five minutes, and the restart is counted."""
    health = watched.cluster.wait_ready(2)
    name, pid = health["instances"][0]["name"], health["instances"][0]["pid"]
    signal_instance(watched.cluster, pid, signal.SIGSTOP)  # a stopped one is found out, killed and replaced
    about = f'alertname="HarkenInstanceNotReady", target="{name}"'
    watched.prometheus.wait(f'last_over_time(ALERTS{{{about}, alertstate="pending"}}[5m])', "the alert is pending")
    watched.prometheus.wait(f'harken_target_restarts_total{{target="{name}"}} == 1', "its restart is counted")
    watched.cluster.wait_ready(2, without=frozenset({pid}))
    watched.prometheus.wait(f'harken_target_ready{{target="{name}"}} == 1', "it is back")
    assert not watched.prometheus.ask('ALERTS{alertstate="firing"}')
