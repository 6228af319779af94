"""What `/asr` and `/v1/audio/transcriptions` have in common: a form in, a recording's transcript out.

The routes differ in field names and in the shape of their answer; everything between is here, once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from harken.api.connected import while_connected
from harken.api.service import Service
from harken.api.spool import Spool
from harken.api.upload import read_form
from harken.errors import AudioTooLong, EmptyAudio, HarkenError, TruncatedAudio, UndecodableAudio, UnsupportedOption
from harken.log import get_log
from harken.transcribe.ask import Ask
from harken.transcribe.result import RecordingTranscript
from harken.types import ModelInfo, Options

_log = get_log("api.transcription")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a form asks for, beside its file.

    Attributes:
        options: language (as spelled by the client) and context.
        check_model: raises `ModelNotFound` unless the request fits the model that is served.
        context_field: the form's name for the context; None where it has none.
    """

    options: Options
    check_model: Callable[[ModelInfo], None] | None = None
    context_field: str | None = None


async def transcribe_form(
    request: Request, service: Service, file_field: str, read_wish: Callable[[dict[str, str]], Wish]
) -> RecordingTranscript:
    """Read the form, understand its fields, transcribe its file; stop all of it when the client leaves.

    Args:
        request: not read yet.
        service: accepts recordings.
        file_field: where the file must be.
        read_wish: turns the text fields into a wish, or raises the client's error.

    Raises:
        HarkenError: one, as the contract of the routes says.
        ClientDisconnect: the client left.
    """
    began = time.monotonic()
    _refuse_query(request)
    with Spool() as spool:
        fields = await read_form(request, file_field, spool, service.limits.upload_bytes)
        wish = read_wish(fields)
        try:
            result = await while_connected(request.receive, _transcribe(request.state.request_id, service, spool, wish))
        except HarkenError as error:
            error.field = error.field or _field_at_fault(error, file_field, wish)
            raise
    _log.info(
        "request.done",
        request_id=request.state.request_id,
        path=request.url.path,
        audio_s=round(result.audio_s, 3),
        wall_s=round(time.monotonic() - began, 3),
        segments=len(result.segments),
        language=result.language,
        instances=",".join(result.instances),
        is_complete=result.is_complete,
    )
    return result


def _refuse_query(request: Request) -> None:
    """Everything is a field of the form; `/asr?language=zh` must not silently mean auto."""
    for name in request.query_params:
        shown = name[:80]
        raise UnsupportedOption(f"Query parameter {shown!r} is not known; send it as a form field.", field=shown)


def _field_at_fault(error: HarkenError, file_field: str, wish: Wish) -> str | None:
    """Name the field for errors that were raised where nobody knows the form."""
    match error:
        case EmptyAudio() | TruncatedAudio() | UndecodableAudio() | AudioTooLong():
            return file_field
        case UnsupportedOption():
            return wish.context_field  # the only option that only the model can judge
        case _:
            return None


async def _transcribe(request_id: str, service: Service, spool: Spool, wish: Wish) -> RecordingTranscript:
    if wish.check_model is not None:
        wish.check_model(await service.recognizer.model())
    # The upload is passed on without keeping a reference here: it may go as soon as it is decoded.
    return await service.transcriber.transcribe(await spool.take(), Ask(options=wish.options), request_id)


def result_headers(result: RecordingTranscript) -> dict[str, str]:
    """The headers that say who recognised it, and whether words may be missing."""
    headers: dict[str, str] = {}
    if result.instances:
        headers["X-Harken-Instance"] = ",".join(_printable(name) for name in result.instances)
    if not result.is_complete:
        headers["X-Harken-Incomplete"] = "true"
    return headers


def _printable(name: str) -> str:
    return "".join(character if "!" <= character <= "~" and character != "," else "?" for character in name)
