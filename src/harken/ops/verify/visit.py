"""What the steps of one verification share: who asks, what is asked with, and what was found so far.

Owns the one way in which a transcription is asked for and judged. The invariant: a transcript counts only if it is
right and was recognised for this request.
"""

from __future__ import annotations

import random
import ssl
from dataclasses import dataclass, field

from harken.ops.verify.caller import Caller, Reply
from harken.ops.verify.check import Check, CheckFailed
from harken.ops.verify.known import Known
from harken.ops.verify.seen import Line, Seen, json_object

CACHED = "hit"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the operator wants.

    Attributes:
        server: address of the door.
        api_key: for it; "" for none.
        tls: whose certificates are taken; None for those that this machine trusts.
        load: requests of the small load; 0 for none.
        timeout_s: after so long no further check is begun, and the one that runs has failed.
        work_timeout_s: longest wait for one transcription.
    """

    server: str
    api_key: str = ""
    tls: ssl.SSLContext | None = None
    load: int = 20
    timeout_s: float = 300.0
    work_timeout_s: float = 60.0


@dataclass(kw_only=True, slots=True)
class Visit:
    """One verification while it goes on.

    Attributes:
        asked: what is wanted.
        caller: sends requests.
        known: the recording.
        chance: makes copies differ.
        is_here: the door is on this machine.
        seen: the door's first word; set by the first step, and anew where it was asleep and woke.
        was_asleep: the door was well and had no instance: it is scaled to zero, and a recording wakes it.
        alone: instances that answered at their own addresses, with what each said; set by the step that tried.
        answered: names in the answers to transcriptions through the door.
        checks: what was found.
    """

    asked: Asked
    caller: Caller
    known: Known
    chance: random.Random
    is_here: bool = False
    seen: Seen = field(default_factory=lambda: Seen(status="", name="", model="", lines=()))
    was_asleep: bool = False
    alone: dict[str, Seen] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    checks: list[Check] = field(default_factory=list)

    @property
    def is_gateway(self) -> bool:
        """The door has instances behind it, and is none itself."""
        return not (len(self.seen.lines) == 1 and self.seen.lines[0].name == self.seen.name)

    def tell(self, check: Check) -> None:
        """Note what was found."""
        self.checks.append(check)

    async def transcribe(self, *, at: str | None = None) -> Heard:
        """Have a fresh copy of the recording transcribed, by the door or another address.

        Raises:
            CheckFailed: no transcript came, or not the right one.
        """
        reply = await self.caller.post("/asr", {}, ("audio", self.known.copy(self.chance)), at=at)
        text = transcript_of(reply)
        if reply.headers.get("x-harken-cache") == CACHED:
            raise CheckFailed(
                "A recording that nobody sent before was answered from a cache, which proves nothing.",
                "Send it past whatever caches answers in front of Harken.",
            )
        self.judge(text)
        names = frozenset(name for name in reply.headers.get("x-harken-instance", "").split(",") if name)
        if at is None:
            self.answered |= names
        return Heard(names=names, took_s=reply.took_s)

    def judge(self, text: str) -> None:
        """Compare a text with what is said in the recording.

        Raises:
            CheckFailed: it is not the right one.
        """
        wrong, allowed = self.known.wrong_words(text), self.known.may_be_wrong(self.seen.model)
        if wrong > allowed:
            raise CheckFailed(
                f"Said is {shown(self.known.text)}; recognised was {shown(text)} "
                f"({wrong} words differ, {allowed} may).",
                "Look whether the right model and weights are loaded (`harken status`), "
                "or give a --recording that this model can be expected to recognise.",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """A right transcript: who recognised it, and how long it took."""

    names: frozenset[str]
    took_s: float


def transcript_of(reply: Reply) -> str:
    """Take the text out of an answer of /asr.

    Raises:
        CheckFailed: there is none.
    """
    if reply.problem:
        raise CheckFailed(f"No transcript: {reply.problem}.", "Look at `harken status` and at the server's log.")
    body = json_object(reply.body)
    if reply.status != 200:
        raise CheckFailed(f"No transcript: {refusal(reply)}.", remedy_for(reply.status))
    if body.get("status") != "success" or not isinstance(body.get("text"), str):
        raise CheckFailed("The answer of /asr has no text in it.", "Is a Harken server at this address?")
    return str(body["text"])


def refusal(reply: Reply) -> str:
    """Say how a server refused, in its own words, shortened."""
    body = json_object(reply.body)
    error = body.get("error")
    inner = error if isinstance(error, dict) else body
    code, message = inner.get("code"), inner.get("message", error)
    told = f" {code}" if isinstance(code, str) else ""
    return f"HTTP {reply.status}{told}" + (f", {shown(message)}" if isinstance(message, str) else "")


def code_of(reply: Reply) -> str | None:
    """The stable code of a refusal, in either of Harken's shapes; None where there is none."""
    body = json_object(reply.body)
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else body.get("code")
    return code if isinstance(code, str) else None


def shown(text: str) -> str:
    """Text of a server's, safe to print and not too long."""
    return repr(text if len(text) <= 160 else f"{text[:160]}…")


def remedy_for(status: int) -> str:
    """What helps against a refusal of that status."""
    match status:
        case 401 | 403:
            return "Give a key that is valid there: --api-key, or HARKEN_API_KEY."
        case 413:
            return "A proxy or `limits.upload_bytes` takes only smaller bodies; a few MB must be possible."
        case 429:
            return "The key's limit is reached: wait a minute, use another key, or a smaller --load."
        case _:
            return "Look at `harken status` and at the server's log for this request."


def waiting_for(visit: Visit) -> list[Line]:
    """Instances that have not been seen to transcribe, in an answer through the door."""
    return [line for line in visit.seen.lines if line.shown_name not in visit.answered]
