"""The first level."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from harken.transcribe.cache.memory import OVERHEAD_BYTES, Memory


def key(number: int) -> bytes:
    """A name."""
    return number.to_bytes(32, "big")


def test_the_longest_unused_goes_first() -> None:
    """What is asked for often stays."""
    memory = Memory(10 * (32 + 68 + OVERHEAD_BYTES), keep_s=60.0)
    for number in range(10):
        memory.put(key(number), b"x" * 68, 0.0)
    assert memory.get(key(0), 1.0) is not None
    memory.put(key(10), b"x" * 68, 1.0)
    assert memory.get(key(1), 1.0) is None
    assert memory.get(key(0), 1.0) is not None


def test_what_is_too_old_is_gone() -> None:
    """Its time counts from when it was kept, not from when it was used."""
    memory = Memory(100_000, keep_s=10.0)
    memory.put(key(1), b"x", 0.0)
    assert memory.get(key(1), 9.9) == b"x"
    assert memory.get(key(1), 10.0) is None
    assert memory.size == 0


def test_one_large_value_drives_nothing_out() -> None:
    """A value takes an eighth of the room at most."""
    memory = Memory(8000, keep_s=10.0)
    memory.put(key(1), b"x", 0.0)
    memory.put(key(2), b"x" * 1000, 0.0)
    assert memory.get(key(2), 0.0) is None
    assert memory.get(key(1), 0.0) == b"x"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 2000)), max_size=60))
def test_the_bound_holds_after_every_step(steps: list[tuple[int, int]]) -> None:
    """The size is the sum of what is kept, never more than allowed, and nothing returns what was not put last."""
    memory = Memory(8_000, keep_s=10.0)
    last: dict[int, bytes] = {}
    for number, size in steps:
        last[number] = bytes([number]) * size
        memory.put(key(number), last[number], 0.0)
        assert 0 <= memory.size <= 8_000
        found = [(one, memory.get(key(one), 0.0)) for one in last]
        assert all(value in (None, last[one]) for one, value in found)
        assert memory.size == sum(32 + len(v) + OVERHEAD_BYTES for _, v in found if v is not None)


def test_the_stated_size_is_not_less_than_the_real_one() -> None:
    """The bound is honest: Python's own bookkeeping is counted."""
    memory = Memory(1 << 30, keep_s=10.0)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(3000):
            memory.put(key(number), b"x" * (200 + number % 100), float(number))
        real = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.5 * memory.size < real <= memory.size
