"""What each instance did in the last minute, by the spans that name it. Pure but for its own memory.

A success or a failure counts with its end; one that was cancelled says nothing of the instance. The invariant: an
instance that did nothing for a minute has no record, so names that are gone cost nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from harken.events import CANCELLED, DONE, Span

_STEP_S = 5.0
_STEPS = 12


@dataclass(kw_only=True, slots=True)
class _Step:
    number: int
    done: int = 0
    failed: int = 0
    audio_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One instance's last minute.

    Attributes:
        segments: that ended on it, well or not.
        success: the share that ended well; None where none ended.
        rtfx: seconds of audio recognised per second of the minute.
    """

    segments: int = 0
    success: float | None = None
    rtfx: float = 0.0


NOTHING = Record()


class Records:
    """By the names of instances.

    Args:
        now: seconds of the monotonic clock, at the beginning.
    """

    def __init__(self, now: float) -> None:
        self._began = now
        self._steps: dict[str, deque[_Step]] = {}

    def ended(self, span: Span) -> None:
        """Count the end of a try, or of an engine's work."""
        if span.outcome == CANCELLED:
            return
        steps = self._steps.setdefault(span.target, deque(maxlen=_STEPS))
        number = int(span.ended // _STEP_S)
        if not steps or steps[-1].number < number:
            steps.append(_Step(number=number))
        step = steps[-1]
        if span.outcome == DONE:
            step.done += 1
            step.audio_s += span.audio_s
        else:
            step.failed += 1

    def of(self, now: float) -> dict[str, Record]:
        """Everybody's who did something; forgets the others."""
        oldest = int(now // _STEP_S) - _STEPS + 1
        window_s = max(now - max(self._began, oldest * _STEP_S), 1.0)
        found = {}
        for name, steps in list(self._steps.items()):
            while steps and steps[0].number < oldest:
                steps.popleft()
            if not steps:
                del self._steps[name]
                continue
            done, failed = sum(step.done for step in steps), sum(step.failed for step in steps)
            found[name] = Record(
                segments=done + failed,
                success=done / (done + failed),
                rtfx=sum(step.audio_s for step in steps) / window_s,
            )
        return found
