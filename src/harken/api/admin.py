"""`/admin`: keys and the state of the instances, for an admin's key or a program on the server's own machine.

Who may come in is decided before (`auth`). The invariant: a secret is told once, to whoever made the key, in an answer
that nobody may store.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from harken.api.health import describe
from harken.api.json_body import is_json, read_json
from harken.api.query import refuse_query
from harken.api.schema.admin import (
    ADD_KEY_BODY,
    ADD_KEY_RESPONSES,
    INSTANCES_RESPONSES,
    KEYS_RESPONSES,
    REVOKE_PARAMETERS,
    REVOKE_RESPONSES,
)
from harken.api.unstored import unstored
from harken.errors import ClientError, NotOffered, UnsupportedOption
from harken.keys import KeyRing
from harken.keys.describe import key_fields
from harken.types import Health, Priority

_BODY_BYTES = 16 * 1024
_REQUESTS_MAX = 1_000_000
_AUDIO_S_MAX = 1e9


def admin_routes(ring: KeyRing | None, health: Callable[[], Health]) -> APIRouter:
    """Return the routes; those about keys answer 501 where a server has none."""
    router = APIRouter(tags=["admin"])

    @router.get(
        "/admin/instances",
        summary="Look at the instances",
        operation_id="list_instances",
        response_class=Response,
        responses=INSTANCES_RESPONSES,
    )
    async def instances(request: Request) -> Response:
        """What /health says, but 200 also while nothing is ready."""
        refuse_query(request)
        return unstored(describe(health(), datetime.now(UTC)))

    @router.get(
        "/admin/keys",
        summary="List the keys",
        operation_id="list_keys",
        response_class=Response,
        responses=KEYS_RESPONSES,
    )
    async def list_keys(request: Request) -> Response:
        """All of them, oldest first; no secrets, because nobody has them."""
        refuse_query(request)
        return unstored({"object": "list", "data": [key_fields(key) for key in await _offered(ring).all()]})

    @router.post(
        "/admin/keys",
        status_code=201,
        summary="Make a key",
        operation_id="add_key",
        response_class=Response,
        responses=ADD_KEY_RESPONSES,
        openapi_extra=ADD_KEY_BODY,
    )
    async def add_key(request: Request) -> Response:
        """From the first one on, the server needs keys (unless `auth.keys` says otherwise)."""
        refuse_query(request)
        wanted = await _read_wish(request)
        key, secret = await _offered(ring).add(
            wanted["name"],
            is_admin=bool(wanted.get("is_admin")),
            requests_per_minute=wanted.get("requests_per_minute"),
            audio_s_per_minute=wanted.get("audio_s_per_minute"),
            priority=Priority(wanted.get("priority") or Priority.INTERACTIVE),
        )
        return unstored({**key_fields(key), "secret": secret}, status=201)

    @router.delete(
        "/admin/keys/{id_or_name}",
        summary="Revoke a key",
        operation_id="revoke_key",
        response_class=Response,
        responses=REVOKE_RESPONSES,
        openapi_extra=REVOKE_PARAMETERS,
    )
    async def revoke_key(request: Request) -> Response:
        """It opens nothing here at once, and on other servers of the same database within two seconds."""
        refuse_query(request)
        return unstored(key_fields(await _offered(ring).revoke(request.path_params["id_or_name"])))

    return router


def _offered(ring: KeyRing | None) -> KeyRing:
    if ring is None:
        raise NotOffered("This server has no keys: auth.keys is off.")
    return ring


async def _read_wish(request: Request) -> dict[str, Any]:
    """Read the body of a new key.

    Raises:
        ClientError: no JSON object, a field that does not exist, or a value that cannot be.
    """
    if not is_json(request):
        raise ClientError("The body must be application/json.")
    wanted = await read_json(request, _BODY_BYTES)
    for name in wanted:
        if name not in _CHECKS:
            raise UnsupportedOption(
                f"Field {name[:80]!r} is not known; known are {', '.join(_CHECKS)}.", field=name[:80]
            )
    for name, (is_right, hint) in _CHECKS.items():
        if not is_right(wanted.get(name)):
            raise ClientError(f"{name} must be {hint}.", field=name)
    return wanted


def _is_number(value: object, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


_CHECKS: dict[str, tuple[Callable[[object], bool], str]] = {
    "name": (lambda value: isinstance(value, str), "text"),
    "is_admin": (lambda value: value is None or isinstance(value, bool), "true or false"),
    "requests_per_minute": (
        lambda value: value is None or (isinstance(value, int) and _is_number(value, _REQUESTS_MAX)),
        f"a whole number from 0 to {_REQUESTS_MAX}, or null",
    ),
    "audio_s_per_minute": (
        lambda value: value is None or _is_number(value, _AUDIO_S_MAX),
        "a number that is 0 or more, or null",
    ),
    "priority": (
        lambda value: value is None or (isinstance(value, str) and value in set(Priority)),
        f"one of {', '.join(Priority)}",
    ),
}
