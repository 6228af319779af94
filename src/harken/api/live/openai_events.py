"""What happens in a session as OpenAI's realtime API tells it. Pure.

Owns names, order and numbering of server events. OpenAI has two forms: today's, and the beta that came before, which
names a few events otherwise. An item of the conversation is a turn; its name is made of the session and the turn, so
that it is the same after a resume. The invariant: an event's `event_id` holds the number by which a client comes back.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from enum import Enum
from typing import assert_never

from harken.api.errors import openai_shape
from harken.api.live.outbox import Members
from harken.errors import HarkenError
from harken.languages import CODES
from harken.live.events import Committed, Completed, Ended, Failed, LiveEvent, SpeechStarted, SpeechStopped, Text
from harken.transcribe.verbose import tokens_of, told_flags


class Form(Enum):
    """Of the API."""

    TODAY = "today"
    BETA = "beta"


_TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Telling:
    """Of one connection.

    Args:
        session: its ID.
        form: of the API.
        after: the last event that the client knows; 0 for a new session.

    Attributes:
        form: it may change, when a client speaks the other one.
    """

    def __init__(self, session: str, form: Form, after: int) -> None:
        self.form = form
        self._prefix = "item_" + hashlib.sha256(session.encode()).hexdigest()[:16]
        self._n = after
        self._asides = 0
        self._connection = f"r{secrets.token_hex(2)}_"  # of one that is resumed, other asides had these numbers

    def aside(self, kind: str, **members: object) -> Members:
        """A message that is no event of the session; see `stamped`."""
        return {"type": kind, "event_id": "", **members}

    def stamped(self, aside: Members) -> Members:
        """Give it its ID, when it is sent: what is told meanwhile has higher numbers."""
        self._asides += 1
        return {**aside, "event_id": f"event_{self._n}_{self._connection}{self._asides}"}

    def error(self, error: HarkenError, event_id: str | None = None) -> Members:
        """Say what was wrong.

        Args:
            error: what.
            event_id: the client's own name of the event that was wrong.
        """
        shape: object = openai_shape(error)["error"]
        assert isinstance(shape, dict), "an error is an object"
        told = {**shape, "event_id": event_id}
        if error.retry_after_s is not None:
            told["retry_after_s"] = error.retry_after_s
        return self.aside("error", error=told)

    def tell(self, n: int, event: LiveEvent) -> Sequence[Members]:
        """Say what has happened."""
        self._n, self._asides = n, 0
        messages = self._messages(event)
        return [
            {"type": kind, "event_id": f"event_{n}" if place == 0 else f"event_{n}_{place}", **members}
            for place, (kind, members) in enumerate(messages)
        ]

    def _messages(self, event: LiveEvent) -> list[tuple[str, Members]]:
        match event:
            case SpeechStarted() | SpeechStopped():
                return [self._speech(event)]
            case Committed():
                return self._committed(event)
            case Text():
                return [self._delta(event.turn, event.delta, event.tentative)]
            case Completed():
                return [self._completed(event)]
            case Failed():
                shape = openai_shape(event.error)["error"]
                return [(f"{_TRANSCRIPTION}.failed", {**self._place(event.turn), "error": shape})]
            case Ended():
                return [] if event.error is None else [("error", {"error": openai_shape(event.error)["error"]})]
            case _:
                assert_never(event)

    def _speech(self, event: SpeechStarted | SpeechStopped) -> tuple[str, Members]:
        item: Members = {"item_id": self._item(event.turn)}
        if isinstance(event, SpeechStopped):
            return "input_audio_buffer.speech_stopped", {"audio_end_ms": _ms(event.at_s), **item}
        return "input_audio_buffer.speech_started", {"audio_start_ms": _ms(event.at_s), **item}

    def _committed(self, event: Committed) -> list[tuple[str, Members]]:
        turn, before = event.turn, event.before
        previous: Members = {"previous_item_id": None if before is None else self._item(before)}
        item = {
            "id": self._item(turn),
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        committed: Members = {**previous, "item_id": self._item(turn)}
        kinds = ("added", "done") if self.form is Form.TODAY else ("created",)
        items = [(f"conversation.item.{kind}", {**previous, "item": item}) for kind in kinds]
        return [("input_audio_buffer.committed", committed), *items]

    def _delta(self, turn: int, delta: str, tentative: str) -> tuple[str, Members]:
        return f"{_TRANSCRIPTION}.delta", {**self._place(turn), "delta": delta, "tentative": tentative}

    def _completed(self, event: Completed) -> tuple[str, Members]:
        language = event.language
        completed: Members = {
            **self._place(event.turn),
            "transcript": event.text,
            "usage": {"type": "duration", "seconds": round(event.end_s - event.start_s, 3)},
            "languages": [{"code": CODES.get(language, ""), "name": language}] if language else [],
        }
        if event.logprobs is not None:
            completed["logprobs"] = tokens_of(event.logprobs)
        if event.warnings:
            completed["warnings"] = told_flags(event.warnings)
        return f"{_TRANSCRIPTION}.completed", completed

    def _item(self, turn: int) -> str:
        return f"{self._prefix}_{turn}"

    def _place(self, turn: int) -> Members:
        return {"item_id": self._item(turn), "content_index": 0}


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
