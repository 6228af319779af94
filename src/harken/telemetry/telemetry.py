"""One server's eyes: takes every event, and makes of them what a scrape and a page ask for.

It joins the metrics, the journal, the series and the records of instances, and hands events on to traces where there
are any. The invariant: an event that a listener cannot take is logged once per kind of failure, and costs no request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from harken.clock import Clock, SystemClock
from harken.events import CACHED, DONE, Event, RequestBegan, RequestEnded, Span, Stage, Tell, TurnDone
from harken.log import get_log
from harken.telemetry.cluster import Moment, document
from harken.telemetry.gauges import families
from harken.telemetry.journal import Journal
from harken.telemetry.look import Look, TakeLook
from harken.telemetry.metrics import Metrics
from harken.telemetry.records import Records
from harken.telemetry.series import Series

_log = get_log("telemetry")


class Telemetry:
    """Listens and shows.

    Args:
        take_look: what its owners know of the server now.
        is_gateway: it counts tries on its targets; an instance counts what its engine did.
        clock: monotonic seconds.
        wall: seconds since 1970.
    """

    def __init__(
        self,
        take_look: TakeLook,
        *,
        is_gateway: bool,
        clock: Clock | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._take_look = take_look
        self._clock = clock or SystemClock()
        self._wall = wall
        self._of_instance = Stage.TRY if is_gateway else Stage.GENERATE
        self._heard = Stage.SEGMENT if is_gateway else Stage.GENERATE
        self._registry = CollectorRegistry()
        self._metrics = Metrics(self._registry)
        self._journal = Journal()
        self._series = Series(self._clock.now())
        self._records = Records(self._clock.now())
        self._also: Tell | None = None
        self._failed: set[str] = set()
        self._registry.register(_Looked(self._look))

    def trace_to(self, tell: Tell) -> None:
        """Hand every event on from now on."""
        self._also = tell

    def tell(self, event: Event) -> None:
        """Take an event; the edge at which nothing that goes wrong may go on."""
        try:
            self._take(event)
        except Exception as error:  # noqa: BLE001 - whoever tells is in the middle of a request
            if repr(error) not in self._failed and len(self._failed) < 100:
                self._failed.add(repr(error))
                _log.exception("telemetry.failed", event_kind=type(event).__name__)

    def metrics(self) -> bytes:
        """All metrics in Prometheus's text form."""
        return generate_latest(self._registry)

    def cluster(self) -> dict[str, Any]:
        """The cluster as a document, as `cluster` has it."""
        look, now = self._look(), self._clock.now()
        return document(
            Moment(
                at=self._wall(),
                now=now,
                look=look,
                records=self._records.of(now),
                window=self._series.window(now),
                steps=self._series.steps(now),
                entries=self._journal.entries(),
                failures=self._journal.failures(now),
                in_progress=self._journal.in_progress,
            )
        )

    def note(self, *, queued_audio_s: float, speaking: int) -> None:
        """Note how much waits and how many speak now; somebody calls it every second."""
        now = self._clock.now()
        self._series.waits(queued_audio_s, now)
        self._series.speaks(speaking, now)

    def _take(self, event: Event) -> None:
        self._metrics.take(event)
        match event:
            case RequestBegan():
                self._journal.began(event)
            case RequestEnded():
                self._journal.ended(event)
                self._series.ended(event)
            case Span():
                self._journal.add(event)
                if event.stage is self._of_instance:
                    self._records.ended(event)
                if event.stage is self._heard and event.outcome in (DONE, CACHED):
                    self._series.heard(event.audio_s, event.ended)
            case TurnDone():
                self._series.completed(event.completed - event.committed, event.completed)
        if self._also is not None:
            self._also(event)

    def _look(self) -> Look:
        look = self._take_look()
        self._metrics.forget({line.name for line in look.health.instances}, self._clock.now())
        return look


class _Looked(Collector):
    """Looks when it is scraped."""

    def __init__(self, look: TakeLook) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        return families(self._look())

    def describe(self) -> list[Metric]:
        """Nothing beforehand: at registration there is nobody to look at yet."""
        return []
