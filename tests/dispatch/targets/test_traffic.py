"""One line says what a target has done and how it does."""

from __future__ import annotations

from harken.dispatch.targets.target import Target
from harken.dispatch.targets.traffic import traffic_of


def test_a_line_tells_counts_and_a_standing_relative_to_the_weight() -> None:
    """Of a target of twice the weight twice the speed is expected; looking changes nothing."""
    target = Target("a", "http://127.0.0.1:1", weight=2.0)
    target.successes, target.failures = 3, 1
    for second in range(3):
        target.record.succeeded(now=second, audio_s=8.0, took_s=1.0, load=1.0)
    target.record.failed(now=3.0)
    line = traffic_of(target, 3.0)
    assert (line.name, line.successes, line.failures) == ("a", 3, 1)
    assert round(line.standing.speed, 6) == (8.0 + 2.0) / 2.0
    assert line.standing.failed > 0.25
    assert traffic_of(target, 3.0) == line
