"""What is counted as it happens: requests, stages, segments, tries, as Prometheus has them.

One registry per server, none that is global. Times are of what succeeded, so that a server which refuses quickly does
not look fast. What somebody owns anyway (queue, targets) is looked up at the scrape, in `gauges`. The invariant: every
label has few values, or its series go when what they name is gone.
"""

from __future__ import annotations

from collections.abc import Collection

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.process_collector import ProcessCollector

from harken.errors import (
    EngineFailed,
    InstanceFailed,
    InternalError,
    NoReadyInstance,
    QueueFull,
    StateUnavailable,
    StorageFull,
    TimedOut,
)
from harken.events import CACHED, DONE, DraftDone, Event, RequestBegan, RequestEnded, Span, Stage, TurnDone
from harken.types import Priority

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)
_STAGE_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_LIVE_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60)
_AUDIO_SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 43200)

_FAILURES = tuple(
    kind.code
    for kind in (
        EngineFailed, InstanceFailed, InternalError, NoReadyInstance, QueueFull, StateUnavailable, StorageFull, TimedOut
    )
)  # fmt: skip
"""The ends of an accepted recording that an alert is about."""

_GONE_S = 900.0
"""How long the series of a target that is gone are kept: long enough for every scrape to have seen its last word."""


class Metrics:
    """Counts events.

    Args:
        registry: where the metrics are kept; it is scraped.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # when a series began is a series more for each, and no query of ours asks
        self._gone: dict[str, float] = {}
        self._expected: set[tuple[str, Priority]] = set()
        self._targets: set[str] = set()
        self._requests = Counter(
            "harken_requests", "Recordings that ended.", ("route", "class", "outcome"), registry=registry
        )
        self._in_progress = Gauge(
            "harken_requests_in_progress", "Recordings that are being worked on.", ("route",), registry=registry
        )
        self._seconds = Histogram(
            "harken_request_seconds",
            "Seconds from a request's head to its last byte, where it succeeded.",
            ("route", "class"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._recordings = Histogram(
            "harken_recording_audio_seconds",
            "Length of recordings that were transcribed, in seconds of audio.",
            ("route", "class"),
            buckets=_AUDIO_SECONDS,
            registry=registry,
        )
        self._first_text = Histogram(
            "harken_first_text_seconds",
            "Seconds from a request's head to its first text, of streams.",
            ("class",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._stages = Histogram(
            "harken_stage_seconds",
            "Seconds in each stage that succeeded.",
            ("stage", "class"),
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
        self._segments = Counter("harken_segments", "Segments that ended.", ("class", "outcome"), registry=registry)
        self._segment_audio = Counter(
            "harken_segment_audio_seconds", "Seconds of audio in them.", ("class", "outcome"), registry=registry
        )
        self._tries = Counter("harken_tries", "Attempts on targets.", ("target", "outcome"), registry=registry)
        self._try_seconds = Histogram(
            "harken_try_seconds",
            "Seconds of attempts that succeeded.",
            ("target",),
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
        self._try_audio = Counter(
            "harken_try_audio_seconds", "Seconds of audio in attempts.", ("target", "outcome"), registry=registry
        )
        self._drafts = Histogram(
            "harken_live_draft_seconds",
            "Seconds from wanting a draft of a live turn to its text.",
            buckets=_LIVE_SECONDS,
            registry=registry,
        )
        self._finals = Histogram(
            "harken_live_final_seconds",
            "Seconds from the end of a live turn to its final text.",
            buckets=_LIVE_SECONDS,
            registry=registry,
        )
        ProcessCollector(registry=registry)
        for collector in (PLATFORM_COLLECTOR, GC_COLLECTOR):
            registry.register(collector)
        for each in Priority:
            # A counter that appears with its first failure shows no increase by it.
            self._segments.labels(each, DONE)
            self._segment_audio.labels(each, DONE)

    def take(self, event: Event) -> None:
        """Count one."""
        match event:
            case RequestBegan():
                self._in_progress.labels(event.route).inc()
                self._expect(event.route, event.priority)
            case RequestEnded():
                self._end(event)
            case Span():
                self._span(event)
            case DraftDone():
                self._drafts.observe(event.ended - event.began)
            case TurnDone():
                self._finals.observe(event.completed - event.committed)

    def forget(self, targets: Collection[str], now: float) -> None:
        """Drop the series of targets that have been gone for long.

        Args:
            targets: that there are.
            now: seconds of the monotonic clock.
        """
        self._targets.update(targets)
        for name in [*self._targets]:
            if name in targets:
                self._gone.pop(name, None)
            elif now - self._gone.setdefault(name, now) >= _GONE_S:
                self._drop(name)

    def _expect(self, route: str, priority: Priority) -> None:
        """Begin the counts of how a request may end with 0: the first of a kind is an increase only then."""
        if (route, priority) not in self._expected:
            self._expected.add((route, priority))
            for outcome in (DONE, *_FAILURES):
                self._requests.labels(route, priority, outcome)

    def _end(self, request: RequestEnded) -> None:
        if request.was_let_in:
            self._in_progress.labels(request.route).dec()
        self._requests.labels(request.route, request.priority, request.outcome).inc()
        if request.first_text_s is not None:
            self._first_text.labels(request.priority).observe(request.first_text_s)
        if request.outcome == DONE:
            self._seconds.labels(request.route, request.priority).observe(request.ended - request.began)
            self._recordings.labels(request.route, request.priority).observe(request.audio_s or 0.0)

    def _span(self, span: Span) -> None:
        if span.outcome in (DONE, CACHED):
            self._stages.labels(span.stage, span.priority).observe(span.took_s)
        if span.stage is Stage.SEGMENT:
            self._segments.labels(span.priority, span.outcome).inc()
            self._segment_audio.labels(span.priority, span.outcome).inc(span.audio_s)
        elif span.stage is Stage.TRY:
            self._try(span)

    def _try(self, span: Span) -> None:
        self._targets.add(span.target)
        self._tries.labels(span.target, span.outcome).inc()
        self._try_audio.labels(span.target, span.outcome).inc(span.audio_s)
        if span.outcome == DONE:
            self._try_seconds.labels(span.target).observe(span.took_s)

    def _drop(self, name: str) -> None:
        self._targets.discard(name)
        del self._gone[name]
        for metric in (self._tries, self._try_audio, self._try_seconds):
            metric.remove_by_labels({"target": name})
