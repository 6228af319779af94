"""`stream=true`: the answer as server-sent events, while the recording is being transcribed.

Owns the order on the line: deltas, then exactly one `transcript.text.done` or one `error`. The head goes out with the
first event, so a failure before it is an ordinary answer with its status; after it the failure is an event, because the
status is gone. Between events that are far apart come comments, which keep proxies from hanging up and say how far it
is; every client must skip them. When the client leaves, the work ends.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from harken.api.connected import while_connected
from harken.api.errors import openai_shape
from harken.api.feed import Feed
from harken.api.transcription import Transcription
from harken.errors import HarkenError
from harken.transcribe.form import Form
from harken.transcribe.render import render
from harken.transcribe.result import RecordingTranscript
from harken.transcribe.verbose import tokens_of

QUIET_S = 10.0
"""The longest silence on the line."""

_HEADERS = {
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # nginx would hold events back until its buffer is full
}


class EventStream(Response):
    """The answer of one transcription, told as it comes.

    Args:
        work: ready to run.
        held: what must stay open until its end (the spool).
        quiet_s: after so long without an event comes a comment.
    """

    media_type = "text/event-stream"

    def __init__(self, work: Transcription, held: ExitStack, *, quiet_s: float = QUIET_S) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._work = work
        self._held = held
        self._quiet_s = quiet_s
        self._has_begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Transcribe, and tell.

        Raises:
            HarkenError: it failed before the first event.
            ClientDisconnect: the client left.
        """
        with self._held:
            await while_connected(receive, self._tell(send))

    async def _tell(self, send: Send) -> None:
        try:
            result = await self._transcribe(send)
            await self._event(send, _done(result, self._work))
        except HarkenError as error:
            if not self._has_begun:
                raise
            self._work.log_failure(error)
            await self._event(send, {"type": "error", **openai_shape(error)})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _transcribe(self, send: Send) -> RecordingTranscript:
        """Run the work, and beside it a writer that ends with the last delta; a failure ends the writer at once."""
        feed = Feed()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write(feed, send))
                result = await self._work.run(feed)
                feed.end()
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return result

    async def _write(self, feed: Feed, send: Send) -> None:
        while not feed.is_over:
            try:
                async with asyncio.timeout(self._quiet_s):
                    await feed.news()
            except TimeoutError:
                await self._send(send, _comment(feed))
                continue
            text, tokens = feed.take()
            if text:
                extras = {"logprobs": tokens_of(tokens)} if self._work.wanted.has_logprobs else {}
                await self._event(send, {"type": "transcript.text.delta", "delta": text, **extras})

    async def _event(self, send: Send, data: dict[str, Any]) -> None:
        await self._send(send, f"data: {json.dumps(data, ensure_ascii=False)}\n\n")

    async def _send(self, send: Send, text: str) -> None:
        if not self._has_begun:
            self._has_begun = True
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


def _done(result: RecordingTranscript, work: Transcription) -> dict[str, Any]:
    """The last event: what a plain request would have been answered in JSON."""
    body = json.loads(render(result, Form.JSON, with_logprobs=work.wanted.has_logprobs).body)
    return {"type": "transcript.text.done", **body}


def _comment(feed: Feed) -> str:
    total = "" if feed.total_s is None else f" of {feed.total_s:.1f}"
    return f": {feed.done_s:.1f}{total} s\n\n"
