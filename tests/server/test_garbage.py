"""What the collector passes over."""

from __future__ import annotations

import gc
import weakref

import pytest

from harken.server.garbage import spare_what_stays


class Node:
    """Something that can be part of a cycle."""

    itself: Node


def cycle() -> weakref.ref[Node]:
    """Garbage that only the collector finds."""
    node = Node()
    node.itself = node
    return weakref.ref(node)


@pytest.mark.slow
def test_what_is_there_is_set_aside_and_what_comes_later_is_collected() -> None:
    """Garbage that is there already is collected before."""
    before = cycle()
    try:
        spare_what_stays()
        assert before() is None
        assert gc.get_freeze_count() > 10_000
        later = cycle()
        gc.collect()
        assert later() is None
    finally:
        gc.unfreeze()
