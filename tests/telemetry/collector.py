"""A collector: a real HTTP server that takes OTLP's protobuf and keeps the spans."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PATIENCE_S = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A span as a collector has it."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    began_ns: int
    ended_ns: int
    server: str
    resource: dict[str, Any]
    is_error: bool
    attributes: dict[str, Any]


class Collector:
    """Keeps what comes.

    Attributes:
        url: where OTLP is taken.
        status: of its answers.
        spans: all of them.
        paths: that were posted to.
        headers: of the last export, in small letters.
    """

    def __init__(self, url: str, status: int = 200) -> None:
        self.url = url
        self.status = status
        self.spans: list[Told] = []
        self.paths: set[str] = set()
        self.headers: dict[str, str] = {}

    def until(self, is_there: Callable[[list[Told]], bool]) -> list[Told]:
        """Wait until the spans are what a test waits for."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_there(self.spans):
            assert time.monotonic() < deadline, [(span.name, span.server) for span in self.spans]
            time.sleep(0.02)  # between two looks; what came ends the wait
        return list(self.spans)

    def take(self, body: bytes) -> None:
        """Read one export."""
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = {one.key: one.value.string_value for one in group.resource.attributes}
            for scope in group.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        Told(
                            name=span.name,
                            trace_id=span.trace_id.hex(),
                            span_id=span.span_id.hex(),
                            parent_id=span.parent_span_id.hex(),
                            began_ns=span.start_time_unix_nano,
                            ended_ns=span.end_time_unix_nano,
                            server=resource["service.instance.id"],
                            resource=resource,
                            is_error=span.status.code == 2,
                            attributes={
                                one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes
                            },
                        )
                    )


@contextmanager
def collecting(status: int = 200) -> Iterator[Collector]:
    """Run one on a free port; it answers everything with this status."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.paths.add(self.path)
            collector.headers = {name.lower(): value for name, value in self.headers.items()}
            if collector.status == 200:
                collector.take(body)
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector = Collector(f"http://127.0.0.1:{server.server_address[1]}", status)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
