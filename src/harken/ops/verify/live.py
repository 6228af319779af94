"""Live transcription: the recording is spoken into a WebSocket, and its text must come back.

What is asked for first is the same address without a handshake, as a page does: there a Harken says why it would not
let anybody in, and a WebSocket that does not come about although nothing would be refused was not passed on by
something in between. The invariant: a server that does not offer it is skipped with the reason, and never called well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from harken.ops.verify.caller import Reply
from harken.ops.verify.check import Check, CheckFailed, ok, skipped
from harken.ops.verify.seen import json_object
from harken.ops.verify.speaking import Talk
from harken.ops.verify.visit import Visit, code_of, refusal, remedy_for, shown
from harken.types import SAMPLE_RATE

_PATH: Final = "/v1/listen"
_FINISHED: Final = 1000
_PACKET_BYTES: Final = SAMPLE_RATE  # half a second

_NO_UPGRADE: Final = (
    "It has to pass WebSockets on: in nginx `proxy_http_version 1.1;`, `proxy_set_header Upgrade $http_upgrade;` and "
    "`proxy_set_header Connection upgrade;`, as `harken export nginx` writes it."
)
_LOOK: Final = "Look at the server's log for this session, and at `harken status`."


@dataclass(frozen=True, kw_only=True, slots=True)
class _Text:
    """The text of a session.

    Attributes:
        whole: of all its turns.
        first_s: when the first of it came, seconds from the handshake's beginning.
        last_s: when the last of it came.
    """

    whole: str
    first_s: float
    last_s: float


async def see_live(visit: Visit) -> None:
    """Speak the recording, as one turn.

    Raises:
        CheckFailed: nobody is let in, the upgrade is not passed on, or the text is not right.
    """
    away = _away(await visit.caller.get(_PATH))
    if away is not None:
        visit.tell(away)
        return
    sound = visit.known.pcm(visit.chance)
    packets = [sound[begin : begin + _PACKET_BYTES] for begin in range(0, len(sound), _PACKET_BYTES)]
    query = urlencode({"sample_rate": SAMPLE_RATE, "turn_detection": "none"})
    talk = await visit.caller.talk(f"{_PATH}?{query}", [*packets, json.dumps({"type": "finish"})])
    if talk.status != 101:
        raise await _not_in(visit, talk)
    text = text_of(talk)
    visit.judge(text.whole)
    late_s = max(0.0, text.last_s - talk.said_s)
    found = f"Spoken into {_PATH}, the recording was right; its text was whole {late_s:.3f} s after its last sound."
    visit.tell(ok("live", found, first_s=round(text.first_s, 4), final_s=round(late_s, 4)))


def _away(reply: Reply) -> Check | None:
    """Judge what is said to who comes without a handshake; None where nothing would be refused.

    Raises:
        CheckFailed: a handshake would be refused.
    """
    if reply.problem:
        raise CheckFailed(f"No answer on {_PATH}: {reply.problem}.", _LOOK)
    match code_of(reply):
        case "upgrade_required":
            return None
        case "not_offered":
            remedy = "Where it is wanted: `live.sessions` above 0."
            return skipped("live", "Live transcription is not offered here (`live.sessions` is 0).", remedy)
        case "not_found":
            return skipped("live", "This server has no live transcription: it is of a version before that.")
        case "live_full":
            remedy = "Wait until somebody has ended; more instances, or a larger `live.sessions`, let more in."
            raise CheckFailed(f"Nobody is let in who would speak: {refusal(reply)}.", remedy)
        case str():
            raise CheckFailed(f"Nobody is let in who would speak: {refusal(reply)}.", remedy_for(reply.status))
        case _:
            remedy = f"A proxy in front must pass {_PATH} through."
            raise CheckFailed(f"{_PATH} (HTTP {reply.status}) does not answer as Harken does.", remedy)


async def _not_in(visit: Visit, talk: Talk) -> CheckFailed:
    """Say why a WebSocket did not come about: what was no matter a moment ago may be one now."""
    if not talk.status:
        return CheckFailed(f"No WebSocket on {_PATH}: {talk.problem}.", _NO_UPGRADE)
    reply = await visit.caller.get(_PATH)
    if (code := code_of(reply)) is not None and code != "upgrade_required":
        return CheckFailed(f"Nobody is let in who would speak: {refusal(reply)}.", remedy_for(reply.status))
    told = f"The handshake on {_PATH} is answered with HTTP {talk.status}, though the server would let us in"
    return CheckFailed(f"{told}: something in between does not pass the upgrade on.", _NO_UPGRADE)


def text_of(talk: Talk) -> _Text:
    """Read what was told, to its proper end.

    Raises:
        CheckFailed: it is not as it should be.
    """
    added: dict[object, str] = {}
    texts: list[str] = []
    times = [0.0, 0.0]
    for at, message in talk.told:
        members = json_object(message.encode())
        kind = members.get("type")
        if kind in ("error", "failed"):
            raise CheckFailed(f"The session failed: {_said(members)}.", _LOOK)
        if kind in ("text", "completed"):
            times = [times[0] or at, at]
        if kind == "text":
            added[members.get("turn")] = added.get(members.get("turn"), "") + str(members.get("delta"))
        if kind == "completed":
            texts.append(str(members.get("text")))
            if added.get(members.get("turn"), "") not in ("", texts[-1]):
                raise CheckFailed("What was told as final is not the text at the turn's end.", _LOOK)
    if talk.problem or talk.close_code != _FINISHED:
        why = talk.problem or f"it was closed with {talk.close_code}"
        remedy = f"{_LOOK} A proxy in between may cut connections off that it takes for idle or too long."
        raise CheckFailed(f"The session broke off after {len(talk.told)} messages: {why}.", remedy)
    return _Text(whole=" ".join(texts), first_s=times[0], last_s=times[1])


def _said(members: Mapping[str, Any]) -> str:
    code, message = members.get("code"), members.get("message")
    told = shown(code).strip("'") if isinstance(code, str) else "no code"
    return f"{told}, {shown(message)}" if isinstance(message, str) else told
