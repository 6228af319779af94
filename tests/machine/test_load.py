"""How busy the CPU is, from the kernel's counters."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.machine.load import CpuMeter, CpuTimes, parse_quota, parse_stat, parse_used_s, share

STAT = """cpu  400 0 400 1000 200 0 0 0 0 0
cpu0 100 10 80 500 100 5 5 0 50 0
cpu1 300 0 320 500 100 0 0 0 0 0
intr 123 456
ctxt 99
"""


def test_only_the_cores_of_the_process_count() -> None:
    """Idle is idle and waiting for a disk; a guest's time is in the user's already."""
    assert parse_stat(STAT, frozenset({0})) == (200, 800)
    assert parse_stat(STAT, frozenset({0, 1})) == (820, 2020)
    assert parse_stat(STAT, frozenset({7})) is None
    assert parse_stat("", frozenset({0})) is None
    assert parse_stat("cpu0\ncpu0 x y\n\n", frozenset({0})) is None


@settings(max_examples=30)
@given(st.text())
def test_any_text_is_read_without_a_complaint(text: str) -> None:
    """Other kernels write other lines."""
    found = parse_stat(text, frozenset({0}))
    assert found is None or found[0] <= found[1]
    parse_quota(text)
    parse_used_s(text)


def test_a_containers_allowance_is_read() -> None:
    """One and a half cores; no limit; and what is none."""
    assert parse_quota("150000 100000\n") == 1.5
    assert [parse_quota(text) for text in ("max 100000", "", "1", "0 100000", "1 0")] == [None] * 5
    assert parse_used_s("nr_periods 3\nusage_usec 2500000\n") == 2.5
    assert parse_used_s("user_usec 1\n") is None


def test_the_share_is_that_of_what_is_fuller() -> None:
    """A container with half a core is full while the machine is nearly idle."""
    before = CpuTimes(at=0.0, busy=100, total=1000, used_s=10.0, quota=0.5)
    after = CpuTimes(at=10.0, busy=150, total=2000, used_s=14.5, quota=0.5)
    assert share(before, after) == pytest.approx(0.9)
    assert share(before, CpuTimes(at=10.0, busy=900, total=2000)) == pytest.approx(0.8)
    assert share(before, CpuTimes(at=10.0, busy=100, total=1000)) is None
    assert share(after, CpuTimes(at=20.0, busy=100, total=2100)) == 0.0  # counters that went back
    assert share(before, CpuTimes(at=0.1, busy=100, total=1010, used_s=99.0, quota=0.5)) == 1.0


def test_a_meter_tells_what_happened_since_it_was_last_asked(tmp_path: Path) -> None:
    """Nothing at the first time, nor where there is nothing to read; the last share while no tick has passed."""
    core = next(iter(os.sched_getaffinity(0)))
    stat = tmp_path / "stat"
    meter = CpuMeter(stat=stat, cgroup=tmp_path, now=lambda: 0.0)
    assert meter.read() is None
    for text, expected in (("100 0 0 900", None), ("130 0 0 970", 0.3), ("130 0 0 970", 0.3), ("130 0 0 1070", 0.0)):
        stat.write_text(f"cpu{core} {text} 0 0 0 0\n")
        assert meter.read() == expected
    stat.unlink()
    assert meter.read() is None


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the counters are Linux's")
def test_a_busy_thread_shows_in_the_kernels_own_counters() -> None:
    """One core's worth at least, of those that this process may use."""
    cores = len(os.sched_getaffinity(0))
    meter, is_over = CpuMeter(), threading.Event()

    def spin() -> None:
        while not is_over.is_set():
            pass

    meter.read()
    thread = threading.Thread(target=spin)
    thread.start()
    try:
        time.sleep(0.5)  # the kernel counts in hundredths of a second
        found = meter.read()
    finally:
        is_over.set()
        thread.join()
    assert found is not None and 0.5 / cores < found <= 1.0
