"""The one place where a failure becomes an HTTP answer.

Two shapes: `/asr` answers `{"error": message, "code": code}`, everything else answers as OpenAI's API does. Status and
code come from the error tree alone. Failures that are no `HarkenError` (the framework's own 404 and 405, defects of
ours) are translated into one first, so there is no third shape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from harken.errors import ClientError, HarkenError, InternalError, MethodNotAllowed, NotFound, Unavailable
from harken.log import get_log

_log = get_log("api.errors")

_RETRY_AFTER_S = 2
"""Said with a 503 that does not know better: long enough not to hammer, short enough for a restart."""


def answer(error: HarkenError, path: str, headers: Mapping[str, str] | None = None) -> Response:
    """Turn a failure into its answer, in the shape of the API that `path` belongs to."""
    shape = _plain_shape if path == "/asr" else _openai_shape
    body = json.dumps(shape(error), ensure_ascii=False).encode()
    response = Response(body, status_code=error.status, headers=dict(headers or {}), media_type="application/json")
    if (retry_after_s := _retry_after_s(error)) is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def _plain_shape(error: HarkenError) -> dict[str, object]:
    return {"error": error.message, "code": error.code}


def _openai_shape(error: HarkenError) -> dict[str, object]:
    kind = "invalid_request_error" if isinstance(error, ClientError) else "server_error"
    return {"error": {"message": error.message, "type": kind, "param": error.field, "code": error.code}}


def _retry_after_s(error: HarkenError) -> int | None:
    if error.retry_after_s is not None:
        return max(1, error.retry_after_s)
    return _RETRY_AFTER_S if isinstance(error, Unavailable) and error.status == 503 else None


async def on_harken_error(request: Request, error: Exception) -> Response:
    """Answer a failure of the tree."""
    assert isinstance(error, HarkenError), f"registered for HarkenError, called with {error!r}"
    tell = _log.warning if error.status >= 500 else _log.info
    tell("request.failed", request_id=request.state.request_id, path=request.url.path, code=error.code)
    return answer(error, request.url.path)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: unknown routes, methods that a route does not have."""
    assert isinstance(error, HTTPException), f"registered for HTTPException, called with {error!r}"
    path = request.url.path
    translated: HarkenError
    match error.status_code:
        case 404:
            translated = NotFound(f"There is nothing at {path[:200]}; GET / lists what there is.")
        case 405:
            allowed = (error.headers or {}).get("Allow", "another method")
            translated = MethodNotAllowed(f"{request.method} is not allowed at {path[:200]}; use {allowed}.")
        case status if status < 500:
            translated = ClientError(str(error.detail))
        case _:
            translated = InternalError()
    return answer(translated, path, error.headers)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Answer what the framework finds wrong with a path or query."""
    assert isinstance(error, RequestValidationError), f"registered for validation, called with {error!r}"
    return answer(ClientError("; ".join(str(problem["msg"]) for problem in error.errors())), request.url.path)


def internal_error(request_id: str, path: str) -> Response:
    """Answer a defect of ours; the traceback is in the log beside the same id."""
    return answer(InternalError(f"Something went wrong inside the server; its log knows it as {request_id}."), path)
