"""/openapi.json as a whole: what holds for all routes and is therefore written by none of them.

Adds the bearer key to every route that may need one, with the answers to a missing key, a wrong one and a reached
limit. Which routes are open to everybody is listed here and nowhere else in the schema.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from harken.api.schema.parts import Responses, openai_errors, plain_errors

OPEN_PATHS = ("/", "/health", "/health/live", "/health/ready")
"""Never need a key."""

DESCRIPTION = """\
Recordings in, text out. `POST /asr` is the simple form; `POST /v1/audio/transcriptions` is OpenAI's, and its SDKs work
against it unchanged. Errors have stable codes; every answer has an `X-Request-Id`, which is in the server's log too.
"""

_KEY = "bearer"
_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key of this server, where it has any: `harken keys add`.",
}


class DescribedApp(FastAPI):
    """An app whose schema says what all routes have in common."""

    def openapi(self) -> dict[str, Any]:
        """Return the schema; it is made once."""
        if self.openapi_schema is None:
            self.openapi_schema = _completed(super().openapi())
        return self.openapi_schema


def _completed(schema: dict[str, Any]) -> dict[str, Any]:
    schema.setdefault("components", {}).setdefault("securitySchemes", {})[_KEY] = _SCHEME
    for path, operations in schema["paths"].items():
        if path in OPEN_PATHS:
            continue
        for operation in operations.values():
            operation.setdefault("security", [{_KEY: []}, {}])  # {}: servers without keys need none
            for status, response in _refusals(path).items():
                operation["responses"].setdefault(str(status), response)
    return schema


def _refusals(path: str) -> Responses:
    return plain_errors(401, 403, 429) if path == "/asr" else openai_errors(401, 403, 429)
