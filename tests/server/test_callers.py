"""Rules of who has how many segments on an instance."""

from __future__ import annotations

from harken.server.callers import Callers
from harken.wire import Crowd


def test_each_gateway_hears_of_what_the_others_have() -> None:
    """What it has itself it knows; a segment that no gateway sent is somebody else's."""
    callers = Callers()
    for name, segments in (("a1", 3), ("b2", 2)):
        callers.hear(name, now=0.0)
        for _ in range(segments):
            callers.enter(name)
    assert callers.crowd("a1", in_flight=5) == Crowd(others=2, gateways=2)
    assert callers.crowd("b2", in_flight=6) == Crowd(others=4, gateways=2)
    assert callers.crowd("c3", in_flight=5) == Crowd(others=5, gateways=2)
    callers.leave("b2")
    callers.leave("b2")
    # An engine may have freed the slot of a segment whose answer is still being written.
    assert callers.crowd("a1", in_flight=2) == Crowd(others=0, gateways=2)


def test_a_gateway_that_is_silent_and_has_nothing_here_counts_no_more() -> None:
    """One that waits for a long segment still does."""
    callers = Callers()
    callers.hear("a1", now=0.0)
    callers.hear("b2", now=0.0)
    callers.enter("b2")
    callers.hear("a1", now=60.0)
    assert callers.crowd("a1", in_flight=1) == Crowd(others=1, gateways=2)
    callers.leave("b2")
    callers.hear("a1", now=61.0)
    assert callers.crowd("a1", in_flight=0) == Crowd(others=0, gateways=1)


def test_names_that_no_gateway_has_are_nobodys() -> None:
    """Their segments count; they themselves do not, however many are made up."""
    callers = Callers()
    for name in ("", "A" * 16, "g" * 16, "0" * 33, "a\n"):
        callers.hear(name, now=0.0)
    callers.enter("")
    assert callers.crowd("a1", in_flight=1) == Crowd(others=1, gateways=1)
    for number in range(5000):
        callers.hear(f"{number:x}", now=0.0)
    assert callers.crowd("", in_flight=1).gateways == 1000
