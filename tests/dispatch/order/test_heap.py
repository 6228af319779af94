"""A heap whose entries may die."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harken.dispatch.order.heap import Heap


@given(st.lists(st.integers(0, 20)), st.sets(st.integers(0, 40)))
def test_the_living_come_up_in_order(keys: list[int], dead: set[int]) -> None:
    """By key, then by number; the dead never."""
    alive = set(range(len(keys)))
    heap = Heap(alive)
    for number, key in enumerate(keys):
        heap.push(float(key), number)
    alive -= dead
    expected = sorted((float(keys[number]), number) for number in alive)
    found = []
    while (first := heap.first()) is not None:
        found.append(first)
        alive.remove(first[1])
    assert found == expected


def test_a_sweep_leaves_the_living() -> None:
    """And happens only when it is worth it."""
    alive = set(range(1000))
    heap = Heap(alive)
    for number in range(1000):
        heap.push(-float(number), number)
    alive -= set(range(10, 1000))
    heap.sweep(living=1000)
    assert len(heap) == 1000
    heap.sweep(living=10)
    assert len(heap) == 10
    assert heap.first() == (-9.0, 9)
