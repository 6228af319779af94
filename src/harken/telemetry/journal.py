"""The recent requests, with the way of each of their segments, in the memory of this process.

Pure but for that memory. It knows times, names and outcomes, and nothing of what was said. The invariant: what is kept
is bounded in every direction: requests, segments of each, tries of each; what is left out is counted.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field

from harken.events import RequestBegan, RequestEnded, Span, Stage

RECENT = 50
NOTABLE = 20
"""Older ones that are kept beside them: those that we failed, and those of which a segment was tried again. On a busy
server the newest fifty are a few seconds."""

SEGMENTS_MAX = 32
TRIES_MAX = 8

_RUNNING_MAX = 2000
"""Requests under way that are remembered; beyond, the oldest are left out of the journal, not of the metrics."""


@dataclass(kw_only=True, slots=True)
class Way:
    """One segment's.

    Attributes:
        span: of the segment itself; None while it is not over.
        queue_s: seconds that it waited for slots.
        tries: on targets, in the order of their ends.
    """

    span: Span | None = None
    queue_s: float = 0.0
    tries: list[Span] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class Entry:
    """One request's.

    Attributes:
        began: what was told of its beginning.
        ended: of its end; None while it runs.
        upload_s: seconds until its last byte was there.
        segments_in_all: those that ended, left-out ones included.
        ways: by the segment's index.
    """

    began: RequestBegan
    ended: RequestEnded | None = None
    upload_s: float | None = None
    segments_in_all: int = 0
    ways: dict[int, Way] = field(default_factory=dict)

    @property
    def is_notable(self) -> bool:
        """We failed it, or a segment of it was tried more than once."""
        is_failure = self.ended is not None and self.ended.is_failure
        return is_failure or any(len(way.tries) > 1 for way in self.ways.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Failures:
    """Of one code.

    Attributes:
        code: stable.
        count: how many, of the last hour.
        last: when the last one was, in seconds of the monotonic clock.
    """

    code: str
    count: int
    last: float


class Journal:
    """Keeps entries; `Failures` by code beside them."""

    def __init__(self) -> None:
        self._running: OrderedDict[str, Entry] = OrderedDict()
        self._recent: deque[Entry] = deque()
        self._notable: deque[Entry] = deque(maxlen=NOTABLE)
        self._codes: dict[str, deque[tuple[int, int]]] = {}
        self._last: dict[str, float] = {}
        self.in_progress = 0

    def began(self, request: RequestBegan) -> None:
        """A request is under way."""
        self.in_progress += 1
        self._running[request.request_id] = Entry(began=request)
        if len(self._running) > _RUNNING_MAX:
            self._running.popitem(last=False)

    def ended(self, request: RequestEnded) -> None:
        """It is over; one that was never let in is an entry as well."""
        self.in_progress -= request.was_let_in
        entry = self._running.pop(request.request_id, None) if request.was_let_in else None
        if entry is None:
            entry = Entry(
                began=RequestBegan(
                    request_id=request.request_id,
                    at=request.began,
                    route=request.route,
                    priority=request.priority,
                    key=request.key,
                )
            )
        entry.ended = request
        self._recent.append(entry)
        if len(self._recent) > RECENT and (oldest := self._recent.popleft()).is_notable:
            self._notable.append(oldest)
        if request.is_error:
            self._count(request.outcome, request.ended)

    def add(self, span: Span) -> None:
        """A stretch of a request is over; that of one that is not under way is nobody's."""
        entry = self._running.get(span.request_id)
        if entry is None:
            return
        if span.segment is None:
            if span.stage is Stage.UPLOAD:
                entry.upload_s = span.took_s
            return
        entry.segments_in_all += span.stage is Stage.SEGMENT
        way = entry.ways.get(span.segment)
        if way is None:
            if len(entry.ways) >= SEGMENTS_MAX:
                return
            way = entry.ways[span.segment] = Way()
        match span.stage:
            case Stage.SEGMENT:
                way.span = span
            case Stage.QUEUE:
                way.queue_s += span.took_s
            case Stage.TRY if len(way.tries) < TRIES_MAX:
                way.tries.append(span)

    def entries(self) -> list[Entry]:
        """The newest first, those under way before those that are over: at most `RECENT`, then at most `NOTABLE`."""
        running = list(reversed(self._running.values()))
        return [*[*running, *reversed(self._recent)][:RECENT], *reversed(self._notable)]

    def failures(self, now: float) -> list[Failures]:
        """Of the last hour, the most frequent first."""
        oldest = int(now // 60) - 59
        found = []
        for code, minutes in list(self._codes.items()):
            while minutes and minutes[0][0] < oldest:
                minutes.popleft()
            if minutes:
                found.append(Failures(code=code, count=sum(count for _, count in minutes), last=self._last[code]))
            else:
                del self._codes[code], self._last[code]
        return sorted(found, key=lambda one: (-one.count, one.code))

    def _count(self, code: str, now: float) -> None:
        minutes = self._codes.setdefault(code, deque(maxlen=60))
        minute = int(now // 60)
        count = minutes.pop()[1] if minutes and minutes[-1][0] == minute else 0
        minutes.append((minute, count + 1))
        self._last[code] = now
