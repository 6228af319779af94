"""HTTP as verification needs it: every answer bounded in time and bytes, and no answer is an answer too.

Owns to whom the key is sent: the door that the operator named, nobody else, whatever addresses a server tells. It
follows no redirect and knows nothing of what answers mean. The invariant: it raises nothing but cancellation.
"""

from __future__ import annotations

import io
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from harken.ops.unreached import why_unreached
from harken.ops.verify.speaking import Talk, talk_at

LOOK_TIMEOUT_S = 5.0
"""Longest wait for an answer that takes no work."""

_BYTES_MAX = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What came.

    Attributes:
        status: of HTTP; 0 where nothing came.
        headers: names in lower case.
        body: the bytes.
        took_s: from the request to the last byte.
        problem: why nothing came; "" where something did.
        arrivals: seconds from the request to each read that brought something, where that was asked for.
    """

    status: int
    took_s: float
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    problem: str = ""
    arrivals: tuple[float, ...] = ()


class Caller:
    """Sends requests.

    Args:
        session: open.
        server: the door's address.
        api_key: for the door; "" for none.
        work_timeout_s: longest wait for a transcription.
    """

    def __init__(self, session: aiohttp.ClientSession, *, server: str, api_key: str, work_timeout_s: float) -> None:
        self.server = server
        self._session = session
        self._api_key = api_key
        self._work_timeout_s = work_timeout_s

    @property
    def has_key(self) -> bool:
        """There is one to send."""
        return bool(self._api_key)

    async def get(self, path: str, *, at: str | None = None, secret: str | None = None) -> Reply:
        """GET a path of the door, or of another address; `secret` in place of the key, "" for none."""
        place = at or self.server
        return await self._call(f"{place}{path}", LOOK_TIMEOUT_S, self._headers(place, secret))

    async def post(
        self, path: str, fields: Mapping[str, str], file: tuple[str, bytes] | None, *, at: str | None = None
    ) -> Reply:
        """POST a form with a file (its field and bytes), or without one."""
        form = aiohttp.FormData(dict(fields), default_to_multipart=True)
        if file is not None:
            form.add_field(file[0], io.BytesIO(file[1]), filename="verify.wav", content_type="audio/wav")
        elif not fields:
            form.add_field("language", "auto")
        place = at or self.server
        return await self._call(f"{place}{path}", self._work_timeout_s, self._headers(place, None), form)

    async def talk(self, path: str, messages: Sequence[bytes | str]) -> Talk:
        """Speak into a WebSocket of the door, and hear until it closes."""
        url, headers = f"{self.server}{path}", self._headers(self.server, None)
        return await talk_at(self._session, url, messages, headers=headers, timeout_s=self._work_timeout_s)

    async def _call(
        self, url: str, timeout_s: float, headers: dict[str, str], form: aiohttp.FormData | None = None
    ) -> Reply:
        began = time.monotonic()
        arrivals: list[float] = []
        body = bytearray()
        try:
            async with self._session.request(
                "GET" if form is None else "POST",
                url,
                data=form,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,
            ) as answer:
                async for part in answer.content.iter_any():
                    arrivals.append(time.monotonic() - began)
                    body += part
                    if len(body) > _BYTES_MAX:
                        return Reply(status=0, took_s=arrivals[-1], problem="The answer does not end.")
                told = {name.lower(): value for name, value in answer.headers.items()}
        except TimeoutError:
            return Reply(status=0, took_s=time.monotonic() - began, problem=f"no answer within {timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Reply(status=0, took_s=time.monotonic() - began, problem=why_unreached(error))
        took_s = time.monotonic() - began
        return Reply(status=answer.status, headers=told, body=bytes(body), took_s=took_s, arrivals=tuple(arrivals))

    def _headers(self, at: str, secret: str | None) -> dict[str, str]:
        sent = self._api_key if secret is None and is_same_place(at, self.server) else secret
        return {"Authorization": f"Bearer {sent}"} if sent else {}


def is_same_place(one: str, other: str) -> bool:
    """Whether two addresses have the same scheme, host and port."""
    try:
        first, second = urlsplit(one), urlsplit(other)
        return (first.scheme, first.hostname, first.port) == (second.scheme, second.hostname, second.port)
    except ValueError:
        return False


@asynccontextmanager
async def calling(
    server: str, *, api_key: str, work_timeout_s: float, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Caller]:
    """Open a caller; its connections are closed afterwards."""
    # A connection for each request: one that is kept would go to the same instance again behind some balancers.
    connector = aiohttp.TCPConnector(force_close=True, ssl=tls or True)
    staying = aiohttp.TraceConfig()
    staying.on_request_redirect.append(_stay)
    async with aiohttp.ClientSession(connector=connector, trace_configs=[staying]) as session:
        yield Caller(session, server=server, api_key=api_key, work_timeout_s=work_timeout_s)


async def _stay(_: object, __: object, redirect: aiohttp.TraceRequestRedirectParams) -> None:
    """Follow no redirect of a handshake: of that aiohttp cannot be told otherwise."""
    answer = redirect.response
    raise aiohttp.WSServerHandshakeError(
        answer.request_info, (), status=answer.status, message="redirected", headers=answer.headers
    )
