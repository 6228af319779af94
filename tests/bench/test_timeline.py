"""Virtual time."""

from __future__ import annotations

from functools import partial

from harken.bench.timeline import Timeline


def test_events_happen_in_the_order_of_their_times() -> None:
    """Those of the same time as they were planned; what is planned meanwhile has its turn too."""
    timeline, seen = Timeline(), list[tuple[str, float]]()

    def see(name: str) -> None:
        seen.append((name, timeline.now()))
        if name == "b":
            timeline.after(0.0, partial(see, "e"))
            timeline.at(0.5, partial(see, "late"))

    for name, at in [("c", 2.0), ("a", 1.0), ("b", 1.0), ("d", 2.0)]:
        timeline.at(at, partial(see, name))
    timeline.run()
    assert seen == [("a", 1.0), ("b", 1.0), ("e", 1.0), ("late", 1.0), ("c", 2.0), ("d", 2.0)]
