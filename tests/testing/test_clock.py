"""Rules of harken.testing.clock."""

from __future__ import annotations

import pytest

from harken.clock import Clock
from harken.testing import FakeClock


def test_time_stands_still_until_it_is_moved() -> None:
    """It is a clock like the real one, but for that."""
    clock: Clock = (fake := FakeClock(now=5.0))
    assert clock.now() == clock.now() == 5.0
    fake.advance(2.5)
    assert clock.now() == 7.5


def test_time_never_goes_back() -> None:
    """A monotonic clock has no other way."""
    with pytest.raises(AssertionError, match="go back by 1"):
        FakeClock().advance(-1)
