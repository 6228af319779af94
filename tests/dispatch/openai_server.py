"""A small server with OpenAI's audio API that does as a test tells it: a real server on a real port.

It knows no model: the text of a recording is a checksum of its 16-bit samples. By default it behaves as vLLM does with
Qwen3-ASR: no times of words, no language unless it streams, then the model's header before the text.
"""

from __future__ import annotations

import asyncio
import io
import json
import ssl
import wave
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any

import numpy as np
from aiohttp import web

from harken.dispatch.lines.openai.request import wav_of
from harken.types import Segment
from tests.dispatch.scripted import ScriptedServer


def expected_text(segment: Segment) -> str:
    """The one right answer for a segment."""
    return _text_of(wav_of(segment.samples)[44:])


def _text_of(pcm: bytes) -> str:
    return f"{len(pcm) // 2} samples, sum {zlib.crc32(pcm):08x}"


class Script(StrEnum):
    """What the server does with a recording that it accepts."""

    ANSWER = auto()
    STATUS = auto()
    """Answers with `OpenAIServer.refusal`."""
    HANG = auto()
    """Takes the recording and then says nothing at all."""
    DIE = auto()
    DIE_IN_STREAM = auto()
    """Sends a piece of text, then resets the connection."""
    STOP_SHORT = auto()
    """Ends its stream properly, but without a result."""
    ERROR_IN_STREAM = auto()
    GARBAGE = auto()
    ENDLESS = auto()
    """Answers with more bytes than anybody wants to read."""
    REDIRECT = auto()


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request that came.

    Attributes:
        fields: text fields of the form, by name.
        samples: of the recording.
        headers: of the request.
    """

    fields: dict[str, str]
    samples: np.ndarray[Any, Any]
    headers: Mapping[str, str]


@dataclass
class OpenAIServer(ScriptedServer):
    """One scripted server; its fields may be changed while it runs.

    Attributes:
        script: what it does with recordings.
        refusal: status, headers and body for `Script.STATUS`.
        refuses: fields of the form that it answers with 400, and whether it names them.
        names_refused: whether it says which.
        has_health: whether there is a /health.
        has_models: whether there is a /v1/models.
        health_status: of /health.
        is_deaf: it takes looks and does not answer them.
        model: what it serves.
        owner: of its model in the list.
        key: that it demands, "" for none.
        tls: its certificate, None for plain HTTP.
        is_verbose: it tells language and words, as a whisper server does.
        hears: what it recognises in a canary, to which no script applies.
        proofs: canaries that came.
        asked: requests for other transcriptions, in order.
        running: recordings that it works on now.
    """

    script: Script = Script.ANSWER
    refusal: tuple[int, dict[str, str], str] = (500, {}, "")
    refuses: frozenset[str] = frozenset({"verbose_json"})
    names_refused: bool = True
    has_health: bool = True
    has_models: bool = True
    health_status: int = 200
    is_deaf: bool = False
    model: str = "Qwen/Qwen3-ASR-1.7B"
    owner: str = "vllm"
    key: str = ""
    tls: ssl.SSLContext | None = None
    is_verbose: bool = False
    hears: str = "nine nine five"
    proofs: int = 0
    asked: list[Asked] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    running: int = 0
    abandoned: int = 0

    def routes(self) -> Iterable[web.RouteDef]:
        """Those of such servers."""
        return (
            web.get("/health", self._health),
            web.get("/v1/models", self._models),
            web.post("/v1/audio/transcriptions", self._transcribe),
        )

    async def _health(self, _: web.Request) -> web.Response:
        self.looks.append("/health")
        self.changed.set()
        if self.is_deaf:
            await asyncio.Event().wait()
        return web.Response(status=self.health_status if self.has_health else 404)

    async def _models(self, request: web.Request) -> web.Response:
        self.looks.append("/v1/models")
        self.changed.set()
        if self._is_stranger(request):
            return web.json_response({"error": {"message": "Unauthorized"}}, status=401)
        if not self.has_models:
            return web.Response(status=404)
        return web.json_response({"object": "list", "data": [{"id": self.model, "owned_by": self.owner}]})

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        fields = {name: str(value) for name, value in form.items() if name != "file"}
        file = form["file"]
        assert isinstance(file, web.FileField)
        with file.file, wave.open(io.BytesIO(file.file.read())) as recording:
            assert (recording.getnchannels(), recording.getsampwidth(), recording.getframerate()) == (1, 2, 16_000)
            pcm = recording.readframes(recording.getnframes())
        if _is_canary(request):
            self.proofs += 1
            return self._refusal(request, fields) or web.json_response(self._body(fields, self.hears))
        self.asked.append(Asked(fields=fields, samples=np.frombuffer(pcm, dtype="<i2"), headers=request.headers))
        self.running += 1
        self.changed.set()
        try:
            return await self._play(request, fields, _text_of(pcm))
        except asyncio.CancelledError:
            self.abandoned += 1
            raise
        finally:
            self.running -= 1
            self.changed.set()

    async def _play(self, request: web.Request, fields: dict[str, str], text: str) -> web.StreamResponse:
        refused = self._refusal(request, fields)
        if refused is not None:
            return refused
        match self.script:
            case Script.HANG:
                await asyncio.Event().wait()
            case Script.DIE:
                _abort(request)
            case Script.GARBAGE:
                return web.Response(text="<html>Welcome to nginx!</html>", content_type="text/html")
            case Script.ENDLESS:
                return web.Response(body=b" " * (5 << 20), content_type="application/json")
            case Script.REDIRECT:
                return web.Response(status=307, headers={"Location": "http://127.0.0.1:9/"})
            case _:
                pass
        if fields.get("stream") == "true":
            return await self._stream(request, fields, text)
        return web.json_response(self._body(fields, text))

    def _is_stranger(self, request: web.Request) -> bool:
        return bool(self.key) and request.headers.get("Authorization") != f"Bearer {self.key}"

    def _refusal(self, request: web.Request, fields: dict[str, str]) -> web.Response | None:
        if self._is_stranger(request):
            return web.json_response({"error": {"message": "Unauthorized"}}, status=401)
        if fields.get("model") != self.model:
            return web.json_response({"error": {"message": "The model does not exist."}}, status=404)
        if self.script is Script.STATUS and not _is_canary(request):
            status, headers, body = self.refusal
            return web.Response(status=status, headers=headers, body=body.encode())
        for name in {*fields, *fields.values()} & self.refuses:
            message = f"{name} is not supported" if self.names_refused else "Bad request"
            return web.json_response({"error": {"message": message, "code": 400}}, status=400)
        return None

    def _body(self, fields: dict[str, str], text: str) -> dict[str, Any]:
        body: dict[str, Any] = {"text": text, "usage": {"type": "duration", "seconds": 1}}
        if self.is_verbose:
            body["language"] = "english"
            if "timestamp_granularities[]" in fields:
                body["words"] = [{"word": "samples", "start": 0.1, "end": 0.4}]
        return body

    async def _stream(self, request: web.Request, fields: dict[str, str], text: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)

        async def say(event: dict[str, Any] | str) -> None:
            data = event if isinstance(event, str) else json.dumps(event)
            await response.write(f"data: {data}\n\n".encode())

        header = [] if "language" in fields or self.is_verbose else ["language Eng", "lish<asr_", "text>"]
        pieces = [*header, text[:4], text[4:]]
        if self.script is Script.DIE_IN_STREAM:
            await say(_chunk(text[:4]))
            _abort(request)
        for piece in pieces:
            await say({"type": "transcript.text.delta", "delta": piece} if self.is_verbose else _chunk(piece))
        if self.script is Script.ERROR_IN_STREAM:
            await say({"error": {"message": "out of memory"}})
        elif self.script is not Script.STOP_SHORT:
            if self.is_verbose:
                await say({"type": "transcript.text.done", **self._body(fields, text)})
            else:
                await say(_chunk("", "stop"))
                await say("[DONE]")
        await response.write_eof()
        return response


def _is_canary(request: web.Request) -> bool:
    return request.headers.get("X-Request-Id") == "canary.0"


def _chunk(text: str, finish_reason: str | None = None) -> dict[str, Any]:
    return {"object": "transcription.chunk", "choices": [{"delta": {"content": text}, "finish_reason": finish_reason}]}


def _abort(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()
    raise asyncio.CancelledError


@asynccontextmanager
async def serving(*servers: OpenAIServer) -> AsyncIterator[None]:
    """Let servers listen; close them on the way out."""
    for server in servers:
        await server.listen()
    try:
        yield
    finally:
        for server in servers:
            await server.vanish()
