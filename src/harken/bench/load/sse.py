"""The text in a stream of server-sent events, as OpenAI's audio API and servers like it send it. Pure.

Understands `transcript.text.delta` and `.done` (OpenAI, Harken) and chunks in the shape of chat completions (vLLM). It
refuses to know when anything came. The invariant: a stream that broke off is never taken for one that ended: it is done
only when the server says so.
"""

from __future__ import annotations

import json
import re
from typing import Any

OURS = frozenset({"client_timeout", "server_unreachable", "stream_broken", "no_transcript", "error_event"})
"""What the client itself says went wrong; no server can have said it."""

_CODE = re.compile(r"[a-z0-9_]{1,64}")
_REASON_MOST = 200
_LINE_MOST = 8 << 20


class TextStream:
    """A stream so far.

    Attributes:
        text: what was recognised.
        language: what the server says of it; "" where it does not.
        is_done: the server said that this was all.
        failure: the code of an error that the server sent; "" for none.
        reason: what it said beside the code.
    """

    def __init__(self) -> None:
        self.text = ""
        self.language = ""
        self.is_done = False
        self.failure = ""
        self.reason = ""
        self._parts: list[str] = []
        self._rest = b""

    @property
    def has_text(self) -> bool:
        """Whether any text came yet."""
        return bool(self._parts) or bool(self.text)

    def feed(self, data: bytes) -> None:
        """Read what came.

        Raises:
            ValueError: a line has no end, or an event is no JSON object.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LINE_MOST:
            raise ValueError("a line without an end")
        for line in lines:
            if line.startswith(b"data:"):
                self._event(line.removeprefix(b"data:").strip())

    def _event(self, data: bytes) -> None:
        if data == b"[DONE]":
            self._end("".join(self._parts))
            return
        try:
            event = json.loads(data)
        except RecursionError as too_deep:
            raise ValueError("an event without a bottom") from too_deep
        if not isinstance(event, dict):
            raise ValueError("an event that is no object")
        kind, error = event.get("type"), event.get("error")
        if kind == "error" or error is not None:
            self.failure, self.reason = failure_of(event) or "error_event", reason_of(event)
        elif kind == "transcript.text.delta":
            self._add(event.get("delta"))
        elif kind == "transcript.text.done":
            text, language = event.get("text"), event.get("language")
            self.language = language if isinstance(language, str) else ""
            self._end(text if isinstance(text, str) else "".join(self._parts))
        else:
            self._add(_content(event))

    def _add(self, text: object) -> None:
        if isinstance(text, str) and text:
            self._parts.append(text)

    def _end(self, text: str) -> None:
        if not self.is_done:
            self.text, self.is_done = text, True


def failure_of(body: object) -> str:
    """The code of an error, in OpenAI's shape or the deployment guide's; "" where it has none that looks like one.

    A server may write anything there, a whole sentence or one of the client's own names; neither is a kind of error.
    """
    code: Any = None
    if isinstance(body, dict):
        error = body.get("error")
        code = error.get("code") if isinstance(error, dict) else body.get("code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) and code not in OURS else ""


def reason_of(body: object) -> str:
    """What is said beside the code, in either shape; "" for nothing."""
    told: Any = None
    if isinstance(body, dict):
        error = body.get("error")
        told = error.get("message") if isinstance(error, dict) else error or body.get("message")
    return printable(" ".join(told[:_REASON_MOST].split())) if isinstance(told, str) else ""


def printable(text: str) -> str:
    """Text of a server's without what a terminal would obey."""
    return "".join(character for character in text if character.isprintable())


def _content(event: dict[str, Any]) -> object:
    choices = event.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    delta = first.get("delta") if isinstance(first, dict) else None
    return delta.get("content") if isinstance(delta, dict) else None
