"""What the routes need of a server's eyes: where facts go, what a scrape gets, what watchers get."""

from __future__ import annotations

from dataclasses import dataclass, field

from harken.telemetry.broadcast import Broadcast
from harken.telemetry.telemetry import Telemetry
from harken.trace import BeginTrace, no_trace


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """Of one server.

    Attributes:
        telemetry: takes facts, and makes metrics and the cluster's document of them.
        broadcast: the document once a second.
        begin_trace: makes of a `traceparent` header the span of a request; None where it is not traced.
    """

    telemetry: Telemetry
    broadcast: Broadcast
    begin_trace: BeginTrace = field(default=no_trace)
