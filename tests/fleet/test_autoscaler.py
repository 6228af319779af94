"""The autoscaler's rule: as stories of samples, and as what holds whatever the signals do."""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.config import AutoscaleConfig
from harken.fleet.autoscaler import Autoscaler, Block, Decision, Sample

CONFIG = AutoscaleConfig()
EACH = 8
"""Slots of an instance."""


def fleet(wanted: int, **changes: Any) -> Sample:
    """A fleet of ready, idle instances, each with 8 slots and a pace of 10, which start in 20 s."""
    ready = changes.pop("ready", wanted)
    plain = Sample(now=0.0, wanted=wanted, ready=ready, slots=ready * EACH, pace=10.0, start_s=20.0)
    return dataclasses.replace(plain, **changes)


def lasting(scaler: Autoscaler, sample: Sample, seconds: float, *, since: float = 0.0) -> Decision:
    """Look at the same for so long, until something is to change; returns the last decision."""
    for look in range(round(seconds / CONFIG.interval_s) + 1):
        decision = scaler.decide(dataclasses.replace(sample, now=since + look * CONFIG.interval_s))
        if decision.wanted != sample.wanted:
            break
    return decision


# --- more ---------------------------------------------------------------------------------------------------------


def test_a_backlog_adds_as_many_as_would_work_it_off_in_time() -> None:
    """400 s of audio at a pace of 10 are the work of 4 instances for 10 s."""
    decision = lasting(Autoscaler(CONFIG), fleet(2, in_flight=16, queued_audio_s=400.0), 60)
    assert (decision.wanted, decision.blocked_by) == (4, Block.NOTHING)
    assert decision.reason == ("400 s of audio wait, 20 s of work for 2 that are ready: 4 instances instead of 2.")


def test_a_backlog_must_last_before_it_counts() -> None:
    """Twenty clips that come at once are soon gone."""
    scaler = Autoscaler(CONFIG)
    busy, idle = fleet(2, in_flight=16, queued_audio_s=400.0), fleet(2)
    for now in (0.0, 10.0, 20.0, 30.0):
        assert scaler.decide(dataclasses.replace(busy, now=now)).blocked_by == Block.HOLDING
        scaler.decide(dataclasses.replace(idle, now=now + 5.0))


def test_a_fleet_at_most_doubles_at_once_unless_far_too_much_waits() -> None:
    """The pace may be wrong; but clients who wait for half a minute cannot wait for proof."""
    assert lasting(Autoscaler(CONFIG), fleet(2, in_flight=16, queued_audio_s=590.0), 60).wanted == 4
    assert lasting(Autoscaler(CONFIG), fleet(2, in_flight=16, queued_audio_s=790.0), 60).wanted == 8


def test_full_slots_add_one_before_anybody_waits() -> None:
    """13 of 16 slots are more than 80 %."""
    assert lasting(Autoscaler(CONFIG), fleet(2, in_flight=12), 60).wanted == 2
    assert lasting(Autoscaler(CONFIG), fleet(2, in_flight=13), 60).wanted == 3


def test_full_slots_must_last_longer_while_nobody_waits() -> None:
    """One long file fills them for half a minute."""
    full = fleet(2, in_flight=16)
    assert lasting(Autoscaler(CONFIG), full, 25).blocked_by == Block.HOLDING
    assert lasting(Autoscaler(CONFIG), full, 30).wanted == 3
    assert lasting(Autoscaler(CONFIG), dataclasses.replace(full, queued_audio_s=1.0), 10).wanted == 3


def test_a_long_wait_adds_one_where_no_pace_is_known() -> None:
    """The first minutes of a fleet; and not where the slots are free, because then it waits for something else."""
    waits = fleet(2, pace=None, queued_audio_s=60.0, oldest_wait_s=11.0)
    assert lasting(Autoscaler(CONFIG), dataclasses.replace(waits, in_flight=12), 60).wanted == 3
    assert lasting(Autoscaler(CONFIG), dataclasses.replace(waits, in_flight=2), 60).wanted == 2


def test_a_wait_that_is_nearly_over_asks_for_nothing() -> None:
    """The oldest has waited for long, but what waits is the work of two seconds."""
    sample = fleet(2, in_flight=12, queued_audio_s=40.0, oldest_wait_s=30.0)
    assert lasting(Autoscaler(CONFIG), sample, 60).wanted == 2


@pytest.mark.parametrize("share", ["cpu_share", "gpu_share"])
def test_a_busy_cpu_or_gpu_adds_one_and_no_second_one(share: str) -> None:
    """Where one more instance did not make it less busy, the next one will not either."""
    scaler = Autoscaler(CONFIG)
    assert lasting(scaler, fleet(2, in_flight=10, **{share: 0.9}), 60).wanted == 3
    assert lasting(scaler, fleet(3, in_flight=15, **{share: 0.9}), 600, since=60).wanted == 3
    scaler.decide(fleet(3, now=700.0, in_flight=15, **{share: 0.5}))  # it was less busy in between
    assert lasting(scaler, fleet(3, in_flight=15, **{share: 0.9}), 60, since=705).wanted == 4


def test_a_busy_machine_with_idle_instances_adds_nothing() -> None:
    """Somebody else is busy there; and a GPU counts as busy as soon as one single stream runs on it."""
    assert lasting(Autoscaler(CONFIG), fleet(2, in_flight=2, cpu_share=1.0, gpu_share=1.0), 600).wanted == 2


def test_nothing_is_added_where_the_cpu_is_the_limit() -> None:
    """Instances that compute on a full CPU take it from each other, however much waits."""
    sample = fleet(2, in_flight=16, queued_audio_s=5000.0, cpu_share=0.99, cores=8)
    decision = lasting(Autoscaler(CONFIG), sample, 600)
    assert (decision.wanted, decision.blocked_by) == (2, Block.CPU)
    assert "the CPU is the limit, at 99% of 8 cores: another instance would not help" in decision.reason
    busy = lasting(Autoscaler(CONFIG), dataclasses.replace(sample, queued_audio_s=0.0, in_flight=8), 600)
    assert busy.reason == (
        "The CPU is at 99%, but the CPU is the limit, at 99% of 8 cores: another instance would not help."
    )


def test_there_are_no_more_instances_than_cores_to_compute_on() -> None:
    """Also where the CPU has some room left."""
    sample = fleet(2, in_flight=16, queued_audio_s=5000.0, cpu_share=0.7, cores=3)
    assert lasting(Autoscaler(CONFIG), sample, 60).wanted == 3


def test_memory_is_a_ceiling() -> None:
    """And the decision says so, whether it keeps all or some from starting."""
    sample = fleet(2, in_flight=16, queued_audio_s=790.0)
    some = lasting(Autoscaler(CONFIG), dataclasses.replace(sample, room=1), 60)
    none = lasting(Autoscaler(CONFIG), dataclasses.replace(sample, room=0), 60)
    assert (some.wanted, some.blocked_by) == (3, Block.MEMORY)
    assert (none.wanted, none.blocked_by) == (2, Block.MEMORY)
    assert "memory has room for 2 and no more" in none.reason


def test_nothing_is_added_while_the_last_ones_start() -> None:
    """Unless more waits than they will ever bring."""
    sample = fleet(4, ready=2, starting=2, in_flight=16)
    some = lasting(Autoscaler(CONFIG), dataclasses.replace(sample, queued_audio_s=900.0), 120)
    much = lasting(Autoscaler(CONFIG), dataclasses.replace(sample, queued_audio_s=1300.0), 120)
    assert (some.wanted, some.blocked_by) == (4, Block.STARTING)
    assert much.wanted == 8


def test_nothing_is_added_right_after_an_addition() -> None:
    """A pause of 30 s, in which the new ones show what they bring."""
    scaler = Autoscaler(CONFIG)
    sample = fleet(2, in_flight=16, queued_audio_s=210.0)
    assert lasting(scaler, sample, 60).wanted == 3
    sample = fleet(3, in_flight=24, queued_audio_s=310.0)
    decisions = [scaler.decide(dataclasses.replace(sample, now=now)) for now in (15.0, 25.0, 35.0, 40.0)]
    assert [decision.wanted for decision in decisions] == [3, 3, 3, 4]
    assert decisions[2].blocked_by == Block.COOL_DOWN


def test_a_fleet_of_which_none_works_is_not_made_larger() -> None:
    """More of what cannot start would not start either."""
    decision = lasting(Autoscaler(CONFIG), fleet(2, ready=0, queued_audio_s=900.0), 600)
    assert (decision.wanted, decision.blocked_by) == (2, Block.NOT_READY)


# --- fewer --------------------------------------------------------------------------------------------------------


def test_instances_that_nobody_needs_go_by_halves() -> None:
    """Eight idle ones become four after five minutes, and two after five more."""
    scaler = Autoscaler(CONFIG)
    assert lasting(scaler, fleet(8), 295).wanted == 8
    assert scaler.decide(fleet(8, now=300.0)).wanted == 4
    assert lasting(scaler, fleet(4), 295, since=305.0).wanted == 4
    assert scaler.decide(fleet(4, now=605.0)).wanted == 2
    last = lasting(scaler, fleet(2), 2000, since=610.0)
    assert (last.wanted, last.blocked_by) == (2, Block.MIN)


def test_the_busiest_moment_of_the_last_minutes_decides_how_many_stay() -> None:
    """Not the moment in which it is decided."""
    scaler = Autoscaler(CONFIG)
    lasting(scaler, fleet(8), 100)
    scaler.decide(fleet(8, now=105.0, in_flight=33))  # of 6 instances' slots, 70 %
    assert lasting(scaler, fleet(8), 300, since=110.0).wanted == 7


def test_one_full_moment_begins_the_wait_anew() -> None:
    """As does one segment that waits, or an instance that starts."""
    for disturbed in (fleet(8, in_flight=60), fleet(8, queued_audio_s=1.0), fleet(8, ready=7, starting=1)):
        scaler = Autoscaler(CONFIG)
        lasting(scaler, fleet(8), 290)
        scaler.decide(dataclasses.replace(disturbed, now=295.0))
        assert lasting(scaler, fleet(8), 295, since=300.0).wanted == 8


def test_an_instance_that_takes_long_to_start_is_let_go_late() -> None:
    """Five times the start: ten minutes for two."""
    scaler = Autoscaler(CONFIG)
    assert lasting(scaler, fleet(8, start_s=120.0), 595).wanted == 8
    assert scaler.decide(fleet(8, now=600.0, start_s=120.0)).wanted == 4


def test_who_let_go_too_soon_waits_longer_next_time() -> None:
    """A load that comes back just after the removal meets an autoscaler that has learnt."""
    scaler, waits, now, wanted = Autoscaler(CONFIG), [], 0.0, 4
    for _ in range(4):
        began = now
        while wanted == 4:
            now += 5.0
            wanted = scaler.decide(fleet(4, now=now)).wanted
        waits.append(now - began)
        while wanted < 4:
            now += 5.0
            wanted = scaler.decide(fleet(wanted, now=now, in_flight=wanted * EACH, queued_audio_s=300.0)).wanted
    assert waits == pytest.approx([305, 605, 1205, 2405], abs=10)


def test_a_time_without_looks_proves_nothing() -> None:
    """A machine that slept for an hour does not know that nobody needed it."""
    scaler = Autoscaler(CONFIG)
    scaler.decide(fleet(8))
    assert scaler.decide(fleet(8, now=3600.0)).blocked_by == Block.HOLDING


def test_a_person_who_scales_begins_the_pauses_anew() -> None:
    """What somebody has just added is not taken away at once."""
    scaler = Autoscaler(CONFIG)
    lasting(scaler, fleet(4, in_flight=20), 100)
    assert lasting(scaler, fleet(8), 295, since=105.0).wanted == 8
    assert lasting(scaler, fleet(8), 5, since=405.0).wanted == 4


# --- the limits ---------------------------------------------------------------------------------------------------


def test_the_limits_hold_at_once() -> None:
    """Who starts with one or with twelve has two or eight."""
    few, many = Autoscaler(CONFIG).decide(fleet(1)), Autoscaler(CONFIG).decide(fleet(12, in_flight=90))
    assert (few.wanted, many.wanted) == (2, 8)
    held = Autoscaler(CONFIG).decide(fleet(1, room=0))
    assert (held.wanted, held.blocked_by) == (1, Block.MEMORY)


IDLE = dataclasses.replace(CONFIG, min=0)


def test_an_idle_fleet_goes_to_sleep_only_where_that_is_allowed() -> None:
    """With `min = 0`, after a quarter of an hour without a request."""
    for config, expected in ((IDLE, 0), (CONFIG, 2)):
        scaler = Autoscaler(config)
        decisions = [scaler.decide(fleet(2, now=now, last_request_s=now)) for now in range(0, 1000, 5)]
        assert decisions[-1].wanted == expected or any(decision.wanted == 0 for decision in decisions)
        assert {decision.wanted for decision in decisions[:60]} == {2}
    nobody = Autoscaler(IDLE)
    assert [nobody.decide(fleet(1, now=now)).wanted for now in (0.0, 450.0, 899.0, 900.0)] == [1, 1, 1, 0]


def test_an_instance_that_works_is_not_idle_however_long_ago_its_request_came() -> None:
    """One recording of ten hours is one request."""
    scaler = Autoscaler(IDLE)
    found = {scaler.decide(fleet(1, now=now, in_flight=1, last_request_s=now)).wanted for now in range(0, 5000, 5)}
    assert found == {1}


def test_a_held_request_wakes_the_fleet_at_once() -> None:
    """No pause and no patience: somebody waits, and there is nobody."""
    scaler = Autoscaler(IDLE)
    assert [scaler.decide(fleet(1, now=now)).wanted for now in (0.0, 900.0)] == [1, 0]
    assert scaler.decide(fleet(0, now=905.0)).wanted == 0
    woken = scaler.decide(fleet(0, now=906.0, held=1, queued_audio_s=5.0))
    assert (woken.wanted, woken.reason) == (1, "A request waits and there is no instance: 1 start.")
    full = scaler.decide(fleet(0, now=907.0, held=1, room=0))
    assert (full.wanted, full.blocked_by) == (0, Block.MEMORY)


def test_going_to_sleep_and_waking_up_is_not_regretted() -> None:
    """It was asked for, and says nothing about removals under load."""
    scaler = Autoscaler(IDLE)
    assert [scaler.decide(fleet(1, now=now)).wanted for now in (0.0, 900.0)] == [1, 0]
    assert scaler.decide(fleet(0, now=905.0, held=1)).wanted == 1
    assert lasting(scaler, fleet(4, last_request_s=0.0), 295, since=910.0).wanted == 4
    assert scaler.decide(fleet(4, now=1210.0, last_request_s=0.0)).wanted == 2


def test_many_held_requests_wake_as_many_as_they_need() -> None:
    """They are counted by the pace of before."""
    decision = Autoscaler(IDLE).decide(fleet(0, held=60, queued_audio_s=500.0))
    assert decision.wanted == 5


# --- the guide's signal -------------------------------------------------------------------------------------------

CPU = dataclasses.replace(CONFIG, signals="cpu")


def test_the_guides_signal_adds_and_removes_by_the_cpu_alone() -> None:
    """A queue adds nothing, and a full CPU one at a time, up to the limit."""
    assert lasting(Autoscaler(CPU), fleet(2, in_flight=16, queued_audio_s=900.0, cpu_share=0.5), 600).wanted == 2
    scaler, now, wanted = Autoscaler(CPU), 0.0, 2
    counts = [wanted]
    for _ in range(100):
        now += 5.0
        wanted = scaler.decide(fleet(wanted, now=now, in_flight=wanted * 4, cpu_share=1.0, cores=2)).wanted
        counts.append(wanted)
    assert sorted(set(counts)) == [2, 3, 4, 5, 6, 7, 8]
    assert lasting(scaler, fleet(8, in_flight=4, cpu_share=0.3), 600, since=now).wanted == 4


def test_the_guides_signal_says_when_it_is_misled() -> None:
    """On a full CPU that the instances share, another one makes nothing faster; it is added all the same."""
    decision = lasting(Autoscaler(CPU), fleet(2, in_flight=8, cpu_share=1.0, cores=2), 60)
    assert decision.wanted == 3
    assert "another one would not help" in decision.reason


def test_the_guides_signal_removes_nothing_that_is_in_use_or_unknown() -> None:
    """A GPU fleet has an idle CPU and full slots."""
    assert lasting(Autoscaler(CPU), fleet(8, in_flight=60, cpu_share=0.1), 900).wanted == 8
    assert lasting(Autoscaler(CPU), fleet(8, cpu_share=None), 900).wanted == 8


# --- whatever the signals do --------------------------------------------------------------------------------------


@st.composite
def configs(draw: st.DrawFn) -> AutoscaleConfig:
    """Any configuration that is allowed."""
    least = draw(st.integers(0, 4))
    return AutoscaleConfig(
        signals=draw(st.sampled_from(["auto", "auto", "cpu"])),
        min=least,
        max=draw(st.integers(max(least, 1), 12)),
        target_wait_s=draw(st.sampled_from([1.0, 10.0, 60.0])),
        up_after_s=draw(st.sampled_from([0.0, 10.0, 30.0])),
        down_after_s=draw(st.sampled_from([5.0, 60.0, 300.0])),
        up_pause_s=draw(st.sampled_from([0.0, 5.0, 30.0])),
        down_pause_s=draw(st.sampled_from([30.0, 120.0, 300.0])),
        idle_s=draw(st.sampled_from([1.0, 60.0, 900.0])),
    )


def any_moment(chance: Random, now: float, wanted: int) -> Sample:
    """Anything that a fleet of that size could look like, the likely and the odd."""
    ready = chance.choice([wanted, chance.randint(0, wanted)])
    slots = ready * chance.choice([1, 8, 128])
    waits = chance.choice([0.0, 0.0, chance.uniform(0.0, 100.0), chance.uniform(0.0, 1e5)])
    return Sample(
        now=now,
        wanted=wanted,
        ready=ready,
        starting=chance.choice([0, wanted - ready]),
        slots=slots,
        in_flight=chance.choice([0, slots, chance.randint(0, slots), slots + 1]),
        queued_audio_s=waits,
        oldest_wait_s=chance.uniform(0.0, 300.0) if waits else 0.0,
        held=chance.choice([0, 0, 1, 1000]) if wanted == 0 else 0,
        pace=chance.choice([None, 0.0, 1e-9, chance.uniform(0.1, 1000.0)]),
        start_s=chance.choice([None, 0.0, chance.uniform(0.0, 120.0)]),
        cpu_share=chance.choice([None, 0.0, 1.0, chance.random()]),
        gpu_share=chance.choice([None, 0.0, 1.0, chance.random()]),
        room=chance.choice([None, None, 0, 1, 100, -1]),
        last_request_s=chance.choice([None, 0.0, chance.uniform(0.0, 1e4)]),
        cores=chance.choice([None, 1, 2, 64]),
    )


def any_hour(scaler: Autoscaler, config: AutoscaleConfig, seed: int) -> Iterator[tuple[Sample, Decision]]:
    """An hour of looks at anything; moments last for a while, so that something can come of them."""
    chance = Random(seed)
    now, wanted = 0.0, chance.randint(config.min, config.max)
    while now < 3600.0:
        lasts, seen = chance.choice([1, 1, 3, 20, 80]), any_moment(chance, now, wanted)
        for _ in range(lasts):
            now += 5.0
            sample = dataclasses.replace(seen, now=now)
            if sample.wanted != wanted:
                sample = dataclasses.replace(any_moment(chance, now, wanted), queued_audio_s=seen.queued_audio_s)
            decision = scaler.decide(sample)
            yield sample, decision
            wanted = decision.wanted


@pytest.mark.slow
@settings(max_examples=40)
@given(configs(), st.integers(0, 2**32))
def test_the_count_stays_within_its_limits(config: AutoscaleConfig, seed: int) -> None:
    """Below the least only where memory has no room for it, and never beyond that room."""
    for sample, decision in any_hour(Autoscaler(config), config, seed):
        assert decision.wanted <= config.max
        assert decision.wanted >= config.min or decision.blocked_by == Block.MEMORY
        if sample.room is not None:
            assert decision.wanted <= sample.wanted + max(sample.room, 0)
        assert decision.reason.endswith(".")


@pytest.mark.slow
@settings(max_examples=40)
@given(configs(), st.integers(0, 2**32))
def test_nothing_is_removed_that_is_needed(config: AutoscaleConfig, seed: int) -> None:
    """Nor while anything waits, is held, or starts."""
    for sample, decision in any_hour(Autoscaler(config), config, seed):
        if decision.wanted < sample.wanted:
            assert sample.queued_audio_s == 0 and not sample.held and not sample.starting
            if sample.in_flight:
                assert decision.wanted >= 1
                assert decision.wanted * sample.slots >= sample.in_flight * sample.ready


@pytest.mark.slow
@settings(max_examples=40)
@given(configs(), st.integers(0, 2**32))
def test_flapping_is_impossible(config: AutoscaleConfig, seed: int) -> None:
    """Each removal is `down_pause_s` after whatever changed before, each addition `up_pause_s` after the last one."""
    changes = [
        (sample.now, decision.wanted - sample.wanted, sample.wanted)
        for sample, decision in any_hour(Autoscaler(config), config, seed)
        if decision.wanted != sample.wanted and sample.wanted >= config.min
    ]
    for (before, _, _), (at, by, _) in itertools.pairwise(changes):
        assert by > 0 or at - before >= config.down_pause_s
    additions = [(at, was) for at, by, was in changes if by > 0]
    for (before, _), (at, was) in itertools.pairwise(additions):
        assert was == 0 or at - before >= config.up_pause_s  # who is woken does not wait
    turns = sum((one[1] > 0) != (other[1] > 0) for one, other in itertools.pairwise(changes))
    assert turns <= 2 * (3600.0 / config.down_pause_s + 1)


@pytest.mark.slow
@settings(max_examples=20)
@given(configs(), st.integers(0, 2**32), st.floats(0.0, 1e6))
def test_more_in_the_queue_never_means_fewer_instances(config: AutoscaleConfig, seed: int, more_s: float) -> None:
    """At every moment of any hour, with everything else as it was."""
    scaler = Autoscaler(config)
    before = copy.deepcopy(scaler)
    for sample, decision in any_hour(scaler, config, seed):
        fuller = dataclasses.replace(sample, queued_audio_s=sample.queued_audio_s + more_s)
        assert before.decide(fuller).wanted >= decision.wanted
        before = copy.deepcopy(scaler)


@pytest.mark.slow
@settings(max_examples=20)
@given(configs(), st.integers(0, 2**32))
def test_whatever_was_before_a_load_that_stays_is_followed(config: AutoscaleConfig, seed: int) -> None:
    """An overload ends at the most, silence at the least; nothing that it remembers can keep it from that."""
    config = dataclasses.replace(config, signals="auto")
    scaler = Autoscaler(config)
    wanted = [decision.wanted for _, decision in any_hour(scaler, config, seed)][-1]
    busy_looks, silent_looks, now = 0, 0, 3600.0
    while wanted < config.max:
        busy_looks += 1
        now += 5.0
        wanted = scaler.decide(fleet(wanted, now=now, in_flight=wanted * EACH, queued_audio_s=1e5)).wanted
        assert busy_looks < 200
    while wanted > config.min:
        silent_looks += 1
        now += 5.0
        wanted = scaler.decide(fleet(wanted, now=now, last_request_s=5.0 * silent_looks)).wanted
        assert silent_looks < 8 * 720
