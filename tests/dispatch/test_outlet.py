"""Where a segment's text goes, and whose."""

from __future__ import annotations

from harken.dispatch.outlet import Outlet


def test_an_outlet_remembers_that_something_went_out() -> None:
    """And where nobody reads, nothing does."""
    said: list[str] = []
    open_outlet, closed_outlet = Outlet(said.append), Outlet(None)
    open_outlet.say("first", "a")
    closed_outlet.say("first", "b")
    assert (said, open_outlet.is_used, closed_outlet.is_used) == (["a"], True, False)


def test_only_the_first_speaker_is_heard() -> None:
    """Of two tries at once; and whoever asked is told which it is, once, before its text."""
    told: list[object] = []
    outlet = Outlet(lambda text: told.append(f"text {text}"))
    outlet.on_first = told.append
    for speaker, text in (("second", "a"), ("first", "b"), ("second", "c")):
        outlet.say(speaker, text)
    assert told == ["second", "text a", "text c"]
