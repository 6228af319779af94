"""`GET /health` and its two short forms for machines; and `GET /`, the sign on the door (for people: the dashboard).

Alive means: this process answers. Ready means: a recording sent now would be recognised. They are different questions
with different addresses, and `/health` answers the second one with its status while its body tells the rest. Anybody
may ask; where keys are in use, only those who may use `/admin` learn where instances are and what is wrong with them.
The invariant: no answer waits for anything but the event loop (and who brings a key, for that to be looked up).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

import harken
from harken.api.insiders import may_look_inside
from harken.api.pages import dashboard, wants_page
from harken.api.reading import add_reading
from harken.api.schema.health import HEALTH_RESPONSES, LIVE_RESPONSES, READY_RESPONSES, ROOT_RESPONSES
from harken.api.service import Provider
from harken.keys import Admission
from harken.types import Health, InstanceHealth

_STATUS = {
    "ready": "healthy",
    "degraded": "degraded",
    "starting": "starting",
    "draining": "draining",
    "broken": "unhealthy",
    "full": "unhealthy",
    "locked": "unhealthy",
    "stopped": "unhealthy",
    "asleep": "healthy",
}
"""A server's state → the word that monitors look for."""

_LINE = tuple(field.name for field in dataclasses.fields(InstanceHealth) if field.name not in ("model", "figures"))

STARTING = Health(name="", is_ready=False, state="starting")


def health_routes(provider: Provider, early: Callable[[], Health], admission: Admission | None = None) -> APIRouter:
    """Return the routes.

    Args:
        provider: returns the service, or None while there is none.
        early: answers meanwhile.
        admission: the keys, where there may be some.
    """
    router = APIRouter(tags=["health"])

    def now() -> Health:
        service = provider()
        return early() if service is None else service.health()

    async def health(request: Request) -> Response:
        """200 when a recording sent now would be recognised, else 503; the body says more."""
        is_insider = await may_look_inside(request.scope, admission)
        current = now()
        shown = current if is_insider else from_outside(current)
        return _json(describe(shown, datetime.now(UTC)), _status(current))

    async def live() -> Response:
        """200 as long as the process answers at all."""
        return _json({"status": "alive"}, 200)

    async def ready() -> Response:
        """200 or 503."""
        current = now()
        return _json({"status": "ready" if current.is_ready else "not ready"}, _status(current))

    async def root(request: Request) -> Response:
        """The sign on the door; for whoever asks for HTML the dashboard."""
        if wants_page(request.headers.get("accept", "")):
            shown = dashboard()
        else:
            about = {"name": "harken", "version": harken.__version__, "server": now().name}
            shown = _json({**about, "routes": ROUTES}, 200)
        shown.headers["Vary"] = "Accept"
        return shown

    for path, route, summary, responses in (
        ("/health", health, "Can you transcribe now?", HEALTH_RESPONSES),
        ("/health/live", live, "Is the process alive?", LIVE_RESPONSES),
        ("/health/ready", ready, "May traffic come here?", READY_RESPONSES),
        ("/", root, "What is this?", ROOT_RESPONSES),
    ):
        add_reading(router, path, route, summary=summary, responses=responses)
    return router


ROUTES = {
    "POST /asr": "transcribe a recording, simple form",
    "POST /v1/audio/transcriptions": "transcribe a recording, OpenAI's form",
    "POST /v1/jobs": "have recordings transcribed in the background",
    "GET /v1/models": "what is served",
    "GET /health": "can it transcribe now?",
    "GET /playground": "try it in a browser",
    "GET /docs": "all of this for people",
    "GET /openapi.json": "all of this for machines",
}


def describe(health: Health, now: datetime) -> dict[str, object]:
    """Write a state as the body of `/health`; `now` has a zone."""
    return {
        "status": word_of(health),
        "timestamp": now.isoformat(timespec="milliseconds"),
        "instance": health.name,
        "model": health.model,
        "queued_audio_s": round(health.queued_audio_s, 3),
        "loop_lag_s": round(health.loop_lag_s, 4),
        "instances": [_fields(instance) for instance in health.instances],
    }


def word_of(health: Health) -> str:
    """The word that monitors look for."""
    return _STATUS.get(health.state, "healthy" if health.is_ready else "unhealthy")


def from_outside(health: Health) -> Health:
    """What everybody may know: not where instances are, nor what exactly is wrong with one."""
    hidden = tuple(dataclasses.replace(line, url="", pid=None, detail="") for line in health.instances)
    return dataclasses.replace(health, instances=hidden)


def _fields(line: InstanceHealth) -> dict[str, object]:
    # Not `asdict`: with a thousand instances it would hold the event loop for some hundredths of a second.
    shown: dict[str, object] = {name: getattr(line, name) for name in _LINE}
    shown["loop_lag_s"] = round(line.loop_lag_s, 4)
    if line.last_success_s is not None:
        shown["last_success_s"] = round(line.last_success_s, 3)
    return shown


def _status(health: Health) -> int:
    return 200 if health.is_ready else 503


def _json(body: dict[str, object], status: int) -> Response:
    return Response(json.dumps(body, ensure_ascii=False).encode(), status_code=status, media_type="application/json")
