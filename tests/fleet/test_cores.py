"""Which cores each instance stays on."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from harken.fleet.cores import assign_cores


def test_neighbours_go_together() -> None:
    """Disjoint and contiguous, in order."""
    assert assign_cores(range(8), 4, 2) == ((0, 1), (2, 3), (4, 5), (6, 7))
    assert assign_cores(range(8), 2, 2) == ((0, 1), (2, 3))


def test_without_a_number_of_threads_all_cores_are_shared_out() -> None:
    """As many to each; what does not divide is left over."""
    assert assign_cores(range(7), 3, 0) == ((0, 1), (2, 3), (4, 5))
    assert assign_cores([4, 9], 1, 0) == ((4, 9),)


def test_too_few_cores_are_shared_evenly() -> None:
    """No core carries two instances more than another."""
    assert assign_cores([0, 1], 4, 0) == ((0,), (1,), (0,), (1,))
    assert assign_cores(range(4), 3, 2) == ((0, 1), (2, 3), (0, 1))
    assert assign_cores(range(4), 2, 3) == ((0, 1, 2), (0, 1, 3))


def test_an_instance_stays_within_a_node() -> None:
    """Cores of a node are often numbered in turn with another's."""
    nodes = {core: core % 2 for core in range(8)}
    assert assign_cores(range(8), 2, 4, nodes) == ((0, 2, 4, 6), (1, 3, 5, 7))
    assert assign_cores(range(8), 3, 2, nodes) == ((0, 2), (1, 3), (4, 6))


def test_what_no_node_has_room_for_is_taken_from_several() -> None:
    """Rather than share cores."""
    nodes = {0: 0, 1: 0, 2: 0, 3: 1, 4: 1, 5: 1}
    assert assign_cores(range(6), 3, 2, nodes) == ((0, 1), (3, 4), (2, 5))


def test_nothing_is_pinned_where_nothing_is_known() -> None:
    """A system that does not tell its cores."""
    assert assign_cores([], 2, 4) == ((), ())
    assert assign_cores([0], 0, 4) == ()


@given(
    st.sets(st.integers(0, 40), min_size=1),
    st.integers(1, 12),
    st.integers(0, 10),
    st.dictionaries(st.integers(0, 40), st.integers(0, 3)),
)
def test_everybody_has_a_fair_share(cores: set[int], instances: int, threads: int, nodes: dict[int, int]) -> None:
    """At least one core, no more than threads, only those there are, and none far more often than another."""
    given_out = assign_cores(sorted(cores), instances, threads, nodes)
    assert len(given_out) == instances
    loads = Counter(core for own in given_out for core in own)
    assert set(loads) <= cores
    for own in given_out:
        assert 1 <= len(own) <= (threads or len(cores))
        assert list(own) == sorted(set(own))
    each = len(given_out[0])
    if each * instances <= len(cores):
        assert max(loads.values()) == 1
    else:
        assert max(loads.values()) - min(loads.get(core, 0) for core in cores) <= 1
