"""Virtual instances: shared speed, a line before the slots, and ways to fail."""

from __future__ import annotations

from harken.bench.instance import Condition, VirtualInstance
from harken.bench.timeline import Timeline


class Work:
    """Remembers when it ended."""

    def __init__(self, audio_s: float, timeline: Timeline) -> None:
        self.audio_s = audio_s
        self.ends: list[tuple[str, float]] = []
        self._timeline = timeline

    def ended(self) -> None:
        """It is done."""
        self.ends.append(("ended", round(self._timeline.now(), 6)))

    def lost(self) -> None:
        """It is lost."""
        self.ends.append(("lost", self._timeline.now()))


def story(*audio_s: float, slots: int = 4) -> tuple[Timeline, VirtualInstance, list[Work]]:
    """An instance at real time that has been given this work."""
    timeline = Timeline()
    instance = VirtualInstance("one", slots=slots, rtfx=1.0, timeline=timeline)
    works = [Work(each, timeline) for each in audio_s]
    for work in works:
        instance.accept(work)
    return timeline, instance, works


def test_what_finds_no_slot_waits_in_the_instance() -> None:
    """In the order in which it came."""
    timeline, instance, works = story(10.0, 5.0, 5.0, slots=1)
    assert instance.waiting_s == 10.0
    timeline.run()
    assert [work.ends for work in works] == [[("ended", each)] for each in (10.0, 15.0, 20.0)]
    assert instance.waiting_s == 0.0


def test_half_the_speed_takes_twice_the_time() -> None:
    """From the moment on at which it slows down, and until it recovers."""
    timeline, instance, [work] = story(10.0)
    timeline.at(4.0, lambda: instance.slow_down(0.5))
    timeline.at(8.0, lambda: instance.slow_down(1.0))
    timeline.run()
    assert work.ends == [("ended", 12.0)]


def test_a_stopped_instance_goes_on_where_it_was() -> None:
    """Nothing is lost by that, only time."""
    timeline, instance, [work] = story(10.0)
    timeline.at(4.0, instance.hang)
    timeline.at(9.0, instance.resume)
    timeline.run()
    assert work.ends == [("ended", 15.0)]


def test_a_killed_instance_loses_what_it_runs_and_what_waits_there() -> None:
    """At once; after its restart it works as before."""
    timeline, instance, works = story(10.0, 10.0, slots=1)
    timeline.at(4.0, instance.kill)
    timeline.at(5.0, instance.resume)
    timeline.at(6.0, instance.restart)
    later = Work(2.0, timeline)
    timeline.at(7.0, lambda: instance.accept(later))
    timeline.run()
    assert [work.ends for work in works] == [[("lost", 4.0)]] * 2
    assert later.ends == [("ended", 9.0)]
    assert instance.condition is Condition.WELL


def test_what_is_forgotten_makes_room() -> None:
    """Its client has gone; the next one in the line gets its slot. A second time does nothing."""
    timeline, instance, [first, second] = story(10.0, 10.0, slots=1)
    timeline.at(4.0, lambda: instance.forget(first))
    timeline.at(5.0, lambda: instance.forget(first))
    timeline.run()
    assert (first.ends, second.ends) == ([], [("ended", 14.0)])
