"""How many at once: found from completions alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.dispatch.targets.capacity import START, Capacity
from harken.dispatch.targets.climb import Completion
from harken.engine.stub_work import SharedWork, speedup
from tests.dispatch.busy import Busy, Curve

RTFX = 60.0


def table_2(running: int) -> float:
    """The published curve of the 0.6B model."""
    return RTFX * speedup(running)


def serial(running: int) -> float:
    """One after another, however many it accepts."""
    return RTFX


def peaked(peak: int) -> Curve:
    """The published curve up to a peak; beyond it less and less."""
    return lambda running: RTFX * speedup(min(running, peak)) * (peak / max(running, peak)) ** 0.5


def best(curve: Curve, slots: int) -> float:
    """What could be had with the right limit."""
    return max(curve(running) for running in range(1, slots + 1))


@pytest.mark.parametrize(
    ("curve", "slots", "least", "lowest", "highest"),
    [
        (table_2, 8, 0.98, 7, 8),
        (table_2, 32, 0.97, 26, 32),
        (table_2, 64, 0.97, 50, 64),
        (serial, 8, 0.98, 1, 2),
        (serial, 64, 0.98, 1, 3),
        (peaked(8), 64, 0.97, 6, 10),
        (peaked(32), 64, 0.95, 24, 40),
        (lambda running: RTFX * min(running, 16), 64, 0.97, 15, 21),
    ],
)
def test_it_finds_the_limit_at_which_most_is_done(
    curve: Curve, slots: int, least: float, lowest: int, highest: int
) -> None:
    """After half a minute under full load it is within a few percent of the best, and not far above the knee."""
    busy = Busy(curve, slots=slots)
    assert busy.settle(30.0) >= least * best(curve, slots)
    assert lowest <= busy.capacity.limit <= highest


@pytest.mark.parametrize("curve", [table_2, peaked(32)])
def test_segments_that_take_longer_or_shorter_than_their_length_says_do_not_mislead_it(curve: Curve) -> None:
    """Work differs from length by about a fifth, as it does where some speak fast."""
    busy = Busy(curve, slots=64, noise=0.2)
    assert busy.settle(60.0) >= 0.88 * best(curve, 64)


def test_a_burst_reaches_full_width_within_moments() -> None:
    """Four instances that have just started must not hold up a queue."""
    busy = Busy(table_2, slots=32)
    while busy.capacity.limit < 32:
        busy.run(0.1)
    assert busy.now < 1.5


def test_an_instance_that_becomes_half_as_fast_keeps_a_good_limit() -> None:
    """The same curve, lower: the same limit is right."""
    busy = Busy(table_2, slots=32)
    busy.run(30.0)
    busy.curve = lambda running: table_2(running) / 2
    assert busy.settle(30.0) >= 0.95 * best(busy.curve, 32)


@pytest.mark.parametrize(("before", "after"), [(32, 8), (8, 32)])
def test_it_follows_when_the_best_limit_moves(before: int, after: int) -> None:
    """Another process came to the machine, or left it."""
    busy = Busy(peaked(before), slots=64)
    busy.run(30.0)
    busy.curve = peaked(after)
    assert busy.settle(45.0) >= 0.93 * best(busy.curve, 64)


def completion(*, in_flight: int, now: float = 1.0, load: float | None = None) -> Completion:
    """A success of a segment of 6 s after 1 s."""
    return Completion(now=now, audio_s=6.0, took_s=1.0, load=load or in_flight, in_flight=in_flight)


def test_slow_start_adds_one_for_each_success() -> None:
    """So it doubles with each round, up to the slots."""
    capacity = Capacity()
    for expected in (5, 6, 7, 8, 8):
        capacity.completed(completion(in_flight=capacity.limit), slots=8)
        assert capacity.limit == expected


def test_it_never_moves_while_it_does_not_bind() -> None:
    """A quiet hour teaches nothing about how much is too much."""
    capacity = Capacity()
    for number in range(1000):
        capacity.completed(completion(in_flight=START - 1, now=number), slots=32)
    assert capacity.limit == START


def test_a_refusal_sets_it_below_and_from_there_it_grows_by_one_per_round() -> None:
    """Others use the instance too: at 9 it was full, so 8 are ours; as in TCP after a loss."""
    capacity = Capacity()
    for _ in range(12):
        capacity.completed(completion(in_flight=capacity.limit), slots=32)
    assert capacity.limit == 16
    capacity.refused(9)
    assert capacity.limit == 8
    grown = []
    for _ in range(17):
        capacity.completed(completion(in_flight=capacity.limit), slots=32)
        grown.append(capacity.limit)
    assert (grown[6], grown[7], grown[16]) == (8, 9, 10)


def test_a_refusal_never_takes_the_last_slot() -> None:
    """Something must be tried, or nothing can be learned."""
    capacity = Capacity()
    capacity.refused(1)
    capacity.refused(0)
    assert capacity.limit == 1


def test_successes_that_nobody_measured_still_open_the_way() -> None:
    """Slow start needs no times."""
    capacity = Capacity()
    for _ in range(40):
        done = Completion(now=0.0, audio_s=0.0, took_s=0.0, load=1.0, in_flight=capacity.limit)
        capacity.completed(done, slots=32)
    assert capacity.limit == 32


@settings(deadline=None)  # a busy machine is no defect
@given(
    st.lists(st.tuples(st.integers(0, 40), st.floats(0.0, 5.0), st.floats(0.01, 30.0), st.booleans()), max_size=200),
    st.lists(st.integers(1, 40), min_size=1, max_size=4),
)
def test_whatever_happens_it_stays_between_one_and_the_slots(
    events: list[tuple[int, float, float, bool]], slots: list[int]
) -> None:
    """Also where the slots change in between."""
    capacity, now = Capacity(), 0.0
    for index, (in_flight, took_s, audio_s, is_refused) in enumerate(events):
        now += took_s
        if is_refused:
            capacity.refused(in_flight)
        else:
            load = max(in_flight, 1)
            done = Completion(now=now, audio_s=audio_s, took_s=took_s, load=load, in_flight=max(load, capacity.limit))
            most = slots[index * len(slots) // len(events)]
            capacity.completed(done, most)
            assert capacity.limit <= most
        assert capacity.limit >= 1


def test_the_stub_engine_is_used_to_its_full_width() -> None:
    """The very engine of `--model stub`, with segments of one length, all of it under a virtual clock."""
    work, capacity, now, running, next_key = SharedWork(rtfx=RTFX, now=0.0), Capacity(), 0.0, dict[int, float](), 0
    for _ in range(2000):
        while len(running) < capacity.limit:
            work.start(next_key, 10.0 + next_key % 7, parts=1, now=now)
            running[next_key] = now
            next_key += 1
        in_s = work.next_in_s()
        assert in_s is not None
        now += in_s
        for mark in work.passed(now=now):
            started, in_flight = running.pop(mark.key), len(running) + 1
            work.stop(mark.key, now=now)
            audio_s, load = 10.0 + mark.key % 7, float(in_flight)
            done = Completion(now=now, audio_s=audio_s, took_s=now - started, load=load, in_flight=in_flight)
            capacity.completed(done, slots=32)
    assert capacity.limit >= 26
