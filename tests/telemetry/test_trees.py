"""The traces of real clusters: every kind of request is one tree, also where an instance dies in the middle."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.cluster import Cluster, running_cluster
from tests.fleet.test_up import recording, signal_instance
from tests.telemetry.collector import Told, collecting
from tests.telemetry.trees import check_tree, names, traces_in

pytestmark = pytest.mark.slow

TIMEOUT_S = 60.0


def post(cluster: Cluster, name: str, data: bytes) -> httpx.Response:
    """Have a recording transcribed under this name."""
    return httpx.post(
        f"{cluster.url}/asr", files={"audio": data}, headers={"X-Request-Id": name}, timeout=TIMEOUT_S, trust_env=False
    )


def test_long_cached_and_background_requests_and_those_of_an_instance_are_one_tree_each() -> None:
    """Many segments beneath one request; nothing beneath a segment that the cache knew; a job's file begins a trace.

    The web framework would send spans of its own, too, in an environment that asks for them.
    """
    with collecting() as collector:
        env = {"HARKEN_TRACES_ENDPOINT": collector.url, "HARKEN_CACHE_BYTES": "1000000"}
        env |= {"FASTAPI_OTEL_AUTO_CONFIGURE": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        with running_cluster("--model", "stub:max_segment_s=3", "--instances", "2", env=env) as cluster:
            instance = cluster.wait_ready(2)["instances"][0]
            data = recording(1, seconds=14.0)
            for name in ("req_long", "req_again"):
                assert post(cluster, name, data).status_code == 200
            assert post(cluster, "req_broken", b"no audio").status_code == 400
            direct = Cluster(url=instance["url"], process=cluster.process)
            assert post(direct, "req_direct", recording(2, seconds=1.0)).status_code == 200
            job = httpx.post(
                f"{cluster.url}/v1/jobs", files={"file": recording(3, seconds=1.0)}, timeout=TIMEOUT_S, trust_env=False
            ).json()["id"]
            collector.until(lambda spans: any(one.name == "job" for one in spans))
        found = traces_in(collector.spans)  # a server that leaves has sent all it had
    roots = {name: check_tree(spans) for name, spans in found.items()}
    assert set(roots) == {"req_long", "req_again", "req_broken", "req_direct", f"{job}.0.1"}
    segments = names(found["req_long"]).count("segment")
    assert segments >= 4
    for stage in ("queue", "try", "wait", "generate"):
        assert names(found["req_long"]).count(stage) == segments
    assert names(found["req_again"]) == ["POST /asr", "read", *["segment"] * segments, "upload"]
    assert {one.attributes["harken.outcome"] for one in found["req_again"] if one.name == "segment"} == {"cached"}
    assert roots["req_broken"].attributes["http.response.status_code"] == 400
    assert not roots["req_broken"].is_error  # a mistake of the client's, as OpenTelemetry has it for servers
    assert {one.server for one in found["req_direct"]} == {instance["name"]}
    assert names(found["req_direct"]) == ["POST /asr", "generate", "read", "segment", "upload", "wait"]
    assert names(found[f"{job}.0.1"]) == ["generate", "job", "queue", "read", "segment", "try", "wait"]


def test_an_instance_that_dies_in_the_middle_leaves_both_tries_in_one_trace() -> None:
    """The first failed where it was, the second succeeded elsewhere, beneath one segment."""
    with collecting() as collector, ThreadPoolExecutor(1) as pool:
        env = {"HARKEN_TRACES_ENDPOINT": collector.url}
        flags = ("--set", "dispatch.hedge_share=0")
        with running_cluster("--model", "stub:rtfx=1", "--instances", "2", *flags, env=env) as cluster:
            cluster.wait_ready(2)
            answer = pool.submit(post, cluster, "req_1", recording(1, seconds=3.0))
            doomed, pid = until_busy(cluster)
            signal_instance(cluster, pid, signal.SIGKILL)
            assert answer.result(TIMEOUT_S).status_code == 200
        found = traces_in(collector.spans)["req_1"]
    check_tree(found)
    first, second = (one for one in found if one.name == "try")
    assert first.is_error
    assert not second.is_error
    assert first.attributes["harken.target"] == doomed != second.attributes["harken.target"]
    assert first.parent_id == second.parent_id == only(found, "segment").span_id
    assert only(found, "generate").parent_id == second.span_id


def until_busy(cluster: Cluster) -> tuple[str, int]:
    """Wait until an instance works; return its name and process."""
    while True:
        for one in cluster.health()["instances"]:
            if one["in_flight"]:
                return one["name"], one["pid"]


def only(spans: list[Told], name: str) -> Told:
    """The span of this name, of which there is one."""
    (found,) = (one for one in spans if one.name == name)
    return found
