"""What a client of OpenAI's realtime API sends, as data. Pure: text in, one wish out, or the client's error."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harken.api.live.json_text import object_of
from harken.api.live.openai_events import Form
from harken.api.live.wishes import refuse_unknown
from harken.errors import ClientError, UnsupportedOption

_ID_CHARS = 512


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    """The client changes its session.

    Attributes:
        form: of the API that it speaks.
        session: what it sent, not looked at yet.
    """

    form: Form
    session: object


@dataclass(frozen=True, kw_only=True, slots=True)
class Append:
    """Audio.

    Attributes:
        audio: bytes in the session's encoding.
    """

    audio: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """The sound so far is a turn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clear:
    """The sound so far is to be forgotten."""


Sent = Update | Append | Commit | Clear

EVENTS = {
    "session.update": ("session",),
    "transcription_session.update": ("session",),
    "input_audio_buffer.append": ("audio",),
    "input_audio_buffer.commit": (),
    "input_audio_buffer.clear": (),
}
"""What may be sent → what it needs besides its type."""

_OF_CONVERSATIONS = ("response.", "conversation.", "output_audio_buffer.")


def members_of(message: str | bytes) -> dict[str, Any]:
    """Read a message.

    Raises:
        ClientError: it is no JSON object.
    """
    if isinstance(message, bytes):
        raise ClientError("Events are JSON in text messages; audio goes into input_audio_buffer.append, as base64.")
    return object_of(message)


def event_id_of(members: Mapping[str, Any]) -> str | None:
    """The client's own name of its event, as far as it is one."""
    event_id = members.get("event_id")
    return event_id if isinstance(event_id, str) and len(event_id) <= _ID_CHARS else None


def read_sent(members: Mapping[str, Any]) -> Sent:
    """Understand an event.

    Raises:
        ClientError: it has no type that is known, or not what that needs.
        UnsupportedOption: members that it does not have.
    """
    kind = members.get("type")
    if not isinstance(kind, str) or kind not in EVENTS:
        raise _unknown(kind)
    known = EVENTS[kind]
    refuse_unknown(members, ("type", "event_id", *known))
    if members.get("event_id") is not None and event_id_of(members) is None:
        raise ClientError(f"event_id must be text of at most {_ID_CHARS} characters.", field="event_id")
    for name in known:
        if name not in members:
            raise ClientError(f"{kind} needs {name}.", field=name)
    match kind:
        case "input_audio_buffer.append":
            return Append(audio=_audio(members["audio"]))
        case "input_audio_buffer.commit":
            return Commit()
        case "input_audio_buffer.clear":
            return Clear()
        case _:
            form = Form.TODAY if kind == "session.update" else Form.BETA
            return Update(form=form, session=members["session"])


def _audio(text: object) -> bytes:
    try:
        if isinstance(text, str):
            return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise ClientError("audio must be bytes in base64 (RFC 4648, with its padding).", field="audio")


def _unknown(kind: object) -> ClientError:
    if isinstance(kind, str) and kind.startswith(_OF_CONVERSATIONS):
        return UnsupportedOption(f"{kind[:80]} is not supported: this is a transcription session.", field="type")
    shown = repr(kind[:80]) if isinstance(kind, str) else "that"
    return ClientError(f"{shown} is no type of event; there are {', '.join(EVENTS)}.", field="type")
