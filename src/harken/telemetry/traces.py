"""Facts as spans of OpenTelemetry, sent to a collector. Off unless `traces.endpoint` names one.

A span's identity came with its fact (`harken.trace`), so it is made whole when it is over, and nothing is held open.
The invariant: a collector that is slow, away or wrong costs no request: what waits is bounded, the rest is dropped, and
the log hears of it once, not once for each batch.
"""

from __future__ import annotations

import importlib.util
import logging
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import harken
from harken.config import TracesConfig
from harken.errors import ConfigError
from harken.events import CACHED, CANCELLED, DONE, Event, RequestEnded, Span
from harken.log import get_log
from harken.telemetry.wall import Wall
from harken.trace import Trace, continued, new_trace, read_traceparent

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_QUEUE = 4096
_DELAY_MS = 1000
_FLUSH_MS = 3000

_log = get_log("telemetry.traces")


def check_traces(config: TracesConfig) -> None:
    """Refuse traces that cannot be.

    Raises:
        ConfigError: no address, or the packages are missing.
    """
    if not config.endpoint:
        return
    try:
        parts = urlsplit(config.endpoint)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ConfigError("traces.endpoint must be an address such as http://127.0.0.1:4318.")
    if importlib.util.find_spec("opentelemetry") is None or not _has_exporter():
        raise ConfigError("traces.endpoint needs OpenTelemetry's packages: pip install 'harken[otel]'.")


def _has_exporter() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


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
        self._processor: Any = None

    def open(self) -> None:
        """Begin to send, in a thread of its own."""
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # `_Reporting` says it once
        self._resource = Resource.create(
            {"service.name": "harken", "service.instance.id": self._name, "service.version": harken.__version__}
        )
        self._scope = InstrumentationScope("harken", harken.__version__)
        self._processor = BatchSpanProcessor(
            _reporting(_address(self._config.endpoint)), max_queue_size=_QUEUE, schedule_delay_millis=_DELAY_MS
        )

    def close(self) -> None:
        """Send what is left, as far as that goes quickly; blocks for seconds where nobody takes it."""
        if self._processor is not None:
            processor, self._processor = self._processor, None
            processor.force_flush(_FLUSH_MS)
            processor.shutdown()

    def begin(self, traceparent: str | None) -> Trace | None:
        """Make the first span of a request: beneath the caller's, as he decided, or our own for a share of them."""
        caller = read_traceparent(traceparent)
        if caller is not None:
            return continued(caller) if caller.is_sampled else None
        return new_trace() if self._draw() < self._config.share else None

    def tell(self, event: Event) -> None:
        """Take a fact."""
        if self._processor is None:
            return
        match event:
            case Span() if event.trace is not None:
                self._end(str(event.stage), event, event.trace, _of_span(event), is_server=False)
            case RequestEnded() if event.trace is not None:
                self._wall.look()  # with its last span: those of one request fit into each other
                name = event.route if event.route == "job" else f"POST {event.route}"
                self._end(name, event, event.trace, _of_request(event), is_server=True)

    def _end(
        self, name: str, event: Span | RequestEnded, trace: Trace, attributes: dict[str, Any], *, is_server: bool
    ) -> None:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanKind, Status, StatusCode

        failed = event.is_failure if isinstance(event, RequestEnded) else event.outcome not in (DONE, CACHED, CANCELLED)
        self._processor.on_end(
            ReadableSpan(
                name=name,
                context=_context(trace.trace_id, trace.span_id),
                parent=None if trace.parent_id is None else _context(trace.trace_id, trace.parent_id),
                resource=self._resource,
                attributes=attributes,
                kind=SpanKind.SERVER if is_server else SpanKind.INTERNAL,
                status=Status(StatusCode.ERROR, event.outcome) if failed else Status(StatusCode.UNSET),
                start_time=self._wall.at_ns(event.began),
                end_time=self._wall.at_ns(event.ended),
                instrumentation_scope=self._scope,
            )
        )


def _context(trace_id: int, span_id: int) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


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
        "harken.audio_s": request.audio_s,
    }
    if request.route != "job":
        told |= {
            "http.request.method": "POST",
            "http.route": request.route,
            "http.response.status_code": request.status,
        }
    if request.key:
        told["harken.key"] = request.key
    if request.first_text_s is not None:
        told["harken.first_text_s"] = request.first_text_s
    return told


def _address(endpoint: str) -> str:
    """A collector's address, as most people write it, with the path that OTLP gives it."""
    parts = urlsplit(endpoint)
    return parts._replace(path="/v1/traces").geturl() if parts.path in ("", "/") else endpoint


def _reporting(address: str) -> Any:
    """An exporter that says once that it fails, and once that it does not any more."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    exporter = OTLPSpanExporter(endpoint=address, timeout=5)

    class Reporting(SpanExporter):
        """Around OpenTelemetry's own."""

        def __init__(self) -> None:
            self._fails = False

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            result = exporter.export(spans)
            fails = result is not SpanExportResult.SUCCESS
            if fails != self._fails:
                self._fails = fails
                if fails:
                    _log.warning("traces.lost", spans=len(spans), endpoint=urlsplit(address).netloc.rpartition("@")[2])
                else:
                    _log.info("traces.sent_again")
            return result

        def shutdown(self) -> None:
            exporter.shutdown()  # type: ignore[no-untyped-call]

    return Reporting()
