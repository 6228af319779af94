"""/models in /openapi.json."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harken.api.schema.parts import (
    BOOLEAN,
    COUNT,
    TEXT,
    Responses,
    header_parameter,
    json_answer,
    listed,
    obj,
    openai_error,
    openai_errors,
    path_parameter,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """What the schema says of one route."""

    responses: Responses
    extra: dict[str, Any] = field(default_factory=dict)


_COMMIT = "c5f1d3a2b4e6978899aabbccddeeff0011223344"
_SHA256 = "3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b"
_CACHE = {"Cache-Control": {"description": "How long it may be kept.", "schema": TEXT}}
_MISSING = openai_error(404, "It is not offered, or nothing is.", "not_found", "There is nothing at this address.")
_BUSY = openai_errors(503)

INDEX = Described(
    responses={
        200: json_answer(
            "Models and revisions.",
            obj(
                {
                    "object": {"type": "string", "enum": ["harken.models"]},
                    "data": listed(
                        obj(
                            {
                                "id": TEXT,
                                "revision": TEXT,
                                "refs": listed(TEXT),
                                "is_default": BOOLEAN,
                                "files": COUNT,
                                "bytes": COUNT,
                            }
                        )
                    ),
                }
            ),
            {
                "object": "harken.models",
                "data": [
                    {
                        "id": "Qwen/Qwen3-ASR-1.7B",
                        "revision": _COMMIT,
                        "refs": ["main"],
                        "is_default": True,
                        "files": 12,
                        "bytes": 4703000000,
                    }
                ],
            },
            headers=_CACHE,
        ),
        404: _MISSING,
        **_BUSY,
    }
)

_NAMED = [
    path_parameter("name", "The id of a model (slashes as they are)."),
    path_parameter("revision", "The whole revision, as the list tells it."),
]

MANIFEST = Described(
    responses={
        200: json_answer(
            "Its files.",
            obj(
                {
                    "name": TEXT,
                    "revision": TEXT,
                    "source": TEXT,
                    "files": listed(obj({"name": TEXT, "size": COUNT, "sha256": TEXT, "checked": TEXT})),
                    "pulled_at": TEXT,
                    "verified_at": TEXT,
                    "format": COUNT,
                }
            ),
            {
                "name": "Qwen/Qwen3-ASR-1.7B",
                "revision": _COMMIT,
                "source": "https://huggingface.co",
                "files": [{"name": "config.json", "size": 659, "sha256": _SHA256, "checked": "sha256"}],
                "pulled_at": "2026-11-29T21:00:00Z",
                "verified_at": "2026-11-29T21:00:00Z",
                "format": 1,
            },
            headers=_CACHE,
        ),
        404: _MISSING,
        **_BUSY,
    },
    extra={"parameters": _NAMED},
)

_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_HEADERS = {**_CACHE, "ETag": {"description": "The SHA-256 of the file, in quotes.", "schema": TEXT}}
_RANGE_HEADERS = {**_HEADERS, "Content-Range": {"description": "Which part it is.", "schema": TEXT}}

FILE = Described(
    responses={
        200: {"description": "The file.", "content": _BINARY, "headers": _HEADERS},
        206: {"description": "The part that `Range` asked for.", "content": _BINARY, "headers": _RANGE_HEADERS},
        304: {"description": "The client has it: `If-None-Match` names its ETag.", "headers": _HEADERS},
        404: _MISSING,
        416: openai_error(
            416, "The range begins behind the end.", "range_not_satisfiable", "The file does not have that range."
        ),
        **_BUSY,
    },
    extra={
        "parameters": [
            *_NAMED,
            path_parameter("file", "Its name in the manifest."),
            header_parameter("Range", TEXT, "One range, such as bytes=0-1023 or bytes=-100; several are not honoured."),
            header_parameter("If-Range", TEXT, "The ETag of which a part is at hand: of another file all is sent."),
            header_parameter("If-None-Match", TEXT, "ETags that are at hand."),
        ]
    },
)
