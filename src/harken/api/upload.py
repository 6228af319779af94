"""A request's form, bounded before and while it is read.

Owns the bounds on bytes, on silence of the line and on slowness. The invariant: never more than `upload_bytes` of a
body are held, whatever its head promised, and no upload lasts longer than `slow_s` and its bytes at `SLOWEST_BYTES_S`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from harken.api.multipart import Files, FormParser, OneFile
from harken.api.spool import Spool
from harken.errors import ClientError, MissingAudio, TimedOut, UploadTooLarge

STALL_S = 60.0
"""The longest silence of a client in the middle of its upload."""


SLOW_S = 60.0
"""So long an upload may be as slow as it likes."""

SLOWEST_BYTES_S = 16 * 1024
"""Then it must have this average, in bytes a second: half of what uncompressed speech has itself."""


async def read_form(
    request: Request,
    file_field: str,
    spool: Spool,
    upload_bytes: int,
    *,
    stall_s: float = STALL_S,
    slow_s: float = SLOW_S,
) -> dict[str, list[str]]:
    """Read the form: its file goes into the spool, its text fields come back.

    Args:
        request: not read yet.
        file_field: where the file must be.
        spool: takes the file's bytes.
        upload_bytes: the largest body, the form's own lines included.
        stall_s: the longest wait for the next bytes, in seconds.
        slow_s: how long it may stay below `SLOWEST_BYTES_S` on average, in seconds.

    Raises:
        UploadTooLarge: before reading where the head says so, else as soon as it is passed.
        MissingAudio: no file in `file_field`.
        EmptyAudio: a file of no bytes.
        ClientError: not a form as `harken.api.multipart` wants it.
        TimedOut: the client stopped in the middle, or is too slow.
        ClientDisconnect: the client left in the middle.
    """
    parser = FormParser(_boundary(request, file_field), OneFile(file_field, spool))

    async def take(chunk: bytes) -> None:
        parser.feed(chunk)
        await spool.settle()

    await read_body(request, take, upload_bytes, stall_s=stall_s, slow_s=slow_s)
    parser.finish()
    return parser.fields


async def read_files(
    request: Request, file_field: str, files: Files, settle: Callable[[], Awaitable[None]], upload_bytes: int
) -> dict[str, list[str]]:
    """Read a form of any number of files; its text fields come back.

    Args:
        request: not read yet.
        file_field: where files are expected, for messages.
        files: takes them.
        settle: called between two chunks of the body, to let the files go to the disk.
        upload_bytes: the largest body.

    Raises:
        HarkenError: as `read_form`, or what `files` and `settle` raise.
    """
    parser = FormParser(_boundary(request, file_field), files)

    async def take(chunk: bytes) -> None:
        parser.feed(chunk)
        await settle()

    await read_body(request, take, upload_bytes)
    parser.finish()
    await settle()
    return parser.fields


async def read_body(
    request: Request,
    take: Callable[[bytes], Awaitable[None]],
    upload_bytes: int,
    *,
    stall_s: float = STALL_S,
    slow_s: float = SLOW_S,
) -> None:
    """Read any body, chunk by chunk, within the bounds.

    Raises:
        UploadTooLarge: before reading where the head says so, else as soon as it is passed.
        TimedOut: the client stopped in the middle, or is too slow.
        ClientDisconnect: the client left in the middle.
    """
    if int(request.headers.get("content-length", "0")) > upload_bytes:
        raise _too_large(upload_bytes)
    received = 0
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(min(stall_s, slow_s)) as patience:
            async for chunk in request.stream():
                received += len(chunk)
                if received > upload_bytes:
                    raise _too_large(upload_bytes)
                await take(chunk)
                patience.reschedule(min(loop.time() + stall_s, began + slow_s + received / SLOWEST_BYTES_S))
    except TimeoutError as error:
        raise TimedOut(
            f"The upload is too slow: nothing came for {stall_s:g} seconds, "
            f"or less than {SLOWEST_BYTES_S} bytes a second after {slow_s:g} seconds."
        ) from error


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
