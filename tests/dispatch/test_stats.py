"""The counters of a dispatcher."""

from __future__ import annotations

from harken.dispatch.stats import Stats


def test_a_snapshot_stays_as_it_is() -> None:
    """Whoever shows numbers shows those of one moment."""
    stats = Stats()
    stats.failed["timed_out"] += 1
    seen = stats.snapshot()
    stats.segments += 1
    stats.failed["timed_out"] += 1
    assert (seen.segments, seen.failed) == (0, {"timed_out": 1})
