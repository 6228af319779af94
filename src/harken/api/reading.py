"""Routes that are read: GET, and HEAD, with which some load balancers and download tools ask the same question."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Response

from harken.api.schema.parts import Responses

Read = Callable[..., Awaitable[Response]]


def add_reading(
    router: APIRouter,
    path: str,
    route: Read,
    *,
    summary: str,
    responses: Responses,
    extra: dict[str, Any] | None = None,
) -> None:
    """Add a route under both methods; the schema lists it once.

    Args:
        router: gets it.
        path: its address.
        route: answers; its name is the operation's.
        summary: in a few words.
        responses: what may come back.
        extra: what else the schema says of it.
    """
    router.add_api_route(
        path,
        route,
        methods=["GET"],
        summary=summary,
        operation_id=route.__name__,
        response_class=Response,
        responses=responses,
        openapi_extra=extra,
    )
    router.add_api_route(path, route, methods=["HEAD"], response_class=Response, include_in_schema=False)
