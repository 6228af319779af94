"""One request of a load test: a form out, a transcript or a code back.

Unlike `harken.cli.client` it never raises: what is measured may also be a proxy with its own pages, a server of another
make, or nobody at all. The invariant: every answer is a transcript or has a code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import aiohttp

from harken.bench.load.sse import TextStream, failure_of, printable, reason_of
from harken.cli.client import ServerUnreachable, get_json
from harken.clock import Clock
from harken.ops.unreached import why_unreached

_ANSWER_MOST = 256 << 20

_DIGITS = "digits"
"""How the names of those models end that recognise the packaged recordings word for word."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchAnswer:
    """What came back.

    Attributes:
        code: why there is no transcript; "" for success.
        reason: why, in the server's words or ours; never shown without bounds.
        status: of HTTP; 0 where there was no answer.
        text: the transcript.
        language: what the server says of it; "" where it does not.
        instance: who recognised it, as the answer's head says.
        cache: how much of it was known, as the answer's head says.
        first_text_at: when the first text of a stream was there, by the clock; None without a stream.
    """

    code: str = ""
    reason: str = ""
    status: int = 0
    text: str = ""
    language: str = ""
    instance: str = ""
    cache: str = ""
    first_text_at: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """What a server serves.

    Attributes:
        model: what it says; "" where it does not.
        must_be_named: a server of another make, which wants to be told the model with each request.
    """

    model: str = ""
    must_be_named: bool = False

    @property
    def knows_packaged(self) -> bool:
        """It must recognise the packaged recordings word for word."""
        return self.model.endswith(_DIGITS)


async def post(
    session: aiohttp.ClientSession, url: str, form: aiohttp.FormData, timeout_s: float, clock: Clock
) -> BenchAnswer:
    """Send a form; whatever goes wrong becomes a code."""
    try:
        async with session.post(url, data=form, timeout=aiohttp.ClientTimeout(total=timeout_s)) as response:
            if response.status == 200 and response.content_type == "text/event-stream":
                return await _streamed(response, clock)
            raw = await response.content.read(_ANSWER_MOST)
            while not response.content.at_eof() and len(raw) < _ANSWER_MOST:
                raw += await response.content.read(_ANSWER_MOST - len(raw))
            return _whole(response, raw)
    except TimeoutError:
        return BenchAnswer(code="client_timeout", reason=f"no answer within {timeout_s:g} s")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return BenchAnswer(code="server_unreachable", reason=why_unreached(error))


async def _streamed(response: aiohttp.ClientResponse, clock: Clock) -> BenchAnswer:
    stream, told = TextStream(), response.headers
    first: float | None = None
    try:
        async for data in response.content.iter_any():
            stream.feed(data)
            if first is None and stream.has_text:
                first = clock.now()
            if stream.is_done or stream.failure:
                break
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if isinstance(error, TimeoutError):
            raise
        return BenchAnswer(code="stream_broken", reason=why_unreached(error), status=response.status)
    code = stream.failure or ("" if stream.is_done else "stream_broken")
    return BenchAnswer(
        code=code,
        reason=stream.reason or ("the events ended before they said so" if code else ""),
        status=response.status,
        text=stream.text,
        language=stream.language,
        instance=printable(told.get("X-Harken-Instance", "")[:500]),
        first_text_at=first,
    )


def _whole(response: aiohttp.ClientResponse, raw: bytes) -> BenchAnswer:
    """An answer in JSON, or the bare text as OpenAI's `text` format has it."""
    told, body = response.headers, None
    if response.content_type == "text/plain" and response.status == 200:
        body = {"text": raw.decode("utf-8", "replace").strip()}
    else:
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):
            body = None
    if isinstance(body, str):  # the same, from servers that write it as JSON
        body = {"text": body}
    if response.status != 200 or not isinstance(body, dict) or not isinstance(body.get("text"), str):
        no_code = f"http_{response.status}" if response.status != 200 else "no_transcript"
        reason = reason_of(body) or f"HTTP {response.status} {printable(response.reason or '')[:80]}".strip()
        reason += f", {response.content_type}" if no_code == "no_transcript" else ""
        return BenchAnswer(code=failure_of(body) or no_code, reason=reason, status=response.status)
    language = body.get("language")
    return BenchAnswer(
        status=response.status,
        text=body["text"],
        language=language if isinstance(language, str) else "",
        instance=printable(told.get("X-Harken-Instance", "")[:500]),
        cache=told.get("X-Harken-Cache", ""),
    )


async def served_by(session: aiohttp.ClientSession, server: str) -> Served:
    """Ask a server what it serves: Harken's /health, else OpenAI's list where it holds one model alone."""
    try:
        model = (await get_json(session, f"{server}/health")).body.get("model")
        if isinstance(model, str):
            return Served(model=printable(model))
    except ServerUnreachable:
        pass
    try:
        listed = (await get_json(session, f"{server}/v1/models")).body.get("data")
    except ServerUnreachable:
        return Served()  # it is not there, or says nothing; the requests will tell
    models = [one.get("id") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if len(models) == 1 and isinstance(models[0], str):
        return Served(model=models[0], must_be_named=True)
    return Served()
