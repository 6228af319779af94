"""What a server tells of a live session (`/v1/listen`), read from its messages. Pure.

It believes nothing: a member that is missing or of another kind is as if it were empty, and a message that is no JSON
object comes from somebody else. The invariant: no text that it returns holds what a terminal would obey.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from harken.cli.client import NotHarken

_JOINERS = "\u200c\u200d"
"""Invisible, and part of how Persian and Hindi are written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One message.

    Attributes:
        kind: its type: "session", "speech_started", "speech_stopped", "committed", "text", "completed", "failed",
            "error"; or "restarted", which is the client's own: the session was lost, and a turn that went on begins
            anew in another one.
        n: its number, with which a client comes back.
        turn: the turn, from 1; 0 where it is about none.
        delta: what is added to the turn's final text.
        tentative: what seems to follow.
        text: all of a completed turn.
        language: its language.
        at_s: where speech begins or ends, in seconds of what was sent; NaN where it is not said.
        start_s: where the turn begins; NaN likewise.
        end_s: where it ends; NaN likewise.
        code: of a failure.
        message: of a failure.
        session: the session's ID, a secret.
        received_s: audio that has arrived; NaN where it is not said.
        warnings: sentences on what may be missing or too many in the text.
        raw: the message as one line of JSON.
    """

    kind: str
    n: int = 0
    turn: int = 0
    delta: str = ""
    tentative: str = ""
    text: str = ""
    language: str = ""
    at_s: float = math.nan
    start_s: float = math.nan
    end_s: float = math.nan
    code: str = ""
    message: str = ""
    session: str = ""
    received_s: float = math.nan
    warnings: tuple[str, ...] = ()
    raw: str = ""


def read_told(message: str) -> Told:
    """Read a message.

    Raises:
        NotHarken: it is no JSON object with a type.
    """
    try:
        members = json.loads(message)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict) or not isinstance(members.get("type"), str):
        raise NotHarken("The server does not speak as Harken does in a live session.")

    def text(name: str) -> str:
        value = members.get(name)
        return shown(value) if isinstance(value, str) else ""

    def whole(name: str) -> int:
        value = members.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0

    def seconds(name: str) -> float:
        value = members.get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
        return float(value) if is_number else math.nan  # type: ignore[arg-type] # looked at above

    names = ("delta", "tentative", "text", "language", "code", "message", "session")
    times = ("at_s", "start_s", "end_s", "received_s")
    return Told(
        kind=text("type"),
        n=whole("n"),
        turn=whole("turn"),
        **{name: text(name) for name in names},  # type: ignore[arg-type] # mypy takes them for any attribute
        **{name: seconds(name) for name in times},  # type: ignore[arg-type]
        warnings=_warnings(members.get("warnings")),
        raw=_line(members),
    )


def _warnings(value: object) -> tuple[str, ...]:
    found = [one.get("message") for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    return tuple(shown(sentence) for sentence in found if isinstance(sentence, str))


def shown(text: str) -> str:
    """Text of a server's as a terminal may have it: white space as spaces, and nothing that it would obey."""
    spaced = (" " if letter.isspace() else letter for letter in text)
    return "".join(letter for letter in spaced if letter.isprintable() or letter in _JOINERS)


def _line(members: dict[str, object]) -> str:
    line = json.dumps(members, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in line)
