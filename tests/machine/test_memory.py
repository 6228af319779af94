"""Memory: what Linux says, within a control group's limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from harken.machine.cgroup import Limits
from harken.machine.memory import Memory, own_memory, read_memory

MEMINFO = "MemTotal:       24000 kB\nMemFree:  1 kB\nMemAvailable:   2000 kB\nHugePages_Total:       0\n"


def test_linux_says_what_is_available() -> None:
    """In kilobytes."""
    assert read_memory(MEMINFO, Limits()) == Memory(total_bytes=24_576_000, available_bytes=2_048_000)


@pytest.mark.parametrize(
    ("limit", "room", "total", "available", "is_limited"),
    [
        (10_000_000, 9_000_000, 10_000_000, 2_048_000, True),
        (10_000_000, 1_000, 10_000_000, 1_000, True),
        (99_000_000_000, 98_000_000_000, 24_576_000, 2_048_000, False),
    ],
)
def test_a_control_group_leaves_less(limit: int, room: int, total: int, available: int, is_limited: bool) -> None:
    """Or no less, where it is larger than the machine."""
    found = read_memory(MEMINFO, Limits(memory_bytes=limit, memory_room_bytes=room))
    assert found == Memory(total_bytes=total, available_bytes=available, is_limited=is_limited)


def test_a_system_that_says_nothing_leaves_it_open(tmp_path: Path) -> None:
    """It is no error."""
    assert own_memory(tmp_path) == Memory(total_bytes=None, available_bytes=None)
    assert read_memory("nonsense\n\nMemTotal: many kB\n", Limits()).total_bytes is None
