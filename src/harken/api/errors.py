"""The one place where a failure becomes an HTTP answer.

Two shapes: `/asr` answers `{"error": message, "code": code}`, in Chinese for those who ask for it; everything else
answers as OpenAI's API does. Status and code come from the error tree alone. Failures that are no `HarkenError` (the
framework's own 404 and 405, defects of ours) are translated into one first, so there is no third shape.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from harken.api.access import log_fields
from harken.api.account import note_failure
from harken.api.chinese import message_in, wanted_language
from harken.errors import ClientError, HarkenError, InternalError, MethodNotAllowed, NotFound, Unavailable
from harken.log import get_log

_log = get_log("api.errors")

_RETRY_AFTER_S = 2
"""Said with a 503 that does not know better: long enough not to hammer, short enough for a restart."""


def answer(
    error: HarkenError, path: str, headers: Mapping[str, str] | None = None, *, accept_language: str = ""
) -> Response:
    """Turn a failure into its answer, in the shape and language of the API that `path` belongs to."""
    told = dict(headers or {})
    if path == "/asr":
        language = wanted_language(accept_language)
        shape: dict[str, object] = {"error": message_in(language, error), "code": error.code}
        told |= {"Content-Language": language, "Vary": "Accept-Language"}
    else:
        shape = openai_shape(error)
        if error.status >= 500 or error.status == 409:
            # OpenAI's SDKs repeat these by themselves; this header, which they read, says where that is no use.
            told["X-Should-Retry"] = "true" if error.retryable else "false"
    if (retry_after_s := _retry_after_s(error)) is not None:
        told["Retry-After"] = str(retry_after_s)
    body = json.dumps(shape, ensure_ascii=False).encode()
    return Response(body, status_code=error.status, headers=told, media_type="application/json")


def openai_shape(error: HarkenError) -> dict[str, object]:
    """A failure as OpenAI's API writes it."""
    # By the status: what another room refuses an operator (404, 409) is no failure of the server's either.
    kind = "invalid_request_error" if error.status < 500 else "server_error"
    return {"error": {"message": error.message, "type": kind, "param": error.field, "code": error.code}}


def _retry_after_s(error: HarkenError) -> int | None:
    if error.retry_after_s is not None:
        return max(1, error.retry_after_s)
    return _RETRY_AFTER_S if isinstance(error, Unavailable) and error.status == 503 else None


async def on_harken_error(request: Request, error: Exception) -> Response:
    """Answer a failure of the tree."""
    assert isinstance(error, HarkenError), f"registered for HarkenError, called with {error!r}"
    tell = _log.warning if error.status >= 500 else _log.info
    tell(
        "request.failed",
        request_id=request.state.request_id,
        path=request.url.path,
        code=error.code,
        wall_s=round(time.monotonic() - request.state.began, 3),
        **log_fields(request.scope),
    )
    return _answer_to(request, error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: unknown routes, methods that a route does not have."""
    assert isinstance(error, HTTPException), f"registered for HTTPException, called with {error!r}"
    path = request.url.path
    headers = dict(error.headers or {})
    translated: HarkenError
    match error.status_code:
        case 404:
            translated = NotFound(f"There is nothing at {path[:200]}; GET / lists what there is.")
        case 405:
            headers["Allow"] = ", ".join(_methods_of(request))
            allowed = " or ".join(_methods_of(request))
            translated = MethodNotAllowed(f"{request.method} is not allowed at {path[:200]}; use {allowed}.")
        case status if status < 500:
            translated = ClientError(str(error.detail))
        case _:
            translated = InternalError()
    return _answer_to(request, translated, headers)


def _methods_of(request: Request) -> list[str]:
    """All methods of an address: the framework names those of the first route alone."""
    scope, routes = request.scope, request.app.router.routes
    return [
        method
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Answer what the framework finds wrong with a path or query."""
    assert isinstance(error, RequestValidationError), f"registered for validation, called with {error!r}"
    return _answer_to(request, ClientError("; ".join(str(problem["msg"]) for problem in error.errors())))


def _answer_to(request: Request, error: HarkenError, headers: Mapping[str, str] | None = None) -> Response:
    note_failure(request.scope, error)
    return answer(error, request.url.path, headers, accept_language=request.headers.get("accept-language", ""))


def internal_error(request_id: str) -> InternalError:
    """A defect of ours; the traceback is in the log beside the same id."""
    return InternalError(f"Something went wrong inside the server; its log knows it as {request_id}.")
