"""A request's body as a JSON object, bounded while it is read."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from harken.api.upload import read_body
from harken.errors import ClientError


def is_json(request: Request) -> bool:
    """Whether the head says that the body is JSON."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


async def read_json(request: Request, most_bytes: int) -> dict[str, Any]:
    """Read the body, whatever its head says.

    Raises:
        ClientError: no JSON, or no object.
        UploadTooLarge: more than `most_bytes`.
        TimedOut: the client stopped in the middle, or is too slow.
        ClientDisconnect: the client left in the middle.
    """
    body = bytearray()

    async def take(chunk: bytes) -> None:
        body.extend(chunk)

    await read_body(request, take, most_bytes)
    try:
        read = json.loads(bytes(body).decode())
        json.dumps(read, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise ClientError("The body is not valid JSON.") from error
    if not isinstance(read, dict):
        raise ClientError("The body must be a JSON object.")
    return read
