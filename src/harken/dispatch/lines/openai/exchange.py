"""One HTTP exchange with a server of OpenAI's audio API: a segment there, an answer or a refusal back.

It keeps nothing from one exchange to the next and judges nothing. Invariants: a client is never told the server's
address, its key or its words; nothing is sent anywhere but to the configured address; no body is read without a bound;
and an answer that is left in the middle closes its connection, which tells the server to stop.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from harken.dispatch.lines.failures import ConnectionLost, Unreached
from harken.dispatch.lines.openai.events import Events
from harken.dispatch.lines.openai.refusal import Reply
from harken.dispatch.lines.openai.request import wav_of
from harken.dispatch.lines.upstream import Upstream
from harken.errors import InstanceFailed
from harken.types import Priority, Send, Transcript
from harken.wire import Job, WireError

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

PATH = "/v1/audio/transcriptions"

_CONNECT_S = 5.0
_END_S = 0.25
_ANSWER_BYTES_MAX = 4 << 20
_REFUSAL_BYTES_MAX = 1 << 14


async def post(
    session: ClientSession, upstream: Upstream, job: Job, fields: Sequence[tuple[str, str]]
) -> ClientResponse:
    """Send a segment; return the answer once its head is there. The caller closes it.

    Raises:
        Unreached: no connection came about.
        ConnectionLost: it broke.
        InstanceFailed: what came was not HTTP.
    """
    import aiohttp

    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields:
        form.add_field(name, value)
    # A file object, because the library warns of bytes of such a size.
    form.add_field("file", io.BytesIO(wav_of(job.segment.samples)), filename="segment.wav", content_type="audio/wav")
    with _blaming():
        return await session.post(
            upstream.url + PATH,
            data=form,
            headers={**upstream.headers, **_headers(job)},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
        )


def is_stream(response: ClientResponse) -> bool:
    """It answers with events, whatever it was asked for."""
    # Only what is before the parameters: aiohttp's own reading of those trips over odd ones.
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower() == "text/event-stream"


async def follow(response: ClientResponse, job: Job, send: Send) -> Transcript:
    """Read events to their end; `send` gets the text where it is wanted as it comes.

    Raises:
        ConnectionLost: the connection broke.
        InstanceFailed: an error event, a broken protocol, or no end.
    """
    events = Events(job)
    while not events.is_over:
        with _blaming():
            chunk = await response.content.readany()
            texts = list(events.feed(chunk)) if chunk else [events.close()]
        for text in texts:
            if text and job.wants_deltas:
                send(text)
        if not chunk:
            break
    await _finish(response)
    return events.transcript()


async def read_answer(response: ClientResponse) -> bytes:
    """Read an answer that is no stream.

    Raises:
        ConnectionLost: the connection broke.
        InstanceFailed: it is too long.
    """
    body = await _read(response, _ANSWER_BYTES_MAX)
    if len(body) > _ANSWER_BYTES_MAX:
        raise InstanceFailed("The upstream's answer is too long.")
    return body


async def read_reply(response: ClientResponse) -> Reply:
    """Read a refusal, as much of it as matters.

    Raises:
        ConnectionLost: the connection broke.
    """
    body = await _read(response, _REFUSAL_BYTES_MAX)
    return Reply(status=response.status, retry_after=response.headers.get("Retry-After", ""), body=body)


def _headers(job: Job) -> dict[str, str]:
    """Another Harken logs the segment under our name for it, and lets work wait for which nobody waits.

    Who knows W3C's header, as it does and vLLM, goes on with our trace.
    """
    requester = job.segment.requester
    headers = {"X-Request-Id": job.segment.id}
    if requester.priority is Priority.BATCH:
        headers["X-Harken-Priority"] = "batch"
    if requester.trace is not None:
        headers["traceparent"] = requester.trace.header
    return headers


async def _read(response: ClientResponse, bytes_max: int) -> bytes:
    """Read a body; one that is longer comes back longer than the bound, but not whole."""
    body = bytearray()
    with _blaming():
        while len(body) <= bytes_max and (chunk := await response.content.readany()):
            body += chunk
    return bytes(body)


async def _finish(response: ClientResponse) -> None:
    """Read what little may follow the last event, so that the connection can carry the next segment."""
    import aiohttp

    with suppress(TimeoutError, aiohttp.ClientError, ConnectionError):
        async with asyncio.timeout(_END_S):
            while await response.content.readany():
                pass


@contextmanager
def _blaming() -> Iterator[None]:
    """Say in our own words what went wrong between us and the server; the library's may name its address."""
    import aiohttp

    try:
        yield
    except aiohttp.ClientConnectorError as cause:
        raise Unreached("The upstream cannot be reached.") from cause
    except aiohttp.ConnectionTimeoutError as cause:
        raise Unreached(f"The upstream could not be reached within {_CONNECT_S:g} s.") from cause
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError) as cause:
        raise ConnectionLost("The connection to the upstream was lost.") from cause
    except aiohttp.ClientError as cause:
        raise InstanceFailed("The upstream does not speak HTTP as expected.") from cause
    except WireError as cause:
        raise InstanceFailed("The upstream sent an event that is too long.") from cause
