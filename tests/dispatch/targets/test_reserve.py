"""Which targets keep slots for short clips, and how many; and that the pool keeps to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.dispatch.targets.candidate import Work
from harken.dispatch.targets.health import Answered
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.target import Target
from harken.dispatch.targets.vitals import Patience
from harken.testing.clock import FakeClock
from harken.types import ModelInfo

BULK = Work(audio_s=30.0, is_bulk=True)


def make_pool(count: int, *, slots: int = 32, batches: bool = True) -> Pool:
    """A pool of ready targets that have found that all their slots are good."""
    pool = Pool(Patience(), clock=FakeClock(), on_change=lambda: None)
    for number in range(count):
        target = pool.add(f"target-{number}", f"http://target-{number}")
        target.model = ModelInfo(name="m", revision="1", max_segment_s=30.0, languages=(), slots=slots, batches=batches)
        pool.report(target, Answered(state="ready"))
        target.capacity.limit = slots
        pool.report(target, Answered(state="ready"))
    return pool


def filled_with(pool: Pool, work: Work) -> list[int]:
    """How many segments of this work each target takes."""
    while pool.claim((), work) is not None:
        pass
    return [target.in_flight for target in pool]


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, [32]), (2, [24, 32]), (3, [24, 32, 32]), (4, [11, 32, 32, 32]), (8, [11, 11, 32, 32, 32, 32, 32, 32])],
)
def test_one_target_in_four_keeps_slots_free_of_bulk_work(count: int, expected: list[int]) -> None:
    """Of two or three it keeps fewer, and one alone keeps none: there it would only cost throughput."""
    pool = make_pool(count)
    assert filled_with(pool, BULK) == expected
    assert (pool.has_open_slot, pool.has_free_slot) == (False, count > 1)
    assert filled_with(pool, Work(audio_s=5.0)) == [32] * count


def test_a_serial_server_keeps_nothing() -> None:
    """There nobody runs beside anybody."""
    assert filled_with(make_pool(4, batches=False), BULK) == [32] * 4


@pytest.mark.parametrize("leave", ["drain", "remove"])
def test_when_a_keeper_leaves_another_target_becomes_one(leave: str) -> None:
    """So that there is always a place for short clips; and what is open is known at once."""
    pool = make_pool(5)
    getattr(pool, leave)("target-0")
    claims = []
    while (claim := pool.claim((), BULK)) is not None:
        claims.append(claim)
    assert {target.name: target.in_flight for target in pool if target.takes_work} == {
        "target-1": 11,
        "target-2": 32,
        "target-3": 32,
        "target-4": 32,
    }
    claims[0].release()
    assert pool.has_open_slot


def test_bulk_work_avoids_the_targets_on_which_it_failed() -> None:
    """As any other."""
    pool = make_pool(2, slots=4)
    first, second = pool
    claims = [pool.claim({first}, BULK) for _ in range(4)]
    assert {claim.target for claim in claims if claim is not None} == {second}
    assert pool.claim({first}, BULK) is None


@given(st.integers(1, 40), st.integers(1, 64))
@pytest.mark.slow
def test_some_slot_of_every_target_is_open_to_bulk_work(count: int, slots: int) -> None:
    """However small the fleet and its slots are: nothing is shut out for good."""
    assert all(taken >= 1 for taken in filled_with(make_pool(count, slots=slots), BULK))


def test_a_target_that_is_not_ready_keeps_nothing() -> None:
    """A target that comes back under its name counts only when it is ready: now one of three keeps slots."""
    pool = make_pool(4)
    old = pool.get("target-0")
    new = pool.add("target-0", "http://new")
    assert isinstance(old, Target)
    assert new is not old
    assert filled_with(pool, BULK) == [24, 32, 32, 0]
