"""The time that decoding may take: work counts, waiting does not, and audio earns more."""

from __future__ import annotations

from concurrent.futures import CancelledError

import pytest

from harken.audio.stopwatch import Stopwatch
from harken.errors import TimedOut
from harken.testing import FakeClock


def test_only_time_inside_its_blocks_counts() -> None:
    """All of them together."""
    clock = FakeClock()
    watch = Stopwatch(10.0, clock, lambda: False)
    for _ in range(2):
        clock.advance(100.0)
        with watch.running():
            clock.advance(5.0)
            watch.check()
    with watch.running():
        clock.advance(0.1)
        with pytest.raises(TimedOut, match="10 s"):
            watch.check()


def test_audio_earns_a_tenth_of_its_length() -> None:
    """A recording of hours may take longer than one that gives nothing."""
    clock = FakeClock()
    watch = Stopwatch(10.0, clock, lambda: False)
    with watch.running():
        clock.advance(60.0)
        watch.earn(500.0)
        watch.check()
        clock.advance(0.1)
        with pytest.raises(TimedOut):
            watch.check()


def test_what_nobody_waits_for_is_cancelled() -> None:
    """However little time has passed."""
    with pytest.raises(CancelledError):
        Stopwatch(10.0, FakeClock(), lambda: True).check()
