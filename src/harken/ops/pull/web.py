"""One request and its redirects, and what may be tried again.

Redirects are followed here, one by one, because the invariant is ours: a secret is sent to the place that it is meant
for (scheme, host and port) and nowhere else, whoever redirects whereto, and appears in no message. It tries nothing
twice; it only says what may be tried again.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
from yarl import URL

from harken.models.manifest import BYTES_MAX
from harken.ops.pull.failures import PullFailed, Transient
from harken.ops.pull.ranges import retry_after_s
from harken.ops.pull.secret import Secret
from harken.ops.pull.sender import Sender, open_sender
from harken.ops.unreached import why_unreached

CONNECT_TIMEOUT_S = 15.0
SILENCE_TIMEOUT_S = 30.0
"""An answer of which nothing comes for so long is broken off, and its rest asked for anew."""

LIST_TIMEOUT_S = 120.0
"""A list of files that takes longer, however little of it comes, is broken off."""

_REDIRECTS = 6
_TRANSIENT = frozenset({408, 421, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A whole answer.

    Attributes:
        status: the HTTP status.
        headers: of it.
        text: its body.
    """

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None


class Web:
    """Sends requests.

    Args:
        sender: of each of them, with or without a secret.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def with_secret(self, secret: Secret | None) -> Web:
        """The same connections with another secret.

        Raises:
            ConfigError: the secret cannot be sent.
        """
        return Web(self._sender.with_secret(secret))

    @asynccontextmanager
    async def open(
        self, url: str, headers: Mapping[str, str] | None = None, *, method: str = "GET"
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and follow redirects; gives the answer, whatever its status, before its body.

        Raises:
            Transient: nobody answers, or an answer breaks off, or says that it may be tried again.
            PullFailed: redirects without end, or to where a secure connection would be left; a certificate that is
                not trusted; a request that cannot be sent at all.
        """
        address = _address(url)
        try:
            async with self._answer(address, dict(headers or {}), method) as answer:
                if answer.status in _TRANSIENT:
                    wait_s = retry_after_s(answer.headers, datetime.now(UTC))
                    raise Transient(f"{host_of(answer.url)} answers {answer.status}", wait_s)
                yield answer
        except aiohttp.ClientConnectorCertificateError as error:
            # It will be no better in a moment.
            reason = getattr(error.certificate_error, "verify_message", "") or "it does not fit"
            raise PullFailed(
                f"The certificate of {error.host}:{error.port} is not trusted: {reason}. If it is your own, name its "
                "issuer: --ca FILE."
            ) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if not isinstance(error, aiohttp.ClientError | TimeoutError | ConnectionError):
                raise  # of the disk, raised by whoever reads the answer
            raise Transient(f"{host_of(address)}: {why_unreached(error)}") from error

    async def read(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a request whose answer is small.

        Raises:
            Transient: as `open`.
            PullFailed: as `open`, or an answer that is not small.
        """
        async with self.open(url, headers) as answer, asyncio.timeout(LIST_TIMEOUT_S):
            raw = await answer.content.read(BYTES_MAX + 1)
            while len(raw) <= BYTES_MAX and (more := await answer.content.read(BYTES_MAX + 1 - len(raw))):
                raw += more
            if len(raw) > BYTES_MAX:
                raise PullFailed(f"{public(url)} answers with more than {BYTES_MAX} bytes, which is no list of files.")
            return Reply(status=answer.status, headers=answer.headers, text=raw.decode(errors="replace"))

    @asynccontextmanager
    async def _answer(self, url: URL, headers: dict[str, str], method: str) -> AsyncIterator[aiohttp.ClientResponse]:
        for _ in range(_REDIRECTS):
            async with await self._sender.send(url, headers, method) as answer:
                target = answer.headers.get("Location")
                if answer.status not in (301, 302, 303, 307, 308) or not target:
                    yield answer
                    return
                following = url.join(_address(target))
            if following.scheme not in ("http", "https") or (url.scheme == "https" and following.scheme == "http"):
                raise PullFailed(f"{host_of(url)} redirects to {following.scheme}://, which is not followed.")
            url = following
        raise PullFailed(f"{host_of(url)} redirects without end.")


@asynccontextmanager
async def open_web(
    secret: Secret | None = None,
    *,
    trust: ssl.SSLContext | None = None,
    silence_timeout_s: float = SILENCE_TIMEOUT_S,
    connect_timeout_s: float = CONNECT_TIMEOUT_S,
) -> AsyncIterator[Web]:
    """Open what requests are sent with; proxies are the surroundings', and .netrc where no secret is ours.

    Args:
        secret: for one place; None for none.
        trust: whose certificates are taken; None for those that this machine trusts.
        silence_timeout_s: an answer from which nothing comes for so long is broken off, in seconds.
        connect_timeout_s: nobody is waited for longer, in seconds.

    Raises:
        ConfigError: the secret cannot be sent.
    """
    timeouts = aiohttp.ClientTimeout(
        total=None, connect=None, sock_connect=connect_timeout_s, sock_read=silence_timeout_s
    )
    async with open_sender(secret, trust=trust, timeouts=timeouts) as sender:
        yield Web(sender)


def _address(url: str) -> URL:
    try:
        return URL(url, encoded=True)
    except ValueError as error:
        raise PullFailed(f"{public(url)} is no address: {error}.") from error


def public(url: str) -> str:
    """An address as it may be shown: without a user, a password, and a query (which may be signed)."""
    try:
        parts = URL(url, encoded=True)
        return str(parts.with_user(None).with_query(None).with_fragment(None)).rstrip("/")
    except ValueError:
        return "that address"


def host_of(url: URL) -> str:
    """Whom an address leads to, with the port where it is not the usual one."""
    return url.host_port_subcomponent or str(url.host)
