"""What `/asr` and `/v1/audio/transcriptions` have in common: a form in, a recording's transcript out.

The routes differ in field names and in the shape of their answer; everything between is here, once: the form is read
and understood, then the recording is transcribed, and whatever went wrong names the field at fault.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from harken.api.access import log_fields
from harken.api.account import account_of, note_failure
from harken.api.fields import TranscriptionRequest, ask_of
from harken.api.service import Service, admit
from harken.api.spool import Spool
from harken.api.upload import read_form
from harken.api.urgency import requester_of, within
from harken.errors import AudioTooLong, EmptyAudio, HarkenError, TruncatedAudio, UndecodableAudio, UnsupportedOption
from harken.log import get_log
from harken.transcribe.facts import facts_of
from harken.transcribe.result import RecordingTranscript
from harken.transcribe.watch import Heard, NoWatch, Watch
from harken.types import Requester

_log = get_log("api.transcription")

Read = Callable[[Mapping[str, Sequence[str]]], TranscriptionRequest]
"""Understands a form's text fields, or raises the client's error."""


async def read_request(request: Request, service: Service, file_field: str, spool: Spool, read: Read) -> Transcription:
    """Read a request whose body was not looked at yet, if it may come in now.

    First its head, which is enough to refuse it; then the form: its file goes into the spool, its text fields are
    understood.

    Args:
        request: not read yet.
        service: accepts recordings.
        file_field: where the file must be.
        spool: takes the file's bytes.
        read: of the route.

    Raises:
        HarkenError: the client's, or the server's: it would be refused after its upload too.
        DeadlineExceeded: its own deadline came before its end.
        ClientDisconnect: the client left.
    """
    began = time.monotonic()
    _refuse_query(request)
    account = account_of(request.scope)
    requester = requester_of(request.headers, request.state.key, began, trace=account.trace if account else None)
    admit(service, requester)
    if account is not None:
        account.let_in(requester)
    async with within(requester.deadline):
        wanted = read(await read_form(request, file_field, spool, service.limits.upload_bytes))
    if account is not None:
        account.uploaded()
    return Transcription(
        request=request,
        service=service,
        wanted=wanted,
        requester=requester,
        spool=spool,
        file_field=file_field,
        began=began,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Transcription:
    """A request that was read and understood, and is ready to run.

    Attributes:
        request: read to its end.
        service: does it.
        wanted: what the form asks for.
        requester: who asks, and how urgently; the deadline bounds all of `run`.
        spool: holds the file; open as long as this runs.
        file_field: the form's name for it.
        began: when the request came, on the monotonic clock.
    """

    request: Request
    service: Service
    wanted: TranscriptionRequest
    requester: Requester
    spool: Spool
    file_field: str
    began: float

    @property
    def request_id(self) -> str:
        """The name of the request in every log line."""
        return str(self.request.state.request_id)

    async def run(self, watch: Watch | None = None) -> RecordingTranscript:
        """Transcribe the file.

        Raises:
            HarkenError: one, as the contract of the routes says; `field` names the field at fault.
        """
        heard = Heard(watch or NoWatch())
        try:
            async with within(self.requester.deadline):
                info = await self.service.recognizer.model()
                self.request.state.model = info.name
                ask = ask_of(self.wanted, info, keeps_form=True)
                # The upload is passed on without keeping a reference here: it may go as soon as it is decoded.
                result = await self.service.transcriber.transcribe(
                    await self.spool.take(),
                    ask,
                    self.request_id,
                    requester=self.requester,
                    watch=heard,
                    # Only who reads along: everybody else's segments may be tried elsewhere until their end.
                    is_live=watch is not None,
                )
        except HarkenError as error:
            error.field = error.field or self._field_at_fault(error)
            raise
        finally:
            # Also of a recording that failed, or whose client left: that much work was done for this key.
            self._account(heard, is_read_along=watch is not None)
            await self.request.state.charge(heard.done_s)
        self._log_end(result, info.name)
        return result

    def log_failure(self, error: HarkenError) -> None:
        """Log a failure that came when the answer had begun; an earlier one is logged where it is answered."""
        note_failure(self.request.scope, error)
        _log.warning("request.failed", **self._ids(), code=error.code, **self._times(), has_begun=True)

    def _account(self, heard: Heard, *, is_read_along: bool) -> None:
        account = account_of(self.request.scope)
        if account is not None:
            account.audio_s = heard.done_s or None
            if is_read_along and heard.first_text_at is not None:
                account.first_text_s = heard.first_text_at - account.began

    def _field_at_fault(self, error: HarkenError) -> str | None:
        """Name the field for errors that were raised where nobody knows the form."""
        match error:
            case EmptyAudio() | TruncatedAudio() | UndecodableAudio() | AudioTooLong():
                return self.file_field
            case UnsupportedOption():
                return self.wanted.context_field  # the only option that only the model can judge
            case _:
                return None

    def _log_end(self, result: RecordingTranscript, model: str) -> None:
        facts = facts_of(result, model, with_text=self.service.logs_text)
        _log.info("request.done", **{**self._ids(), **self._times(), **facts})

    def _ids(self) -> dict[str, Any]:
        scope = self.request.scope
        return {"request_id": self.request_id, **log_fields(scope), "path": scope["path"]}

    def _times(self) -> dict[str, float]:
        return {"wall_s": round(time.monotonic() - self.began, 3)}


def _refuse_query(request: Request) -> None:
    """Everything is a field of the form; `/asr?language=zh` must not silently mean auto."""
    for name in request.query_params:
        shown = name[:80]
        raise UnsupportedOption(f"Query parameter {shown!r} is not known; send it as a form field.", field=shown)


def result_headers(result: RecordingTranscript) -> dict[str, str]:
    """The headers that say who recognised it, whether it was known before, and whether words may be missing."""
    headers: dict[str, str] = {}
    if result.instances:
        headers["X-Harken-Instance"] = ",".join(_printable(name) for name in result.instances)
    if result.cache:
        headers["X-Harken-Cache"] = result.cache
    if not result.is_complete:
        headers["X-Harken-Incomplete"] = "true"
    return headers


def _printable(name: str) -> str:
    return "".join(character if "!" <= character <= "~" and character != "," else "?" for character in name)
