"""A streamed answer, piece by piece: server-sent events in OpenAI's words and in vLLM's. Pure.

OpenAI, speaches and Harken send `transcript.text.delta` and end with `transcript.text.done`, which has the true text.
vLLM sends `transcription.chunk` objects and ends with `[DONE]`; for Qwen3-ASR its text begins with the model's header.
Invariant: an answer counts only when the server said that it was the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harken.dispatch.lines.openai.answer import read_json, text_max, transcript_of
from harken.dispatch.lines.openai.header import Header
from harken.dispatch.lines.text_lines import Lines
from harken.errors import InstanceFailed
from harken.types import Transcript
from harken.wire import Job


class Events:
    """Reads one stream.

    Args:
        job: what was asked.

    Attributes:
        is_over: the server said that nothing follows.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._lines = Lines()
        self._header = Header()
        self._text: list[str] = []
        self._room = text_max(job.segment.audio_s)
        self._whole: dict[str, Any] = {}
        self._finish_reason = ""
        self._is_ended = False
        self.is_over = False

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Take bytes; yield the text that they bring.

        Raises:
            WireError: a line is too long.
            InstanceFailed: the server sent an error.
        """
        for line in self._lines.feed(chunk):
            kind, _, data = line.strip().partition(b":")
            if kind != b"data" or self.is_over:
                continue
            text = self._take(data.strip())
            if len(text) > self._room:
                text = text[: self._room]
                self._cut_off()
            if text:
                self._room -= len(text)
                self._text.append(text)
                yield text

    def close(self) -> str:
        """There is no more; return text that was held back."""
        rest = self._header.close()
        self._text.append(rest)
        return rest

    def transcript(self) -> Transcript:
        """What the stream came to, once it is closed.

        Raises:
            InstanceFailed: it broke off.
        """
        if not self._is_ended:
            raise InstanceFailed("The upstream ended its stream without a result.")
        body = self._whole or {"text": "".join(self._text), "finish_reason": self._finish_reason}
        return transcript_of(body, self._job, language=self._header.language)

    def _cut_off(self) -> None:
        """It writes without end: what came is all that is wanted, and it is unfinished."""
        self._whole, self._finish_reason = {}, "length"
        self._is_ended = self.is_over = True

    def _take(self, data: bytes) -> str:
        if data == b"[DONE]":
            self._is_ended = self.is_over = True
            return self._header.close()
        event = read_json(data)
        if event.get("type") == "error" or "error" in event:
            raise InstanceFailed("The upstream failed in the middle of its answer.")
        match event.get("type"):
            case "transcript.text.delta":
                return self._header.feed(_string(event.get("delta")))
            case "transcript.text.done":
                self._whole, self._is_ended, self.is_over = event, True, True
                return self._header.close()
        return self._take_chunk(event)

    def _take_chunk(self, event: dict[str, Any]) -> str:
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return ""
        self._finish_reason = _string(choice.get("finish_reason")) or self._finish_reason
        self._is_ended = self._is_ended or bool(self._finish_reason)
        delta = choice.get("delta")
        return self._header.feed(_string(delta.get("content"))) if isinstance(delta, dict) else ""


def _string(raw: object) -> str:
    return raw if isinstance(raw, str) else ""
