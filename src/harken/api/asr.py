"""`POST /asr`: the deployment guide's own call, kept exactly.

Multipart field `audio` (file) and form field `language` (default `auto`); 200 `{"text", "language", "status"}`, else
`{"error", "code"}`. `language` in the answer is a name such as "English": the one that fills most of the recording, or
"" where nothing was spoken. Other fields are refused: a misspelt `lang` must not become "detect it" in silence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request, Response

from harken.api.connected import while_connected
from harken.api.fields import TranscriptionRequest
from harken.api.schema.transcription import ASR_BODY, ASR_PARAMETERS, ASR_RESPONSES
from harken.api.service import Provider, accepting
from harken.api.spool import Spool
from harken.api.transcription import read_request, result_headers
from harken.api.values import Kind, read_values

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
        openapi_extra=ASR_BODY | ASR_PARAMETERS,
    )
    async def asr(request: Request) -> Response:
        """Takes any audio or video file; answers its text and language."""
        service = accepting(provider)
        with Spool(shared=service.uploads) as spool:
            work = await read_request(request, service, FILE_FIELD, spool, read_asr_fields)
            result = await while_connected(request.receive, work.run())
        body = {"text": result.text, "language": result.language, "status": "success"}
        return Response(
            json.dumps(body, ensure_ascii=False).encode(),
            media_type="application/json",
            headers=result_headers(result),
        )

    return router


def read_asr_fields(given: Mapping[str, Sequence[str]]) -> TranscriptionRequest:
    """Understand the text fields of the form.

    Raises:
        UnsupportedOption: a field that this route does not have.
        ClientError: the language was given twice.
    """
    values = read_values(given, {"language": Kind.ONE}, also=(FILE_FIELD,))
    return TranscriptionRequest(language=values.one("language"))
