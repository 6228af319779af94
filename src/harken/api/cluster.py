"""`GET /cluster`, `GET /cluster/events`, `GET /metrics`: the server seen from outside.

The first two are one document (`harken.telemetry.cluster`), once or once a second; the third is Prometheus's. Who may
read is decided before (`auth`). The invariant: whoever watches learns within seconds that the server ends or that his
connection is dead, because something comes every second.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.types import Receive, Scope, Send

from harken.api.connected import while_connected
from harken.api.query import refuse_query
from harken.api.reading import add_reading
from harken.api.schema.cluster import CLUSTER_EVENTS_RESPONSES, CLUSTER_RESPONSES, METRICS_RESPONSES
from harken.api.sight import Sight

_NO_STORE = {"Cache-Control": "no-store"}


def cluster_routes(sight: Sight) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["monitoring"])

    async def cluster(request: Request) -> Response:
        """Instances, queue, latencies, recent requests: everything that the dashboard shows."""
        refuse_query(request)
        return Response(sight.broadcast.now(), media_type="application/json", headers=_NO_STORE)

    async def metrics(request: Request) -> Response:
        """In Prometheus's text form; docs/reference/metrics.md says what each is."""
        refuse_query(request)
        return Response(sight.telemetry.metrics(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4, **_NO_STORE})

    async def cluster_events(request: Request) -> Response:
        """The same document as /cluster once a second, as server-sent events named `cluster`."""
        refuse_query(request)
        return _Events(sight)

    add_reading(router, "/cluster", cluster, summary="See the cluster", responses=CLUSTER_RESPONSES)
    add_reading(router, "/metrics", metrics, summary="Scrape the metrics", responses=METRICS_RESPONSES)
    router.add_api_route(
        "/cluster/events",
        cluster_events,
        methods=["GET"],
        summary="Watch the cluster",
        operation_id="cluster_events",
        response_class=Response,
        responses=CLUSTER_EVENTS_RESPONSES,
    )
    return router


class _Events(Response):
    """The stream."""

    media_type = "text/event-stream"

    def __init__(self, sight: Sight) -> None:
        # Proxies that gather answers would show the past; this asks nginx not to.
        super().__init__(headers={**_NO_STORE, "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._sight = sight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send documents until the client leaves or the server ends.

        Raises:
            Unavailable: too many watch already.
            ClientDisconnect: the client left.
        """
        with self._sight.broadcast.watching():
            await while_connected(receive, self._tell(send))

    async def _tell(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        document: bytes | None = self._sight.broadcast.now()
        while document is not None:
            body = b"event: cluster\ndata: " + document + b"\n\n"
            await send({"type": "http.response.body", "body": body, "more_body": True})
            document = await self._sight.broadcast.next()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
