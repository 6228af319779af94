"""Sends one request, with the secret where it is for that place; follows nothing and judges no answer.

Two sessions over the same connections, because aiohttp refuses a request that has a header of ours and an entry in
.netrc, and looks there whenever it looks for proxies. The invariant: our own secret goes to its own place alone, and
then .netrc adds nothing.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

import harken
from harken.ops.pull.failures import PullFailed
from harken.ops.pull.secret import Secret, check

_READ_BYTES = 1024 * 1024


class Sender:
    """Sends requests.

    Args:
        session: for requests without a secret of ours; it may add what .netrc holds for a host.
        bare: for requests with one.
        secret: for one place; None for none.
    """

    def __init__(
        self, session: aiohttp.ClientSession, bare: aiohttp.ClientSession, secret: Secret | None = None
    ) -> None:
        self._session = session
        self._bare = bare
        self._secret = secret
        self._home = None if secret is None else URL(secret.url).origin()

    def with_secret(self, secret: Secret | None) -> Sender:
        """The same with another secret.

        Raises:
            ConfigError: it cannot be sent.
        """
        check(secret)
        return Sender(self._session, self._bare, secret)

    async def send(self, url: URL, headers: dict[str, str], method: str) -> aiohttp.ClientResponse:
        """Send a request; the answer is to be closed.

        Raises:
            PullFailed: it cannot be sent at all.
            aiohttp.ClientError: nobody answers.
        """
        try:
            if self._secret is None or url.origin() != self._home:
                return await self._session.request(method, url, headers=headers, allow_redirects=False)
            return await self._bare.request(
                method,
                url.with_user(None),  # a redirect may name one
                headers=headers | {"Authorization": f"Bearer {self._secret.value}"},
                allow_redirects=False,
                proxy=_proxy_for(url),
            )
        except ValueError as error:
            if isinstance(error, aiohttp.ClientError):
                raise
            # Its own words may hold the address, a user or a line of .netrc.
            raise PullFailed(
                f"Nothing can be sent to {url.host}: its address, the proxy's or .netrc makes no sense."
            ) from None


@asynccontextmanager
async def open_sender(
    secret: Secret | None, *, trust: ssl.SSLContext | None, timeouts: aiohttp.ClientTimeout
) -> AsyncIterator[Sender]:
    """Open the connections.

    Args:
        secret: for one place; None for none.
        trust: whose certificates are taken; None for those that this machine trusts.
        timeouts: of each request.

    Raises:
        ConfigError: the secret cannot be sent.
    """
    check(secret)
    options: dict[str, Any] = {
        # What a file has on the disk is what is counted and hashed, so nobody may pack it on the way.
        "headers": {"User-Agent": f"harken/{harken.__version__}", "Accept-Encoding": "identity"},
        "timeout": timeouts,
        "auto_decompress": False,
        "read_bufsize": _READ_BYTES,
        "cookie_jar": aiohttp.DummyCookieJar(),
        "connector": aiohttp.TCPConnector(limit=0, ssl=True if trust is None else trust),
    }
    async with (
        aiohttp.ClientSession(**options, trust_env=True) as session,
        aiohttp.ClientSession(**options, connector_owner=False) as bare,
    ):
        yield Sender(session, bare, secret)


def _proxy_for(url: URL) -> str | None:
    """The surroundings' proxy, as aiohttp finds it where it may look at .netrc, too."""
    return None if proxy_bypass(url.host or "") else getproxies().get(url.scheme)
