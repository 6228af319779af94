"""The last quarter of an hour in steps of five seconds: what ended, how long it took, how much waited.

Pure but for its own memory: the time is an argument. Requests that ended well give times; failures of ours are counted,
mistakes of clients are not. Audio counts when its segment is done: a file of an hour is no flash at its end. The
invariant: what is kept is bounded, however long nobody asks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from harken.events import DONE, RequestEnded
from harken.telemetry.histogram import Times

STEP_S = 5.0
STEPS = 180
WINDOW_STEPS = 12
"""A minute: what is said of "now"."""


@dataclass(kw_only=True, slots=True)
class Step:
    """Five seconds.

    Attributes:
        number: since the clock's start.
        requests: that were answered, failures included.
        failed: of these, those that we failed.
        audio_s: seconds of audio in segments that were done.
        times: from head to last byte, of requests that succeeded.
        first_texts: from head to first text, of streams.
        queued_audio_s: the most that was seen to wait.
        speaking: the most that were seen to speak at once.
        finals: from the end of a live turn to its final text.
    """

    number: int
    requests: int = 0
    failed: int = 0
    audio_s: float = 0.0
    times: Times = field(default_factory=Times)
    first_texts: Times = field(default_factory=Times)
    queued_audio_s: float = 0.0
    speaking: int = 0
    finals: Times = field(default_factory=Times)


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The last minute.

    Attributes:
        window_s: how long it really is: less where the server is younger.
        requests: that were answered, failures included.
        failed: of these.
        audio_s: seconds of audio in segments that were done.
        times: of requests that succeeded.
        first_texts: of streams.
        finals: of live turns.
    """

    window_s: float
    requests: int
    failed: int
    audio_s: float
    times: Times
    first_texts: Times
    finals: Times


class Series:
    """Steps, the newest last.

    Args:
        now: seconds of the monotonic clock, at the beginning.
    """

    def __init__(self, now: float) -> None:
        self._began = now
        self._steps: deque[Step] = deque([Step(number=_number(now))], maxlen=STEPS)

    def ended(self, request: RequestEnded) -> None:
        """Count one request; a client's mistake and a client that left are none of ours."""
        if request.outcome != DONE and not request.is_failure:
            return
        step = self._at(request.ended)
        step.requests += 1
        step.failed += request.is_failure
        if request.outcome == DONE:
            step.times.add(request.ended - request.began)
        if request.first_text_s is not None:
            step.first_texts.add(request.first_text_s)

    def heard(self, audio_s: float, now: float) -> None:
        """Count a segment's audio."""
        self._at(now).audio_s += audio_s

    def waits(self, audio_s: float, now: float) -> None:
        """Note how much waits now."""
        step = self._at(now)
        step.queued_audio_s = max(step.queued_audio_s, audio_s)

    def speaks(self, speaking: int, now: float) -> None:
        """Note how many speak now."""
        step = self._at(now)
        step.speaking = max(step.speaking, speaking)

    def completed(self, took_s: float, now: float) -> None:
        """Count a live turn by how long its final text took."""
        self._at(now).finals.add(took_s)

    def steps(self, now: float) -> list[Step]:
        """All of them, oldest first; the last is not over yet."""
        self._at(now)
        return list(self._steps)

    def window(self, now: float) -> Window:
        """Put the last minute together."""
        steps = self.steps(now)[-WINDOW_STEPS:]
        # The newest step has just begun, and the oldest of twelve is whole.
        began = max(self._began, steps[0].number * STEP_S)
        return Window(
            window_s=max(now - began, 1.0),
            requests=sum(step.requests for step in steps),
            failed=sum(step.failed for step in steps),
            audio_s=sum(step.audio_s for step in steps),
            times=_merged(step.times for step in steps),
            first_texts=_merged(step.first_texts for step in steps),
            finals=_merged(step.finals for step in steps),
        )

    def _at(self, now: float) -> Step:
        """The step of this time; a time before the newest step (two clocks' reads may cross) counts in that."""
        number, newest = _number(now), self._steps[-1].number
        for missing in range(max(newest + 1, number - STEPS + 1), number + 1):
            self._steps.append(Step(number=missing))
        return self._steps[-1]


def _number(now: float) -> int:
    return int(now // STEP_S)


def _merged(parts: Iterable[Times]) -> Times:
    whole = Times()
    for part in parts:
        whole.merge(part)
    return whole
