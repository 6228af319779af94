"""When a segment that lives is stuck."""

from __future__ import annotations

from collections.abc import Iterable

from harken.dispatch.lines.watchdog import Watchdog


def stalled_at(beats: Iterable[tuple[float, int]], stall_s: float = 5.0) -> float | None:
    """The time of the beat that makes it a stall."""
    watchdog = Watchdog(stall_s)
    for now, progress in beats:
        watchdog.hear_beat(progress, now)
        if watchdog.is_stalled:
            return now
    return None


def test_the_same_progress_for_too_long_is_a_stall() -> None:
    """The time counts from the last beat that brought news."""
    assert stalled_at([(0, 0), (1, 1), *((now, 2) for now in range(2, 20))]) == 7


def test_any_change_is_progress() -> None:
    """Also to a smaller number; a long step of the model counts its seconds only for a while."""
    assert stalled_at((now, 1 + now // 4 % 2) for now in range(100)) is None


def test_waiting_is_no_stall() -> None:
    """However long; the clock starts when it runs."""
    assert stalled_at([*((now, 0) for now in range(100)), *((now, 1) for now in range(100, 200))]) == 105


def test_a_stall_of_our_own_is_not_the_instances() -> None:
    """We did nothing for an hour; the beats of it are read in one go, and the instance was only slow for a moment."""
    assert stalled_at([(0, 1), (1, 2), (3600, 2), (3600, 2), (3600, 3), (3601, 4)]) is None


def test_text_is_progress() -> None:
    """Whatever the beats say."""
    watchdog = Watchdog(2.0)
    for now in range(10):
        watchdog.hear_beat(1, float(now))
        watchdog.hear_text()
        assert not watchdog.is_stalled
