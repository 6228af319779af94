"""Harken's arm: recordings that are refused, given up, or lose their instance."""

from __future__ import annotations

import pytest

from harken.bench.faults import read_fault
from harken.bench.instance import VirtualInstance
from harken.bench.pulling import Gateway
from harken.bench.score import Row, Score
from harken.bench.simulation import Scenario, make_arm, run_arm
from harken.bench.timeline import Timeline
from harken.bench.workload import Arrival
from harken.config import LimitsConfig
from harken.types import Priority


def run(*arrivals: tuple[float, float], limits: LimitsConfig | None = None, faults: tuple[str, ...] = ()) -> Row:
    """Recordings on two instances at real time with a slot each."""
    scenario = Scenario(
        workload=tuple(Arrival(at_s=at_s, audio_s=audio_s) for at_s, audio_s in arrivals),
        instances=2,
        slots=1,
        rtfx=1.0,
        limits=limits or LimitsConfig(),
        faults=tuple(read_fault(fault, instances=2) for fault in faults),
    )
    return run_arm(scenario, "auto")


def test_what_does_not_fit_into_the_queue_is_refused() -> None:
    """Two run, one waits, the fourth is too much."""
    row = run(*[(0.0, 10.0)] * 4, limits=LimitsConfig(queue_audio_s=15.0))
    assert (row.recordings, row.failures, row.queue_max_audio_s) == (4, 1, 10.0)


def test_a_recording_that_waits_too_long_fails_as_a_whole() -> None:
    """Its other segments leave the queue and their slots."""
    row = run(*[(0.0, 25.0)] * 2, (1.0, 90.0), (1.0, 20.0), limits=LimitsConfig(queue_timeout_s=26.0))
    assert row.failures == 1
    assert row.recordings == 4


def test_a_hung_instance_is_found_silent_and_its_segment_done_elsewhere() -> None:
    """It costs seconds, not the recording."""
    row = run((0.0, 20.0), faults=("stop:1@5", "stop:2@1000"))
    assert row.failures == 0
    assert row.short_p50_s == pytest.approx(5.0 + 6.0 + 20.0, abs=0.2)


def test_a_fleet_that_is_all_dead_holds_what_comes_until_it_is_back() -> None:
    """Killed at once, both are back after ten seconds."""
    row = run((5.0, 10.0), faults=("kill:1@1", "kill:2@1"))
    assert row.failures == 0
    assert row.short_p50_s == pytest.approx(1.0 + 10.0 + 10.0 - 5.0)


def test_after_a_run_nothing_waits_and_every_slot_is_back() -> None:
    """Whatever happened; classes and keys come from the arrivals."""
    timeline, score = Timeline(), Score()
    instances = [VirtualInstance(f"asr-{number}", slots=2, rtfx=1.0, timeline=timeline) for number in (1, 2)]
    gateway = make_arm("auto", Scenario(workload=(), instances=2, slots=2), instances, timeline, score)
    assert isinstance(gateway, Gateway)
    for number in range(20):
        priority = list(Priority)[number % 3]
        gateway.submit(Arrival(at_s=0.0, audio_s=1.0 + number * 5.0, key=f"key-{number % 4}", priority=priority))
    timeline.at(3.0, instances[0].kill)
    timeline.at(3.0, lambda: gateway.killed("asr-1"))
    for tick in range(200):
        timeline.at(tick / 2, gateway.look)
    timeline.run()
    assert (score.done, score.failures) == (20, 0)
    assert (len(gateway.desk), gateway.desk.queued_audio_s, gateway.pool.in_flight) == (0, 0.0, 0)
    assert not gateway.is_busy
