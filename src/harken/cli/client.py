"""Talking to a running server from the command line."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from harken.errors import ConfigError, HarkenError


class ServerUnreachable(HarkenError):
    """Nobody answers at that address, or somebody who is not Harken."""

    code = "server_unreachable"
    default = "The server does not answer."


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An HTTP answer with a JSON object.

    Attributes:
        status: the HTTP status; refusals are answers too.
        headers: names in lower case.
        body: the JSON object.
    """

    status: int
    headers: dict[str, str]
    body: dict[str, Any]


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
        raise ConfigError(f"--server wants an address such as http://127.0.0.1:7860, not {server!r}.")
    return parts.geturl().rstrip("/").removesuffix("/v1")


async def get_json(session: aiohttp.ClientSession, url: str, timeout_s: float = 5.0) -> Answer:
    """GET a JSON object.

    Raises:
        ServerUnreachable: no answer within `timeout_s`, or no JSON object.
    """
    return await _call(session, "GET", url, timeout_s)


async def post_recording(
    session: aiohttp.ClientSession, url: str, path: Path, *, field: str, values: dict[str, str], timeout_s: float
) -> Answer:
    """POST a file as multipart.

    Raises:
        ServerUnreachable: no answer within `timeout_s`, or no JSON object.
        OSError: the file cannot be read.
    """
    data = await asyncio.to_thread(path.read_bytes)
    form = aiohttp.FormData(values)
    # The server does not look at the name, and a file's real one may hold what a header must not.
    form.add_field(field, data, filename="recording", content_type="application/octet-stream")
    return await _call(session, "POST", url, timeout_s, data=form)


async def _call(
    session: aiohttp.ClientSession, method: str, url: str, timeout_s: float, data: aiohttp.FormData | None = None
) -> Answer:
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with session.request(method, url, data=data, timeout=timeout) as answer:
            raw = await answer.read()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise ServerUnreachable(f"No answer from {url}: {error or type(error).__name__}.") from error
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise ServerUnreachable(f"{url} does not answer in JSON; is a Harken server there?") from error
    if not isinstance(body, dict):
        raise ServerUnreachable(f"{url} does not answer as Harken does.")
    return Answer(
        status=answer.status, headers={name.lower(): value for name, value in answer.headers.items()}, body=body
    )
