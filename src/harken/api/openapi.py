"""/openapi.json as a whole: what holds for all routes and is therefore written by none of them.

Adds the bearer key to every route that may need one, with the answers to a missing key, a wrong one and a reached
limit. Which routes are open to everybody is listed here and nowhere else in the schema.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    for content in _contents(schema):
        _restore_nulls(content.get("schema", {}), content.get("example"))
    return schema


def _refusals(path: str) -> Responses:
    return plain_errors(401, 403, 429) if path == "/asr" else openai_errors(401, 403, 429)


def _contents(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What each answer of each route may hold, in each of its media types."""
    operations = (operation for path in schema["paths"].values() for operation in path.values())
    for response in (response for operation in operations for response in operation["responses"].values()):
        yield from response.get("content", {}).values()


def _restore_nulls(schema: dict[str, Any], example: Any) -> None:
    """Put back into an example what the framework leaves out of it: members that are null."""
    if isinstance(example, list):
        for item in example:
            _restore_nulls(schema.get("items", {}), item)
    elif isinstance(example, dict):
        members = schema.get("properties", {})
        for name in schema.get("required", ()):
            if "null" in members[name].get("type", ()):
                example.setdefault(name, None)
        for name, value in example.items():
            _restore_nulls(members.get(name, {}), value)
