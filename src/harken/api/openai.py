"""`POST /v1/audio/transcriptions` and `/v1/audio/translations` as OpenAI's clients call them.

Reads the form (`fields` says what it means), and answers in the format that was asked for, or as a stream of events.
The invariant: a field is honoured or refused by name, never ignored.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from fastapi import APIRouter, Request, Response

from harken.api.connected import while_connected
from harken.api.fields import TranscriptionRequest, read_fields
from harken.api.schema.transcription import (
    OPENAI_BODY,
    OPENAI_PARAMETERS,
    OPENAI_RESPONSES,
    TRANSLATION_RESPONSES,
)
from harken.api.service import Provider, accepting
from harken.api.spool import Spool
from harken.api.stream import EventStream
from harken.api.transcription import read_request, result_headers
from harken.errors import NotOffered
from harken.transcribe.form import Form
from harken.transcribe.render import render
from harken.transcribe.result import RecordingTranscript

FILE_FIELD = "file"

_LONG_S = 600.0
"""Results of longer recordings are written in a thread: subtitles of hours take a second."""


def openai_routes(provider: Provider) -> APIRouter:
    """Return the routes over whatever service the provider has at the time."""
    router = APIRouter(tags=["transcription"])

    @router.post(
        "/v1/audio/transcriptions",
        summary="Transcribe a recording (OpenAI's form)",
        operation_id="transcriptions",
        response_class=Response,
        responses=OPENAI_RESPONSES,
        openapi_extra=OPENAI_BODY | OPENAI_PARAMETERS,
    )
    async def transcriptions(request: Request) -> Response:
        """Takes any audio or video file; answers JSON, text or subtitles, at once or as a stream of events."""
        service = accepting(provider)
        with ExitStack() as held:
            spool = held.enter_context(Spool(shared=service.uploads))
            work = await read_request(request, service, FILE_FIELD, spool, read_fields)
            if work.wanted.is_streamed:
                return EventStream(work, held.pop_all())
            result = await while_connected(request.receive, work.run())
        return await _answer(result, work.wanted)

    @router.post(
        "/v1/audio/translations",
        summary="Translate a recording (not offered)",
        operation_id="translations",
        response_class=Response,
        responses=TRANSLATION_RESPONSES,
    )
    async def translations() -> Response:
        """Qwen3-ASR writes the language that it hears; the answer is always the same error."""
        raise NotOffered("Translation is not offered: this model writes the language that it hears.")

    return router


async def _answer(result: RecordingTranscript, wanted: TranscriptionRequest) -> Response:
    """Write the result in the format that was asked for; off the event loop where that takes long."""

    def written() -> Response:
        rendered = render(
            result,
            wanted.form,
            granularities=wanted.granularities,
            with_logprobs=wanted.has_logprobs,
            temperature=wanted.temperature,
        )
        return Response(rendered.body, media_type=rendered.media_type, headers=result_headers(result))

    if result.audio_s > _LONG_S and wanted.form not in (Form.JSON, Form.TEXT):
        return await asyncio.to_thread(written)
    return written()
