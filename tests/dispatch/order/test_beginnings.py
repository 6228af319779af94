"""When recordings began."""

from __future__ import annotations

from harken.dispatch.order.beginnings import REQUESTS_MAX, Beginnings


def test_every_segment_of_a_request_has_the_time_of_its_first() -> None:
    """However much later it comes."""
    beginnings = Beginnings()
    assert [beginnings.of("a", 1.0), beginnings.of("b", 2.0), beginnings.of("a", 9.0)] == [1.0, 2.0, 1.0]


def test_the_memory_is_bounded_and_keeps_those_that_go_on() -> None:
    """Who was not heard of for longest is forgotten."""
    beginnings = Beginnings()
    beginnings.of("long", 0.0)
    for number in range(2 * REQUESTS_MAX):
        beginnings.of(f"clip-{number}", 1.0)
        beginnings.of("long", 1.0)
    assert len(beginnings) == REQUESTS_MAX
    assert (beginnings.of("long", 5.0), beginnings.of("clip-0", 5.0)) == (0.0, 5.0)
