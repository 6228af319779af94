"""Puts the public API together: the routes, the edge around them, the answers to what goes wrong.

The server hands in a provider, because an instance listens before its model is loaded and a gateway before its first
instance is ready; it adds routes of its own (the wire) to the app that it gets.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

import harken
from harken.api.admin import admin_routes
from harken.api.asr import asr_routes
from harken.api.auth import Auth
from harken.api.cluster import cluster_routes
from harken.api.cors import cors_middleware
from harken.api.docs import docs_routes
from harken.api.edge import Edge
from harken.api.errors import on_harken_error, on_http_error, on_validation_error
from harken.api.fleet import Operate, fleet_routes, no_fleet
from harken.api.health import STARTING, health_routes
from harken.api.jobs import jobs_routes
from harken.api.live.doors import LiveDoors, socket_routes
from harken.api.model_files import ModelFiles, model_files_routes
from harken.api.models import models_routes
from harken.api.openai import openai_routes
from harken.api.openapi import DESCRIPTION, DescribedApp
from harken.api.pages import page_routes
from harken.api.service import Provider
from harken.api.shortcut import Shortcut
from harken.api.sight import Sight
from harken.errors import HarkenError
from harken.keys import Admission
from harken.types import Health

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Any]]


def create_app(
    provider: Provider,
    *,
    lifespan: Lifespan | None = None,
    early: Callable[[], Health] = lambda: STARTING,
    admission: Admission | None = None,
    cors_origins: str = "",
    model_files: ModelFiles | None = None,
    sight: Sight | None = None,
    operate: Operate = no_fleet,
) -> FastAPI:
    """Return the app with all public routes.

    Args:
        provider: returns the service, or None while there is none; asked anew by every request.
        lifespan: what to do around serving.
        early: the health to tell while there is no service.
        admission: keys and limits; None lets everybody in.
        cors_origins: web pages that may call from a browser; see `cors`.
        model_files: the models whose files other machines may fetch; None for none.
        sight: the server's eyes; None: nothing is told, and there is nothing to see.
        operate: changes the fleet.

    Raises:
        ConfigError: `cors_origins` names something that is no origin.
    """

    def health() -> Health:
        service = provider()
        return early() if service is None else service.health()

    recordings = (asr_routes(provider), openai_routes(provider))
    doors = LiveDoors(provider)
    app = DescribedApp(
        title="Harken",
        version=harken.__version__,
        summary="Speech recognition: recordings in, text out.",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # the framework's page loads its scripts from elsewhere; ours is in `docs`
        redoc_url=None,
        redirect_slashes=False,
        # Spans, metrics and logs are told by ours; the framework's would come twice, with every path that is asked for.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        middleware=[
            Middleware(Edge) if sight is None else Middleware(Edge, sight.telemetry.tell, sight.begin_trace),
            *cors_middleware(cors_origins),
            Middleware(Auth, admission=admission, origins=cors_origins),
            Middleware(Shortcut, routers=recordings, sockets=doors),
        ],
        exception_handlers={
            HarkenError: on_harken_error,
            HTTPException: on_http_error,
            RequestValidationError: on_validation_error,
        },
    )
    for router in (
        *recordings,
        models_routes(provider),
        model_files_routes(model_files),
        jobs_routes(provider),
        health_routes(provider, early, admission),
        admin_routes(admission.ring if admission else None, health),
        fleet_routes(operate),
        docs_routes(),
        page_routes(),
        socket_routes(doors),
        *([] if sight is None else [cluster_routes(sight)]),
    ):
        app.include_router(router)
    return app
