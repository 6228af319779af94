"""Talking to a running server from the command line."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from harken.cli.form_body import FormBody
from harken.errors import ConfigError, HarkenError
from harken.ops.address import without_user
from harken.ops.unreached import why_unreached

_REFUSAL_MOST = 1 << 20


class ServerUnreachable(HarkenError):
    """Nobody answers at that address, or somebody who is not Harken."""

    code = "server_unreachable"
    default = "The server does not answer."


class NotHarken(ServerUnreachable):
    """Somebody answers at that address, and not as Harken does."""


class ServerRefused(HarkenError):
    """The server answers that it cannot or will not do it.

    Args:
        code: the stable code of its answer.
        message: its own words.
        status: the HTTP status; 0 where the answer was no HTTP.
        retry_after_s: whole seconds after which it asks to be tried again; None where it does not.
    """

    def __init__(self, code: str, message: str, status: int, *, retry_after_s: int | None = None) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.code = code  # type: ignore[misc] # the server's, not one of ours
        self.answered = status


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An HTTP answer.

    Attributes:
        status: the HTTP status; refusals are answers too.
        headers: names in lower case.
        body: the JSON object; empty where it is not one.
        raw: the bytes.
    """

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes = b""

    def checked(self) -> Answer:
        """Return it if it is no refusal.

        Raises:
            ServerRefused: it is one.
        """
        if self.status < 400:
            return self
        error = self.body.get("error")
        told = error if isinstance(error, dict) else {"message": str(error or self.body)}
        after = self.headers.get("retry-after", "")
        raise ServerRefused(
            str(told.get("code") or f"http_{self.status}"),
            str(told.get("message")),
            self.status,
            retry_after_s=int(after) if after.isascii() and after.isdecimal() and len(after) < 10 else None,
        )


def address_of(server: str) -> str:
    """Complete what a person wrote: http:// may be left out, and a client's base URL ending in /v1 is understood.

    Raises:
        ConfigError: it is no address of an HTTP server.
    """
    written = server.strip()
    try:
        parts = urlsplit(written if "://" in written else f"http://{written}")
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ConfigError(
            f"--server wants an address such as http://127.0.0.1:7860, not {server.rpartition('@')[2]!r}."
        )
    return parts.geturl().rstrip("/").removesuffix("/v1")


@asynccontextmanager
async def open_session(
    api_key: str = "", ca: Path | None = None, *, connections: int = 100
) -> AsyncIterator[aiohttp.ClientSession]:
    """A session whose requests carry the key, if there is one.

    Args:
        api_key: "" for none.
        ca: whose certificates are taken, as PEM; None for those that this machine trusts, or SSL_CERT_FILE.
        connections: at most, at the same time; a request beyond that waits. 0 for any number.

    Raises:
        ConfigError: the key cannot be one, or the file holds no certificates.
    """
    if not api_key.isascii() or not api_key.isprintable():
        raise ConfigError("--api-key (or HARKEN_API_KEY) holds characters that no key has.")
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    connector = aiohttp.TCPConnector(limit=connections, ssl=True if ca is None else trusting(ca))
    async with aiohttp.ClientSession(headers=headers, connector=connector, raise_for_status=_refused) as session:
        yield session


async def _refused(response: aiohttp.ClientResponse) -> None:
    """Read why a WebSocket is refused: aiohttp's own error has no body. Other answers are their caller's.

    Raises:
        ServerRefused: it is refused by somebody who says why in JSON.
        NotHarken: by somebody who does not.
    """
    if response.status < 400 or "Upgrade" not in response.request_info.headers:
        return
    try:
        body = json.loads(await response.content.read(_REFUSAL_MOST))
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        # A proxy's own page, while the server behind it is away, says nothing of that server.
        kind = NotHarken if response.status < 500 else ServerUnreachable
        where = without_user(str(response.request_info.url.with_query(None)))
        raise kind(f"{where} answers with HTTP {response.status}, not as Harken does.")
    told = response.headers.get("Retry-After", "")
    Answer(status=response.status, headers={"retry-after": told}, body=body).checked()


def trusting(ca: Path) -> ssl.SSLContext:
    """Trust the certificates in a PEM file, and nobody else's.

    Raises:
        ConfigError: it holds none.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"--ca {ca} cannot be read as certificates in PEM form: {error.strerror or error}."
        ) from error
    # A certificate that is its own issuer may be named itself.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


async def get_json(session: aiohttp.ClientSession, url: str, timeout_s: float = 5.0) -> Answer:
    """GET a JSON object.

    Raises:
        ServerUnreachable: no answer within `timeout_s`, or no JSON object.
    """
    return await call(session, "GET", url, timeout_s=timeout_s)


async def post_recording(
    session: aiohttp.ClientSession, url: str, path: Path, *, field: str, values: dict[str, str], timeout_s: float
) -> Answer:
    """POST a file as multipart; the answer is a JSON object.

    Raises:
        ServerUnreachable: no answer within `timeout_s`, or no JSON object.
        OSError: the file cannot be read.
    """
    return await post_files(session, url, [(field, path)], values=list(values.items()), timeout_s=timeout_s)


async def post_files(
    session: aiohttp.ClientSession,
    url: str,
    files: Sequence[tuple[str, Path]],
    *,
    values: Sequence[tuple[str, str]],
    timeout_s: float,
    wants_json: bool = True,
    headers: dict[str, str] | None = None,
) -> Answer:
    """POST files as multipart, read while they are sent.

    Raises:
        ServerUnreachable: no answer within `timeout_s`, or no JSON object where one is wanted.
        OSError: a file cannot be read.
    """
    body = FormBody(values, files)
    told = {**body.headers, **(headers or {})}
    return await call(
        session, "POST", url, timeout_s=timeout_s, wants_json=wants_json, data=body.pieces(), headers=told
    )


async def call(
    session: aiohttp.ClientSession, method: str, url: str, *, timeout_s: float, wants_json: bool = True, **more: Any
) -> Answer:
    """Send any request; `more` is aiohttp's.

    Raises:
        ServerUnreachable: no answer within `timeout_s`, or no JSON object where one is wanted (refusals are JSON).
    """
    timeout, shown = aiohttp.ClientTimeout(total=timeout_s), without_user(url)
    try:
        async with session.request(method, url, timeout=timeout, **more) as answer:
            raw = await answer.read()
    except aiohttp.ClientConnectorCertificateError as error:
        reason = getattr(error.certificate_error, "verify_message", error.certificate_error)
        raise ServerUnreachable(
            f"The certificate of {shown} is not trusted: {reason}. If it is your own, name its issuer: --ca FILE."
        ) from error
    except TimeoutError as error:
        raise ServerUnreachable(f"No answer from {shown} within {timeout_s:g} s.") from error
    except (aiohttp.ClientError, ValueError) as error:
        raise ServerUnreachable(f"No answer from {shown}: {why_unreached(error)}.") from error
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if not wants_json and answer.status < 400:
        return Answer(status=answer.status, headers=headers, body={}, raw=raw)
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        # A proxy's own page, while the server behind it is away, says nothing of that server.
        kind = NotHarken if answer.status < 500 else ServerUnreachable
        raise kind(f"{shown} does not answer in JSON; is a Harken server there?") from error
    if not isinstance(body, dict):
        raise NotHarken(f"{shown} does not answer as Harken does.")
    return Answer(status=answer.status, headers=headers, body=body, raw=raw)
