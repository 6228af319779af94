"""The plain protocol: bytes in, one JSON object a message out.

Owns its names. Settings are in the query of the handshake, so a client needs no library but one for WebSockets. The
invariant: `n` never falls, and with the last one a client can come back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from starlette.types import Scope

from harken.api.live.ear import Ear
from harken.api.live.json_text import object_of
from harken.api.live.outbox import Members
from harken.api.live.query import Return, read_return
from harken.api.live.service import Session
from harken.api.live.tongue import Call, Tongue
from harken.api.live.wishes import TURN_FIELDS, Extras, options_for, refuse_unknown, turn_rule
from harken.audio.pcm import PcmStream
from harken.errors import ClientError, HarkenError, UnsupportedOption
from harken.live.events import Committed, Completed, Ended, Failed, LiveEvent, SpeechStarted, SpeechStopped, Text
from harken.live.settings import LiveSettings
from harken.transcribe.result import Flag
from harken.transcribe.verbose import tokens_of
from harken.types import ModelInfo, Word

_SOUND = ("encoding", "sample_rate")
_EXTRAS = ("words", "logprobs")
FIELDS = (*_SOUND, "language", "prompt", "turn_detection", *TURN_FIELDS, *_EXTRAS, "session", "after")
"""All that may be in the query."""

MESSAGES = ("commit", "clear", "ping", "finish")


def read_listen(_: Scope, query: Mapping[str, str], served: ModelInfo) -> Call:
    """Understand a handshake.

    Raises:
        HarkenError: the client's: a name or a value that cannot be honoured.
    """
    refuse_unknown(query, FIELDS)
    back = read_return(query)
    if back is not None:
        for name in query:
            if name not in (*_SOUND, "session", "after"):
                raise UnsupportedOption(f"A session that is resumed keeps its {name}; leave it out.", field=name)

    def speak(session: Session, ear: Ear) -> Tongue:
        return Listen(session, ear, back)

    return Call(pcm=_pcm(query), settings=_settings(query, served), back=back, speak=speak)


class Listen:
    """One client's.

    Args:
        session: its.
        ear: takes its bytes.
        back: how it came back; None for a new session.
    """

    def __init__(self, session: Session, ear: Ear, back: Return | None) -> None:
        self._session = session
        self._ear = ear
        self._n = back.after if back else 0
        self._is_resumed = back is not None
        self._is_finished = False

    def greet(self) -> Sequence[Members]:
        """Say which session it is, and how much of its audio has arrived."""
        received_s = round(self._session.received_s, 7)  # a sample is 62.5 µs: no client may be one off
        return [self._message("session", session=self._session.id, received_s=received_s, resumed=self._is_resumed)]

    async def hear(self, message: str | bytes) -> Sequence[Members]:
        """Take audio, or do what a message says."""
        try:
            if isinstance(message, bytes):
                if not self._is_finished:
                    await self._ear.hear(message)
                return []
            kind = _kind_of(message)
            return [] if self._is_finished and kind != "ping" else await self._do(kind)
        except HarkenError as error:
            return [self.complain(error)]

    async def _do(self, kind: str) -> Sequence[Members]:
        match kind:
            case "commit":
                await self._ear.flush()
                await self._session.commit()
            case "clear":
                await self._ear.flush()
                await self._session.clear()
                return [self._message("cleared")]
            case "ping":
                return [self._message("pong", received_s=round(self._session.received_s, 7))]
            case _:
                await self._ear.flush()
                self._is_finished = True
                await self._session.finish()
        return []

    def tell(self, n: int, event: LiveEvent) -> Sequence[Members]:
        """Say what has happened."""
        self._n = n
        match event:
            case SpeechStarted() | SpeechStopped():
                kind = "speech_started" if isinstance(event, SpeechStarted) else "speech_stopped"
                told = self._message(kind, turn=event.turn, at_s=_s(event.at_s))
            case Committed():
                told = self._message("committed", turn=event.turn, **_times(event))
            case Text():
                shown: Members = {"delta": event.delta, "tentative": event.tentative, "stable": event.stable}
                told = self._message("text", turn=event.turn, **shown)
            case Completed():
                told = self._message("completed", turn=event.turn, **_completed(event))
            case Failed():
                why = {"code": event.error.code, "message": event.error.message}
                told = self._message("failed", turn=event.turn, **why)
            case Ended():
                return [] if event.error is None else [self.complain(event.error)]
            case _:
                assert_never(event)
        return [told]

    def complain(self, error: HarkenError) -> Members:
        """Say what was wrong."""
        told: Members = {"code": error.code, "message": error.message}
        if error.field is not None:
            told["field"] = error.field
        if error.retry_after_s is not None:
            told["retry_after_s"] = error.retry_after_s
        return self._message("error", **told)

    def stamped(self, answer: Members) -> Members:
        """Give an answer the number that is the newest when it is sent."""
        return {**answer, "n": self._n}

    def _message(self, kind: str, **members: object) -> Members:
        return {"n": self._n, "type": kind, **members}


def _pcm(query: Mapping[str, str]) -> PcmStream:
    rate = query.get("sample_rate")
    if rate is not None and not (rate.isascii() and rate.isdecimal() and int(rate[:10]) > 0):
        raise UnsupportedOption(f"sample_rate must be a number of Hz, not {rate[:40]!r}.", field="sample_rate")
    return PcmStream(query.get("encoding", "pcm16"), None if rate is None else int(rate))


def _settings(query: Mapping[str, str], served: ModelInfo) -> LiveSettings:
    extras = Extras(**{name: name for name in _EXTRAS if _is_true(query, name)})
    language, prompt = query.get("language", ""), query.get("prompt", "")
    options = options_for(served, language=language, prompt=prompt, extras=extras)
    match query.get("turn_detection", "server_vad"):
        case "server_vad":
            return LiveSettings(options=options, turns=turn_rule(query))
        case "none":
            for name in TURN_FIELDS:
                if name in query:
                    raise UnsupportedOption(f"{name} goes with turn_detection=server_vad.", field=name)
            return LiveSettings(options=options, turns=None)
        case other:
            raise UnsupportedOption(
                f"turn_detection must be server_vad or none, not {other[:40]!r}.", field="turn_detection"
            )


def _is_true(query: Mapping[str, str], name: str) -> bool:
    value = query.get(name, "false").lower()
    if value not in ("true", "false"):
        raise UnsupportedOption(f"{name} must be true or false, not {value[:40]!r}.", field=name)
    return value == "true"


def _kind_of(message: str) -> str:
    members = object_of(message)
    known = ", ".join(f'{{"type": "{kind}"}}' for kind in MESSAGES)
    if members.get("type") not in MESSAGES:
        raise ClientError(f"A text message must be one of {known}; audio comes in binary messages.", field="type")
    refuse_unknown(members, ("type",))
    return str(members["type"])


def _completed(event: Completed) -> Members:
    told: Members = {"text": event.text, "language": event.language, **_times(event)}
    if event.words is not None:
        told["words"] = [{"word": word.text, **_times(word)} for word in event.words]
    if event.logprobs is not None:
        told["logprobs"] = tokens_of(event.logprobs)
    if event.warnings:
        told["warnings"] = [{"code": one.code, "message": one.message, **_times(one)} for one in event.warnings]
    return told


def _times(event: Committed | Completed | Word | Flag) -> Members:
    return {"start_s": _s(event.start_s), "end_s": _s(event.end_s)}


def _s(seconds: float) -> float:
    return round(seconds, 3)
