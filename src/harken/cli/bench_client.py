"""One request of a load test: a form out, a transcript or a code back.

Unlike `harken.cli.client` it never raises: what is measured may also be a proxy with its own pages, or nobody at all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from harken.cli.client import ServerUnreachable, get_json


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchAnswer:
    """What came back.

    Attributes:
        code: why there is no transcript; "" for success.
        body: of a transcript.
        instance: who recognised it, as the answer's head says.
        cache: how much of it was known, as the answer's head says.
    """

    code: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    instance: str = ""
    cache: str = ""


async def post(session: aiohttp.ClientSession, url: str, form: aiohttp.FormData, timeout_s: float) -> BenchAnswer:
    """Send a form; whatever goes wrong becomes a code."""
    try:
        async with session.post(url, data=form, timeout=aiohttp.ClientTimeout(total=timeout_s)) as response:
            raw = await response.read()
    except TimeoutError:
        return BenchAnswer(code="client_timeout")
    except (aiohttp.ClientError, OSError, ValueError):
        return BenchAnswer(code="server_unreachable")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if response.status != 200 or not isinstance(body, dict) or not isinstance(body.get("text"), str):
        return BenchAnswer(code=_code_of(body, response.status))
    told = response.headers
    return BenchAnswer(body=body, instance=told.get("X-Harken-Instance", ""), cache=told.get("X-Harken-Cache", ""))


def _code_of(body: object, status: int) -> str:
    """The code of a refusal, in either shape; else the status (a proxy's page)."""
    code = None
    if isinstance(body, dict):
        error = body.get("error")
        code = error.get("code") if isinstance(error, dict) else body.get("code")
    return code[:80] if isinstance(code, str) and code else f"http_{status}" if status != 200 else "no_transcript"


async def model_of(session: aiohttp.ClientSession, server: str) -> str:
    """What a server says that it serves; "" where it is no Harken, or not there: the requests will tell."""
    try:
        model = (await get_json(session, f"{server}/health")).body.get("model")
    except ServerUnreachable:
        return ""
    return model if isinstance(model, str) else ""
