"""A request's form, bounded before and while it is read.

Owns the bounds on bytes and on silence of the line. The invariant: never more than `upload_bytes` of a body are held,
whatever its head promised.
"""

from __future__ import annotations

import asyncio

from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from harken.api.multipart import FormParser
from harken.api.spool import Spool
from harken.errors import ClientError, MissingAudio, TimedOut, UploadTooLarge

STALL_S = 60.0
"""The longest silence of a client in the middle of its upload."""


async def read_form(
    request: Request, file_field: str, spool: Spool, upload_bytes: int, *, stall_s: float = STALL_S
) -> dict[str, str]:
    """Read the form: its file goes into the spool, its text fields come back.

    Args:
        request: not read yet.
        file_field: where the file must be.
        spool: takes the file's bytes.
        upload_bytes: the largest body, the form's own lines included.
        stall_s: the longest wait for the next bytes, in seconds.

    Raises:
        UploadTooLarge: before reading where the head says so, else as soon as it is passed.
        MissingAudio: no file in `file_field`.
        EmptyAudio: a file of no bytes.
        ClientError: not a form as `harken.api.multipart` wants it.
        TimedOut: the client stopped in the middle.
        ClientDisconnect: the client left in the middle.
    """
    parser = FormParser(_boundary(request, file_field), file_field, spool)
    if int(request.headers.get("content-length", "0")) > upload_bytes:
        raise _too_large(upload_bytes)
    received = 0
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(stall_s) as stall:
            async for chunk in request.stream():
                received += len(chunk)
                if received > upload_bytes:
                    raise _too_large(upload_bytes)
                parser.feed(chunk)
                await spool.settle()
                stall.reschedule(loop.time() + stall_s)
    except TimeoutError as error:
        raise TimedOut(f"Nothing of the upload came for {stall_s:g} seconds.") from error
    parser.finish()
    return parser.fields


def _boundary(request: Request, file_field: str) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind in (b"", b"application/x-www-form-urlencoded"):
        raise MissingAudio(
            f"No audio file was provided; send multipart/form-data with a file in field {file_field!r}.",
            field=file_field,
        )
    if kind != b"multipart/form-data":
        raise ClientError(f"The body must be multipart/form-data, not {kind.decode('latin-1')[:80]}.")
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:  # RFC 2046
        raise ClientError("The Content-Type header lacks a usable boundary.")
    return boundary


def _too_large(upload_bytes: int) -> UploadTooLarge:
    return UploadTooLarge(f"The upload is too large; at most {upload_bytes} bytes are accepted.")
