"""`POST /v1/audio/transcriptions` as OpenAI's clients call it.

The invariant: a field is honoured or refused by name, never ignored. What the model cannot do (temperatures, word
times, speaker names) or this server does not do yet (streaming, subtitles) is `unsupported_option`; values that ask for
nothing special (`temperature=0`, `stream=false`) pass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from harken.api.models import check_model
from harken.api.schema import OPENAI_BODY, OPENAI_RESPONSES
from harken.api.service import Provider, accepting
from harken.api.transcription import Wish, result_headers, transcribe_form
from harken.errors import UnsupportedOption
from harken.transcribe.result import RecordingTranscript
from harken.types import Options

FILE_FIELD = "file"
FIELDS = ("file", "model", "language", "prompt", "response_format", "temperature", "stream", "chunking_strategy")


def openai_routes(provider: Provider) -> APIRouter:
    """Return the route over whatever service the provider has at the time."""
    router = APIRouter(tags=["transcription"])

    @router.post(
        "/v1/audio/transcriptions",
        summary="Transcribe a recording (OpenAI's form)",
        operation_id="transcriptions",
        response_class=Response,
        responses=OPENAI_RESPONSES,
        openapi_extra=OPENAI_BODY,
    )
    async def transcriptions(request: Request) -> Response:
        """Takes any audio or video file; answers JSON or plain text."""
        wants_text = False

        def understand(fields: dict[str, str]) -> Wish:
            nonlocal wants_text
            wish = read_wish(fields)
            wants_text = fields.get("response_format") == "text"
            return wish

        result = await transcribe_form(request, accepting(provider), FILE_FIELD, understand)
        return _text(result) if wants_text else _json(result)

    return router


def read_wish(fields: Mapping[str, str]) -> Wish:
    """Understand the text fields of the form; an empty one counts as not given.

    Raises:
        UnsupportedOption: an unknown field, or a value that cannot be honoured.
    """
    given = {name: value for name, value in fields.items() if value != ""}
    for name, value in given.items():
        _check_field(name, value)
    name = given.get("model", "")
    return Wish(
        options=Options(language=given.get("language"), context=given.get("prompt", "")),
        check_model=lambda info: check_model(name, info),
        context_field="prompt",
    )


def _check_field(name: str, value: str) -> None:
    match name:
        case "model" | "language" | "prompt":
            return
        case "response_format":
            is_honoured, hint = value in ("json", "text"), "json and text are."
        case "temperature":
            is_honoured, hint = _is_zero(value), "recognition is always greedy: leave it out or send 0."
        case "stream":
            is_honoured, hint = value.lower() in ("false", "0"), "leave it out or send false."
        case "chunking_strategy":
            is_honoured, hint = value == "auto", "recordings are always cut at pauses: leave it out or send auto."
        case _:
            is_honoured, hint = False, f"known fields are {', '.join(FIELDS)}."
    if not is_honoured:
        raise UnsupportedOption(f"{name[:80]}={value[:80]!r} is not supported; {hint}", field=name[:80])


def _is_zero(value: str) -> bool:
    try:
        return float(value) == 0.0
    except ValueError:
        return False


def _json(result: RecordingTranscript) -> Response:
    body = {
        "text": result.text,
        "language": result.language,
        "usage": {"type": "duration", "seconds": round(result.audio_s, 3)},
    }
    return Response(
        json.dumps(body, ensure_ascii=False).encode(), media_type="application/json", headers=result_headers(result)
    )


def _text(result: RecordingTranscript) -> Response:
    return Response(f"{result.text}\n", media_type="text/plain", headers=result_headers(result))
