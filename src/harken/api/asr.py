"""`POST /asr`: the deployment guide's own call, kept exactly.

Multipart field `audio` (file) and form field `language` (default `auto`); 200 `{"text", "language", "status"}`, else
`{"error", "code"}`. `language` in the answer is a name such as "English": the one that fills most of the recording, or
"" where nothing was spoken. Other fields are refused: a misspelt `lang` must not become "detect it" in silence.
"""

from __future__ import annotations

import json

from fastapi import APIRouter, Request, Response

from harken.api.schema import ASR_BODY, ASR_RESPONSES
from harken.api.service import Provider, accepting
from harken.api.transcription import Wish, result_headers, transcribe_form
from harken.errors import UnsupportedOption
from harken.types import Options

FILE_FIELD = "audio"


def asr_routes(provider: Provider) -> APIRouter:
    """Return the route over whatever service the provider has at the time."""
    router = APIRouter(tags=["transcription"])

    @router.post(
        "/asr",
        summary="Transcribe a recording (simple form)",
        operation_id="asr",
        response_class=Response,
        responses=ASR_RESPONSES,
        openapi_extra=ASR_BODY,
    )
    async def asr(request: Request) -> Response:
        """Takes any audio or video file; answers its text and language."""
        result = await transcribe_form(request, accepting(provider), FILE_FIELD, read_wish)
        body = {"text": result.text, "language": result.language, "status": "success"}
        return Response(
            json.dumps(body, ensure_ascii=False).encode(),
            media_type="application/json",
            headers=result_headers(result),
        )

    return router


def read_wish(fields: dict[str, str]) -> Wish:
    """Understand the text fields of the form.

    Raises:
        UnsupportedOption: a field that this route does not have.
    """
    for name in fields:
        if name != "language":
            raise UnsupportedOption(
                f"Field {name[:80]!r} is not known here; /asr has 'audio' and 'language'.", field=name
            )
    return Wish(options=Options(language=fields.get("language")))
