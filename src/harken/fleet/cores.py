"""Which CPU cores each instance stays on. Pure.

Cores are dealt out as they lie: neighbours share caches, and the cores of one NUMA node a memory. Where there are not
enough for everybody, instances share cores evenly. The invariant: every instance has at least one core and no more than
it has threads, and no core carries two instances more than another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def assign_cores(
    cores: Sequence[int], instances: int, threads: int, nodes: Mapping[int, int] | None = None
) -> tuple[tuple[int, ...], ...]:
    """Give each instance cores.

    Args:
        cores: those there are.
        instances: how many want some.
        threads: cores that each has use for; 0 for an even share of all.
        nodes: the NUMA node of each core; an instance that fits into one node gets its cores there.

    Returns:
        The cores of each instance, in rising order; empty where there are no cores.
    """
    if instances < 1 or not cores:
        return ((),) * max(0, instances)
    each = min(threads or max(1, len(cores) // instances), len(cores))
    ordered = sorted(set(cores))
    if each * instances > len(ordered):
        return _shared(ordered, instances, each)
    return _disjoint(_by_node(ordered, nodes or {}), instances, each)


def _by_node(cores: Sequence[int], nodes: Mapping[int, int]) -> list[list[int]]:
    """Cores of each node; those that nobody knows a node of are one too."""
    found: dict[int, list[int]] = {}
    for core in cores:
        found.setdefault(nodes.get(core, -1), []).append(core)
    return [found[node] for node in sorted(found)]


def _disjoint(nodes: list[list[int]], instances: int, each: int) -> tuple[tuple[int, ...], ...]:
    """First whole instances from the node that has most left, then from what is left of all nodes together."""
    left = [list(node) for node in nodes]
    given: list[tuple[int, ...]] = []
    for _ in range(instances):
        node = max(left, key=len)
        if len(node) < each:
            break
        given.append(tuple(node[:each]))
        del node[:each]
    rest = [core for node in left for core in node]
    while len(given) < instances:
        given.append(tuple(sorted(rest[:each])))
        del rest[:each]
    return tuple(given)


def _shared(cores: Sequence[int], instances: int, each: int) -> tuple[tuple[int, ...], ...]:
    """Deal out the cores in rounds: each instance goes on where the last one ended."""
    count = len(cores)
    return tuple(
        tuple(sorted(cores[(number * each + place) % count] for place in range(each))) for number in range(instances)
    )
