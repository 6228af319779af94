"""Rules of harken.telemetry.wall."""

from __future__ import annotations

from harken.telemetry.wall import Wall


def test_the_distance_of_the_clocks_is_kept_until_somebody_sets_one() -> None:
    """A thread that was kept from its core between two looks is no such thing."""
    wall_ns, monotonic_ns = 10**18, 10**11
    wall = Wall(lambda: wall_ns, lambda: monotonic_ns)
    assert wall.at_ns(101.5) == 10**18 + 1_500_000_000
    wall_ns += 50_000_000
    wall.look()
    assert wall.at_ns(101.5) == 10**18 + 1_500_000_000
    wall_ns += 3_600 * 10**9
    wall.look()
    assert wall.at_ns(100.0) == wall_ns
