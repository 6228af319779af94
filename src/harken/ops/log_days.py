"""The figures of a summary of logs, as data: one set for each day and model.

Only counts, and a few names of requests that somebody may want to look at. It knows nothing of lines. The invariant: of
any number of requests no more is kept than of some thousand.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from harken.ops.histogram import Histogram
from harken.ops.log_live import LiveWork

_NAMED = 20
"""Requests that are named of each suspicion; the newest."""


@dataclass(kw_only=True, slots=True)
class Suspicion:
    """Requests whose transcript deserves a look, for one reason.

    Attributes:
        requests: how many.
        unresolved: of these, those whose result is flagged as incomplete for it.
        ids: of the newest of them.
    """

    requests: int = 0
    unresolved: int = 0
    ids: list[str] = field(default_factory=list)

    def add(self, name: str, *, is_unresolved: bool) -> None:
        """One more."""
        self.requests += 1
        self.unresolved += is_unresolved
        self.ids = [*self.ids, name][-_NAMED:]


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Slow:
    """One of the slowest requests.

    Attributes:
        wall_s: from its arrival to its end.
        name: its id.
        audio_s: length of its recording.
        instances: who worked on it.
    """

    wall_s: float
    name: str
    audio_s: float
    instances: str


@dataclass(kw_only=True, slots=True)
class Work:
    """What one model did on one day.

    Attributes:
        done: requests and files of jobs that ended with a transcript.
        files: of these, files of jobs.
        failed: those that ended with an error, by its code.
        cancelled: requests whose client left.
        segments: in what is done.
        audio_s: in what is done.
        speech_s: in what is done.
        cached: of what is done, those that came wholly from the cache.
        wall: how long requests took, in seconds; files of jobs wait for nobody and are left out.
        slowest: of these requests.
        suspicions: by kind: "loop", "length", "context_leak", "empty", and codes of flags of no such kind.
    """

    done: int = 0
    files: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    cancelled: int = 0
    segments: int = 0
    audio_s: float = 0.0
    speech_s: float = 0.0
    cached: int = 0
    wall: Histogram = field(default_factory=Histogram)
    slowest: list[Slow] = field(default_factory=list)
    suspicions: dict[str, Suspicion] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        """All that ended, one way or another."""
        return self.done + self.failed.total() + self.cancelled


@dataclass(kw_only=True, slots=True)
class DaySummary:
    """One day.

    Attributes:
        day: which.
        models: the work of each by its name; "" where the log does not say.
        live: what people spoke, which are no requests.
        retried: segments that were tried again on another instance.
        hedged: segments that got a second try beside the first.
        repaired: pieces that were recognised again because their text could not be right.
        crashes: by instance.
        restarts: by instance.
        starts: of the gateway.
        troubles: warnings and errors by level and event.
    """

    day: date
    models: dict[str, Work] = field(default_factory=dict)
    live: LiveWork = field(default_factory=LiveWork)
    retried: int = 0
    hedged: int = 0
    repaired: int = 0
    crashes: Counter[str] = field(default_factory=Counter)
    restarts: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    troubles: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(kw_only=True, slots=True)
class Summary:
    """All of it.

    Attributes:
        days: by date, in order.
        lines: that were read.
        foreign: of these, those that are no events: half lines, prints of libraries.
        lost: lines that could not be written at their time, as far as the log says.
        begin: when the first event was, in seconds since 1970; None where there is none.
        end: when the last was.
    """

    days: dict[date, DaySummary] = field(default_factory=dict)
    lines: int = 0
    foreign: int = 0
    lost: int = 0
    begin: float | None = None
    end: float | None = None
