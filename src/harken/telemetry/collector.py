"""The way to a collector of OpenTelemetry: OTLP over HTTP, in a thread of OpenTelemetry's.

Owns the address, what waits and how long, and what the log hears of it; knows nothing of what the spans say. The
invariant: a collector that is slow, away or wrong costs no request: what waits is bounded, the rest is dropped, and the
log hears of it once, not once for each batch. Nor does it keep a server from leaving.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harken.config import TracesConfig
from harken.errors import ConfigError
from harken.log import get_log

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_QUEUE = 4096
_BATCH = 512
_DELAY_MS = 1000
_TIMEOUT_S = 5
_LEAVE_S = 3.0
_REASON_MAX = 300
_TIMEOUTS = ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT")

_log = get_log("telemetry.collector")


def check_traces(config: TracesConfig) -> None:
    """Refuse traces that cannot be.

    Raises:
        ConfigError: no address, the packages are missing, or one of OpenTelemetry's own variables is wrong.
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
    if parts.username is not None or parts.password is not None:
        # It would be in the log, and in the environment of each instance.
        raise ConfigError("traces.endpoint has a user in it: put a credential into OTEL_EXPORTER_OTLP_HEADERS.")
    if not _has("opentelemetry.sdk.trace") or not _has("opentelemetry.exporter.otlp.proto.http"):
        raise ConfigError("traces.endpoint needs OpenTelemetry's packages: pip install 'harken[otel]'.")
    try:
        _exporter(_address(config.endpoint)).shutdown()
    except Exception as error:
        raise ConfigError(f"OpenTelemetry refuses one of its own OTEL_… variables: {error}.") from error


def _has(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


class Collector:
    """Takes spans for a collector from when it is made until it is closed.

    Args:
        endpoint: checked.
    """

    def __init__(self, endpoint: str) -> None:
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        address = _address(endpoint)
        self._heard = _Heard(urlsplit(address).query)
        self._exporter = _reporting(address, self._heard)
        self._processor = BatchSpanProcessor(
            self._exporter, max_queue_size=_QUEUE, schedule_delay_millis=_DELAY_MS, max_export_batch_size=_BATCH
        )

    def take(self, span: ReadableSpan) -> None:
        """Have it sent soon; where too many wait, the oldest is dropped."""
        self._processor.on_end(span)

    def close(self) -> None:
        """Send what waits, for a few seconds at most; what is left then is lost."""
        # Its own `shutdown` waits for half a minute, its `force_flush` for as long as it takes.
        ending = threading.Thread(target=self._processor.shutdown, name="traces-end", daemon=True)
        ending.start()
        ending.join(_LEAVE_S)
        if ending.is_alive():
            self._exporter.give_up()
        self._heard.close()


def _address(endpoint: str) -> str:
    """A collector's address, as most people write it, with the path that OTLP gives it."""
    parts = urlsplit(endpoint)
    return parts._replace(path="/v1/traces").geturl() if parts.path in ("", "/") else endpoint


def _exporter(address: str) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    timeout_s = None if any(os.environ.get(name) for name in _TIMEOUTS) else _TIMEOUT_S
    return OTLPSpanExporter(endpoint=address, timeout=timeout_s)


class _Heard(logging.Handler):
    """Keeps OpenTelemetry's own log from ours, but for the first reason why something was not sent.

    Attributes:
        reason: since somebody emptied it.
    """

    def __init__(self, secret: str) -> None:
        super().__init__(logging.WARNING)
        self.reason = ""
        self._secret = secret
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._logger = logging.getLogger("opentelemetry.exporter")
        self._logger.setLevel(logging.WARNING)
        self._logger.propagate = False
        self._logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it if it is the first: what follows only sums up."""
        self.note(record.getMessage())

    def note(self, reason: str) -> None:
        """Keep it, without what collectors may take for a key."""
        told = reason.replace(self._secret, "…") if self._secret else reason
        self.reason = self.reason or told[:_REASON_MAX]

    def close(self) -> None:
        """Listen no more."""
        self._logger.setLevel(logging.CRITICAL)  # what is still under way would speak to standard error
        self._logger.removeHandler(self)
        super().close()


def _reporting(address: str, heard: _Heard) -> Any:
    """An exporter that says once that it fails, and once that it does not any more."""
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    exporter = _exporter(address)
    where = urlsplit(address).netloc.rpartition("@")[2]

    class Reporting(SpanExporter):
        """Around OpenTelemetry's own."""

        def __init__(self) -> None:
            self._fails = False

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            heard.reason = ""
            try:
                result: SpanExportResult = exporter.export(spans)
            except Exception as error:  # noqa: BLE001 - the edge of a foreign thread, which would say nothing
                heard.note(str(error))
                result = SpanExportResult.FAILURE
            if result is not SpanExportResult.SUCCESS:
                self._say_lost(heard.reason)
            elif self._fails:
                self._fails = False
                _log.info("traces.sent_again", endpoint=where)
            return result

        def give_up(self) -> None:
            """The server leaves, and spans still wait."""
            self._say_lost(heard.reason or "No answer before the server left.")
            exporter.shutdown()  # what still waits is not tried again

        def _say_lost(self, reason: str) -> None:
            if not self._fails:
                self._fails = True
                _log.warning("traces.lost", endpoint=where, reason=reason)

        def shutdown(self) -> None:
            exporter.shutdown()

    return Reporting()
