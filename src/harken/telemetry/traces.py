"""Facts as spans of OpenTelemetry. Off unless `traces.endpoint` names a collector.

A span's identity came with its fact (`harken.trace`), so it is made whole when it is over, and nothing is held open.
How it gets to the collector is `collector`'s. The invariant: no span holds a word of what was said, nor a secret.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import harken
from harken.config import TracesConfig
from harken.events import CACHED, CANCELLED, DONE, Event, RequestEnded, Span
from harken.telemetry.collector import Collector
from harken.telemetry.wall import Wall
from harken.trace import Trace, continued, new_trace, read_traceparent

_JOB = "job"


class Traces:
    """Sends spans to a collector.

    Args:
        config: checked; with an endpoint.
        name: of the server, such as "asr-1".
        draw: a number from 0 to 1 for each request that nobody else decided about.
        wall: makes wall times of those that facts have.
    """

    def __init__(
        self,
        config: TracesConfig,
        name: str,
        *,
        draw: Callable[[], float] = random.random,
        wall: Wall | None = None,
    ) -> None:
        self._config = config
        self._name = name
        self._draw = draw
        self._wall = wall or Wall()
        self._collector: Collector | None = None

    def open(self) -> None:
        """Begin to send, in a thread of its own."""
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self._resource = _resource(self._name)
        self._scope = InstrumentationScope("harken", harken.__version__)
        self._collector = Collector(self._config.endpoint)

    def close(self) -> None:
        """Send what is left; blocks for a few seconds where nobody takes it."""
        if self._collector is not None:
            collector, self._collector = self._collector, None
            collector.close()

    def begin(self, traceparent: str | None) -> Trace | None:
        """Make the first span of a request: beneath the caller's, as he decided, or our own for a share of them."""
        caller = read_traceparent(traceparent)
        if caller is not None:
            return continued(caller) if caller.is_sampled else None
        return new_trace() if self._draw() < self._config.share else None

    def tell(self, event: Event) -> None:
        """Take a fact."""
        match event:
            case Span() if event.trace is not None:
                failed = event.outcome not in (DONE, CACHED, CANCELLED)
                self._end(str(event.stage), event, event.trace, _of_span(event), failed=failed)
            case RequestEnded() if event.trace is not None:
                name = event.route if event.route == _JOB else f"POST {event.route}"
                self._end(name, event, event.trace, _of_request(event), failed=event.is_failure, is_root=True)

    def _end(
        self,
        name: str,
        event: Span | RequestEnded,
        trace: Trace,
        attributes: dict[str, Any],
        *,
        failed: bool,
        is_root: bool = False,
    ) -> None:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanKind, Status, StatusCode

        collector = self._collector
        if collector is None:
            return
        # At each span: an instance is told of no request's end, and its machine may have slept for all that.
        self._wall.look()
        parent = None if trace.parent_id is None else _context(trace.trace_id, trace.parent_id, is_remote=is_root)
        collector.take(
            ReadableSpan(
                name=name,
                context=_context(trace.trace_id, trace.span_id),
                parent=parent,
                resource=self._resource,
                attributes=attributes,
                kind=SpanKind.SERVER if is_root else SpanKind.INTERNAL,
                status=Status(StatusCode.ERROR, event.outcome) if failed else Status(StatusCode.UNSET),
                start_time=self._wall.at_ns(event.began),
                end_time=self._wall.at_ns(event.ended),
                instrumentation_scope=self._scope,
            )
        )


def _resource(name: str) -> Any:
    """Who sends: what an operator says in OpenTelemetry's own variables counts, but for which server it is."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    ours = Resource.create({"service.name": "harken", "service.version": harken.__version__})
    return ours.merge(OTELResourceDetector().detect()).merge(Resource({"service.instance.id": name}))


def _context(trace_id: int, span_id: int, *, is_remote: bool = False) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(trace_id, span_id, is_remote=is_remote, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _of_span(span: Span) -> dict[str, Any]:
    told: dict[str, Any] = {
        "harken.request_id": span.request_id,
        "harken.class": span.priority.value,
        "harken.outcome": span.outcome,
        "harken.audio_s": span.audio_s,
    }
    if span.segment is not None:
        told |= {"harken.segment": span.segment, "harken.segment.start_s": span.start_s}
    if span.target:
        told["harken.target"] = span.target
    if span.tokens:
        told["harken.tokens"] = span.tokens
    return told


def _of_request(request: RequestEnded) -> dict[str, Any]:
    told: dict[str, Any] = {
        "harken.request_id": request.request_id,
        "harken.class": request.priority.value,
        "harken.outcome": request.outcome,
    }
    if request.audio_s is not None:
        told["harken.audio_s"] = request.audio_s
    if request.route != _JOB:
        told |= {"http.request.method": "POST", "http.route": request.route}
        if request.status is not None:
            told["http.response.status_code"] = request.status
    if request.key:
        told["harken.key"] = request.key
    if request.first_text_s is not None:
        told["harken.first_text_s"] = request.first_text_s
    return told
