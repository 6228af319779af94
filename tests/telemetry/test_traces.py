"""Rules of harken.telemetry.traces, against a real collector."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from harken.config import TracesConfig
from harken.events import Stage
from harken.samples import packaged_samples
from harken.telemetry.traces import Traces
from harken.telemetry.wall import Wall
from harken.trace import Trace, new_trace
from tests.cluster import running_cluster
from tests.telemetry.collector import collecting
from tests.telemetry.facts import ended, span
from tests.telemetry.trees import check_tree, names

CALLER = Trace(trace_id=0xABC, span_id=0xDEF)


def test_the_caller_decides_and_else_the_share() -> None:
    """A trace that he does not collect would have no beginning."""
    draws = iter([0.1, 0.9])
    traces = Traces(TracesConfig(endpoint="http://c", share=0.5), "gateway", draw=lambda: next(draws))
    ours = traces.begin(CALLER.header)
    assert ours is not None
    assert (ours.trace_id, ours.parent_id) == (CALLER.trace_id, CALLER.span_id)
    assert traces.begin(dataclasses.replace(CALLER, is_sampled=False).header) is None
    assert traces.begin(None) is not None
    assert traces.begin("not a header") is None


def test_facts_arrive_as_spans_with_their_own_identities() -> None:
    """Names, parents, times since 1970, what they say of the request, and which of them failed."""
    root = new_trace()
    with collecting() as collector:
        traces = Traces(
            TracesConfig(endpoint=collector.url),
            "gateway",
            wall=Wall(lambda: 1_790_000_000 * 10**9, lambda: 100 * 10**9),
        )
        traces.open()
        traces.tell(dataclasses.replace(span(Stage.TRY, at=101.0), trace=root.child("try")))
        traces.tell(dataclasses.replace(span(Stage.TRY, at=102.0, outcome="instance_failed"), trace=root.child("two")))
        traces.tell(span(Stage.QUEUE))  # of a request that is not traced
        traces.tell(dataclasses.replace(ended(at=100.5, took_s=2.5), trace=root))
        left = ended(at=100.5, took_s=2.6, outcome="cancelled", status=None, audio_s=None)
        traces.tell(dataclasses.replace(left, trace=root))
        traces.close()
        first, second, request, left_early = collector.spans
    assert collector.paths == {"/v1/traces"}
    assert (first.name, second.name, request.name) == ("try", "try", "POST /asr")
    assert {one.trace_id for one in collector.spans} == {f"{root.trace_id:032x}"}
    assert (request.span_id, request.parent_id) == (f"{root.span_id:016x}", "")
    assert first.parent_id == second.parent_id == request.span_id
    assert (first.began_ns, first.ended_ns) == (1_790_000_001_000_000_000, 1_790_000_002_000_000_000)
    assert [one.is_error for one in collector.spans] == [False, True, False, False]
    assert first.attributes["harken.target"] == "asr-1"
    assert (request.attributes["http.route"], request.attributes["http.response.status_code"]) == ("/asr", 200)
    # What is not known is left out.
    assert not {"http.response.status_code", "harken.audio_s"} & set(left_early.attributes)


def test_times_stay_true_when_the_machine_slept() -> None:
    """The monotonic clock stands still meanwhile. An instance is told of no request's end, so each span counts."""
    wall_ns = iter([1000 * 10**9, 1000 * 10**9 + 10, 9000 * 10**9])
    with collecting() as collector:
        wall = Wall(lambda: next(wall_ns), lambda: 100 * 10**9)
        traces = Traces(TracesConfig(endpoint=collector.url), "asr-1", wall=wall)
        traces.open()
        for _ in range(2):
            traces.tell(dataclasses.replace(span(at=99.0), trace=new_trace()))
        traces.close()
    assert [one.ended_ns for one in collector.spans] == [1000 * 10**9, 9000 * 10**9]


def test_an_operator_names_the_service_in_opentelemetrys_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several clusters may send to one collector; which server it was is still ours to say."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "speech")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test,service.instance.id=theirs")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-token=sesame")
    with collecting() as collector:
        traces = Traces(TracesConfig(endpoint=collector.url), "asr-1")
        traces.open()
        traces.tell(dataclasses.replace(span(), trace=new_trace()))
        traces.close()
    (one,) = collector.spans
    assert one.server == "asr-1"
    assert (one.resource["service.name"], one.resource["deployment.environment"]) == ("speech", "test")
    assert collector.headers["x-token"] == "sesame"


@pytest.mark.slow
def test_nothing_of_opentelemetry_is_loaded_while_it_is_off() -> None:
    """A gateway without traces pays nothing for them."""
    code = (
        "import sys, harken.fleet.up, harken.server.instance\n"
        "found = [name for name in sys.modules if name.startswith('opentelemetry.sdk')]\n"
        "sys.exit(f'loaded: {found}' if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_one_trace_goes_from_the_upload_to_the_engines_steps(tmp_path: Path) -> None:
    """Over both processes, beneath the caller's own span; and its number is in the log."""
    sample = next(iter(packaged_samples())).path
    written = tmp_path / "log"
    with collecting() as collector, written.open("wb") as log:
        env = {"HARKEN_TRACES_ENDPOINT": collector.url, "HARKEN_TRACES_SHARE": "0"}
        with running_cluster("--model", "digits", "--instances", "2", env=env, log=log) as cluster:
            cluster.wait_ready(2)
            plain = httpx.post(f"{cluster.url}/asr", files={"audio": sample.read_bytes()}, timeout=30)
            traced = httpx.post(
                f"{cluster.url}/v1/audio/transcriptions",
                files={"file": sample.read_bytes()},
                data={"response_format": "verbose_json", "timestamp_granularities[]": "word"},
                headers={"traceparent": CALLER.header},
                timeout=30,
            )
            assert (plain.status_code, traced.status_code) == (200, 200)
            spans = collector.until(lambda found: {"align", "POST /v1/audio/transcriptions"} <= {s.name for s in found})
    stages = ["align", "generate", "prefill", "queue", "read", "segment", "try", "upload", "wait"]
    assert names(spans) == sorted(["POST /v1/audio/transcriptions", *stages])
    root = check_tree(spans, caller=CALLER)
    assert root.trace_id == f"{CALLER.trace_id:032x}"
    (tried,) = (one for one in spans if one.name == "try")
    inside = [one for one in spans if one.server != "gateway"]
    assert {one.name for one in inside} == {"wait", "prefill", "generate", "align"}
    assert {one.parent_id for one in inside} == {tried.span_id}
    assert {one.server for one in inside} == {tried.attributes["harken.target"]}
    done = [line for line in written.read_text(encoding="utf-8").splitlines() if '"request.done"' in line]
    assert [f'"trace_id":"{root.trace_id}"' in line.replace(" ", "") for line in done] == [False, True]
