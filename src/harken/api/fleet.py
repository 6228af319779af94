"""`POST /admin/scale`, `/admin/instances/NAME/restart` and `/drain`: the dashboard's buttons, for admins.

They ask what the operators' socket asks, in the same words, and answer when it is done. Who may come in is decided
before (`auth`). The invariant: a request is understood whole or refused before anything is done, and whoever hangs up
meanwhile stops nothing that was begun.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from harken.api.connected import while_connected
from harken.api.json_body import is_json, read_json
from harken.api.query import refuse_query
from harken.api.schema.fleet import INSTANCE_PARAMETERS, INSTANCE_RESPONSES, SCALE_BODY, SCALE_RESPONSES
from harken.api.unstored import unstored
from harken.errors import ClientError, ConfigError, NotOffered, UnsupportedOption

Operate = Callable[[Mapping[str, Any]], Coroutine[Any, Any, dict[str, Any]]]
"""Does what an operator's request says, as `harken.fleet.handlers` has it."""

_BODY_BYTES = 1024


async def no_fleet(_: Mapping[str, Any]) -> dict[str, Any]:
    """What a server without a fleet of its own answers.

    Raises:
        NotOffered: always.
    """
    raise NotOffered("This server has no instances of its own to change.")


def fleet_routes(operate: Operate) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["admin"])

    @router.post(
        "/admin/scale",
        summary="Change how many instances there are",
        operation_id="scale",
        response_class=Response,
        responses=SCALE_RESPONSES,
        openapi_extra=SCALE_BODY,
    )
    async def scale(request: Request) -> Response:
        """Answers when the new ones are ready, or the others gone; nothing that was accepted is lost."""
        refuse_query(request)
        if not is_json(request):
            raise ClientError("The body must be application/json.")
        body = await read_json(request, _BODY_BYTES)
        for name in body:
            if name != "count":
                raise UnsupportedOption(f"Field {name[:80]!r} is not known; known is count.", field=name[:80])
        return await _done(operate, request, {"do": "scale", **body})

    @router.post(
        "/admin/instances/{name}/restart",
        summary="Restart an instance",
        operation_id="restart_instance",
        response_class=Response,
        responses=INSTANCE_RESPONSES,
        openapi_extra=INSTANCE_PARAMETERS,
    )
    async def restart(request: Request) -> Response:
        """Drained, stopped, started; answers when it is in service again."""
        refuse_query(request)
        return await _done(operate, request, {"do": "restart", "names": [request.path_params["name"]]})

    @router.post(
        "/admin/instances/{name}/drain",
        summary="Take an instance out of service",
        operation_id="drain_instance",
        response_class=Response,
        responses=INSTANCE_RESPONSES,
        openapi_extra=INSTANCE_PARAMETERS,
    )
    async def drain(request: Request) -> Response:
        """It finishes what it has and stays stopped until it is restarted; answers when it is."""
        refuse_query(request)
        return await _done(operate, request, {"do": "drain", "names": [request.path_params["name"]]})

    return router


async def _done(operate: Operate, request: Request, wish: Mapping[str, Any]) -> Response:
    try:
        outcome = await while_connected(request.receive, operate(wish))
    except ConfigError as error:
        raise ClientError(error.message) from error
    return unstored(outcome)
