"""Rules of harken.telemetry.metrics and gauges: what a scrape says."""

from __future__ import annotations

import dataclasses

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from harken.dispatch.order.room import Waiting
from harken.dispatch.stats import Stats
from harken.events import CACHED, Event, Stage
from harken.telemetry.look import GpuLook, Look, MachineLook, QueueLook
from harken.telemetry.metrics import Metrics
from harken.telemetry.telemetry import Telemetry
from harken.testing.clock import FakeClock
from harken.transcribe.cache.counts import Counts
from harken.types import Figures, Health, InstanceHealth, LiveFigures, Priority
from tests.telemetry.facts import began, draft, ended, span, turn

LOOK = Look(
    kind="gateway",
    status="degraded",
    health=Health(
        name="gateway",
        is_ready=True,
        state="degraded",
        model="digits",
        queued_audio_s=12.5,
        loop_lag_s=0.25,
        instances=(
            InstanceHealth(
                name="asr-1",
                url="http://127.0.0.1:7861",
                state="ready",
                in_flight=2,
                slots=8,
                limit=4,
                last_success_s=1.5,
                restarts=3,
                figures=Figures(
                    device="cuda:0",
                    memory_bytes=1000,
                    gpu_memory_bytes=2000,
                    waiting=1,
                    busy_s=4.5,
                    audio_s=90.0,
                    tokens=70,
                    prefills=5,
                    decodes=60,
                ),
            ),
            InstanceHealth(name="asr-2", url="", state="broken_at_start"),
        ),
    ),
    machine=MachineLook(
        cores=2,
        cpu_busy=0.5,
        memory_bytes=10,
        memory_total_bytes=20,
        gpus=(GpuLook(index=0, name="H200", busy=None, memory_bytes=30, memory_total_bytes=40),),
    ),
    queue=QueueLook(
        classes=tuple(
            Waiting(priority=each, segments=number, audio_s=number / 2) for number, each in enumerate(Priority)
        ),
        limit_audio_s=3600.0,
        oldest_wait_s=0.75,
    ),
    stats=Stats(retries=1, replays=2, turned_away=3, ejections=4, hedges=9, hedges_won=5, hedges_failed=1),
    cache=Counts(hits=6, joined=7, misses=8),
    live=LiveFigures(
        limit=9,
        sessions=5,
        speaking=2,
        away=1,
        opened=20,
        refused=3,
        ended={"finished": 12, "slow_reader": 1},
        drafts=80,
        draft_s=0.25,
        at_odds=4,
        completed=30,
        audio_s=120.5,
    ),
)

Samples = dict[str, float]


def scraped(telemetry: Telemetry) -> Samples:
    """The samples of a scrape, by how Prometheus writes them."""
    text = telemetry.metrics().decode()
    return {
        sample.name + "".join(f" {name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def after(*events: Event, clock: FakeClock | None = None) -> Samples:
    """What a scrape says after these."""
    telemetry = Telemetry(lambda: LOOK, is_gateway=True, clock=clock or FakeClock())
    for event in events:
        telemetry.tell(event)
    return scraped(telemetry)


def test_requests_are_counted_by_route_class_and_outcome() -> None:
    """Times and lengths are of those that succeeded alone."""
    samples = after(
        began("a"),
        ended("a", took_s=0.5, audio_s=20.0, first_text_s=0.2),
        began("b"),
        ended("b", took_s=9.0, outcome="timed_out", status=504),
        began("c"),
        ended("d", outcome="queue_full", status=503, was_let_in=False),
        began("e"),
        ended("e", outcome="cancelled", status=None, audio_s=None),
        began("f"),
        ended("f", took_s=0.25, audio_s=None),
    )
    labels = "class=interactive"
    assert samples[f"harken_requests_total {labels} outcome=done route=/asr"] == 2
    assert samples[f"harken_requests_total {labels} outcome=cancelled route=/asr"] == 1
    assert samples[f"harken_requests_total {labels} outcome=timed_out route=/asr"] == 1
    assert samples[f"harken_requests_total {labels} outcome=queue_full route=/asr"] == 1
    assert samples["harken_requests_in_progress route=/asr"] == 1
    assert samples[f"harken_request_seconds_sum {labels} route=/asr"] == 0.75
    assert samples[f"harken_recording_audio_seconds_count {labels} route=/asr"] == 2
    assert samples[f"harken_recording_audio_seconds_sum {labels} route=/asr"] == 20.0
    assert samples[f"harken_first_text_seconds_count {labels}"] == 1


def test_stages_segments_and_tries_are_counted() -> None:
    """A cached segment took its time too; a try that failed has an outcome, and no time."""
    samples = after(
        span(Stage.SEGMENT, took_s=0.25, outcome=CACHED),
        span(Stage.TRY, took_s=2.0),
        span(Stage.TRY, took_s=8.0, outcome="instance_failed"),
    )
    assert samples["harken_stage_seconds_sum class=interactive stage=segment"] == 0.25
    assert samples["harken_stage_seconds_sum class=interactive stage=try"] == 2.0
    assert samples["harken_segments_total class=interactive outcome=cached"] == 1
    assert samples["harken_segment_audio_seconds_total class=interactive outcome=cached"] == 2.0
    assert samples["harken_tries_total outcome=instance_failed target=asr-1"] == 1
    assert samples["harken_try_audio_seconds_total outcome=done target=asr-1"] == 2.0
    assert samples["harken_try_seconds_sum target=asr-1"] == 2.0


def test_live_text_has_its_delays() -> None:
    """Of drafts while somebody speaks, and of the final text after he has."""
    samples = after(draft(took_s=0.25), draft(took_s=0.5), turn(took_s=1.25))
    assert samples["harken_live_draft_seconds_count"] == 2
    assert samples["harken_live_draft_seconds_sum"] == 0.75
    assert samples["harken_live_final_seconds_bucket le=1.0"] == 0
    assert samples["harken_live_final_seconds_bucket le=1.5"] == 1


def test_who_offers_no_live_transcription_has_no_sessions() -> None:
    """No series, rather than a limit of 0."""
    telemetry = Telemetry(lambda: dataclasses.replace(LOOK, live=None), is_gateway=True, clock=FakeClock())
    assert not [name for name in scraped(telemetry) if name.startswith("harken_live_sessions")]
    assert telemetry.cluster()["live"] is None


def test_what_is_owned_by_others_is_looked_up() -> None:
    """Queue, targets, engines, machine, dispatcher, cache."""
    samples = after()
    expected = {
        "harken_ready": 1,
        "harken_loop_lag_seconds": 0.25,
        "harken_queue_segments class=batch": 2,
        "harken_queue_audio_seconds class=interactive": 0.5,
        "harken_queue_limit_audio_seconds": 3600,
        "harken_queue_oldest_seconds": 0.75,
        "harken_targets state=ready": 1,
        "harken_targets state=broken_at_start": 1,
        "harken_target_ready target=asr-1": 1,
        "harken_target_ready target=asr-2": 0,
        "harken_target_in_flight target=asr-1": 2,
        "harken_target_limit target=asr-1": 4,
        "harken_target_slots target=asr-1": 8,
        "harken_target_last_success_seconds target=asr-1": 1.5,
        "harken_target_memory_bytes target=asr-1": 1000,
        "harken_target_gpu_memory_bytes target=asr-1": 2000,
        "harken_target_restarts_total target=asr-1": 3,
        "harken_engine_busy_seconds_total target=asr-1": 4.5,
        "harken_engine_audio_seconds_total target=asr-1": 90,
        "harken_engine_tokens_total target=asr-1": 70,
        "harken_engine_steps_total kind=prefill target=asr-1": 5,
        "harken_engine_steps_total kind=decode target=asr-1": 60,
        "harken_engine_waiting target=asr-1": 1,
        "harken_cpu_busy_ratio": 0.5,
        "harken_memory_used_bytes": 10,
        "harken_memory_total_bytes": 20,
        "harken_gpu_memory_used_bytes gpu=0": 30,
        "harken_gpu_memory_total_bytes gpu=0": 40,
        "harken_retries_total": 1,
        "harken_replays_total": 2,
        "harken_turned_away_total": 3,
        "harken_ejections_total": 4,
        "harken_hedges_total outcome=won": 5,
        "harken_hedges_total outcome=failed": 1,
        "harken_hedges_total outcome=lost": 3,
        "harken_cache_lookups_total outcome=hit": 6,
        "harken_cache_lookups_total outcome=joined": 7,
        "harken_cache_lookups_total outcome=miss": 8,
        "harken_live_sessions": 5,
        "harken_live_sessions_limit": 9,
        "harken_live_speaking": 2,
        "harken_live_away": 1,
        "harken_live_opened_total": 20,
        "harken_live_refused_total": 3,
        "harken_live_ended_total reason=finished": 12,
        "harken_live_ended_total reason=slow_reader": 1,
        "harken_live_turns_total": 30,
        "harken_live_turns_at_odds_total": 4,
        "harken_live_audio_seconds_total": 120.5,
    }
    assert {name: samples.get(name) for name in expected} == expected


def test_what_cannot_be_known_has_no_sample() -> None:
    """A zero would be believed."""
    samples = after()
    unknown = {
        "harken_gpu_busy_ratio gpu=0",
        "harken_target_last_success_seconds target=asr-2",
        "harken_target_memory_bytes target=asr-2",
        "harken_engine_tokens_total target=asr-2",
    }
    assert not unknown & set(samples)


def test_a_target_that_is_gone_loses_its_series_after_a_quarter_of_an_hour() -> None:
    """One that came back meanwhile keeps them; one that still tells after it was dropped begins anew."""
    metrics = Metrics(registry := CollectorRegistry())

    def names() -> set[str]:
        return {
            sample.labels["target"]
            for family in registry.collect()
            for sample in family.samples
            if "target" in sample.labels
        }

    for target in ("asr-1", "asr-2"):
        metrics.take(span(Stage.TRY, target=target))
    metrics.forget({"asr-1", "asr-2"}, 0.0)
    metrics.forget({"asr-1"}, 10.0)
    metrics.forget({"asr-1"}, 900.0)
    assert names() == {"asr-1", "asr-2"}
    metrics.forget({"asr-1"}, 910.0)
    assert names() == {"asr-1"}
    metrics.take(span(Stage.TRY, target="asr-2"))
    assert names() == {"asr-1", "asr-2"}


def test_two_servers_in_one_process_count_apart() -> None:
    """Nothing is global."""
    first, second = (Telemetry(lambda: LOOK, is_gateway=True, clock=FakeClock()) for _ in range(2))
    first.tell(span(Stage.TRY))
    assert "harken_tries_total outcome=done target=asr-1" in scraped(first)
    assert "harken_tries_total outcome=done target=asr-1" not in scraped(second)
