"""What it means that a server did not answer with a transcript. Pure: status, headers and body in, one verdict out.

We made the request, so a refusal is seldom the client's fault: an option that this server does not know is left out and
asked for no more, a wrong key or model is trouble with the server that its operator must mend, and only a language that
it does not know comes from the client, and even then another target may know it. What the server wrote is for the log:
it may name addresses and keys, and clients get sentences of our own.
"""

from __future__ import annotations

import email.utils
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from harken.dispatch.lines.failures import Refused
from harken.dispatch.lines.openai.answer import read_json
from harken.dispatch.lines.openai.request import Option
from harken.errors import (
    Draining,
    HarkenError,
    InstanceFailed,
    NoReadyInstance,
    NoWordTimes,
    QueueFull,
    Unavailable,
    UnknownLanguage,
)
from harken.wire import Job

_WAIT_MAX_S = 300.0
_OPTION_STATUSES = frozenset({400, 422, 501})
_FULL_STATUSES = frozenset({429, 503, 529})
_GONE_CODES: dict[object, type[Unavailable]] = {"draining": Draining, "no_ready_instance": NoReadyInstance}
"""Codes of another Harken that say more than its status."""

_MARKS: dict[Option, tuple[str, ...]] = {
    Option.WORDS: ("verbose_json", "timestamp_granularities", "response_format", "word time"),
    Option.LOGPROBS: ("include", "logprob"),
    Option.PENALTY: ("repetition_penalty",),
    Option.STREAM: ("stream",),
    Option.PROMPT: ("prompt",),
}
"""Words by which a refusal names an option."""


class NoWordsThere(NoWordTimes):
    """This server times no words; another target may."""

    retryable = True


class UnknownThere(UnknownLanguage):
    """This server does not know the language; another target may."""

    retryable = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer that is no transcript.

    Attributes:
        status: of HTTP.
        retry_after: the header of that name, "" where there is none.
        body: as much of it as was read.
    """

    status: int
    retry_after: str = ""
    body: bytes = b""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What to do about it: ask again without an option, or fail.

    Attributes:
        leave_out: ask again without this; None: fail with `error`.
        error: for the segment.
        trouble: one sentence where the server can recognise nothing until somebody mends it; "" otherwise.
        full_s: it wants nothing for so many seconds; 0: it did not say that; below 0: it did not say for how long.
        said: the server's own words, for the log alone.
    """

    leave_out: Option | None = None
    error: HarkenError | None = None
    trouble: str = ""
    full_s: float = 0.0
    said: str = ""


def judge_reply(reply: Reply, job: Job, asked: frozenset[Option], now: float) -> Verdict:
    """Decide.

    Args:
        reply: what came.
        job: what was sent.
        asked: the options that it was sent with.
        now: seconds since 1970, for dates.
    """
    said = _Said.of(reply.body)
    if reply.status in _OPTION_STATUSES:
        return _refused(reply, job, asked, said)
    if reply.status in _FULL_STATUSES:
        return _turned_away(reply, said, now)
    trouble = _trouble(reply.status, said)
    if trouble:
        return Verdict(error=Unavailable(trouble), trouble=trouble, said=said.words)
    if 300 <= reply.status < 400:
        error = InstanceFailed(f"The upstream redirects (HTTP {reply.status}), which is not followed.")
    elif reply.status < 500:
        error = Refused(f"The upstream refused the segment (HTTP {reply.status}).")
    else:
        error = InstanceFailed(f"The upstream failed (HTTP {reply.status}).")
    return Verdict(error=error, said=said.words)


def retry_after_s(header: str, now: float) -> float | None:
    """Read a Retry-After header, seconds or a date; None where it makes no sense. At most five minutes."""
    try:
        wait_s = float(header)
    except ValueError:
        wait_s = _until(header, now)
    return min(max(wait_s, 0.0), _WAIT_MAX_S) if math.isfinite(wait_s) else None


def _until(date: str, now: float) -> float:
    try:
        found = email.utils.parsedate_to_datetime(date)
    except (ValueError, OverflowError, TypeError, IndexError):
        # The year 10000, the 99th of January, a number too large for C; on odd ones it trips itself.
        return math.nan
    # HTTP's dates are in GMT, also where they do not say so.
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() - now


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    """The parts of an error's body, in whichever of the usual shapes it came."""

    words: str
    code: object
    param: str
    is_error: bool
    """It is an error of an API, and no page of any server."""

    @property
    def is_of_model(self) -> bool:
        """It is about the model that was asked for."""
        return self.is_error and (self.param == "model" or "model" in f"{self.code} {self.words}".lower())

    @classmethod
    def of(cls, body: bytes) -> _Said:
        outer = read_json(body)
        inner = outer.get("error")
        found: Mapping[str, Any] = inner if isinstance(inner, dict) else outer
        message = found.get("message") or found.get("detail") or found.get("error")
        is_error = isinstance(message, str)
        words = message if isinstance(message, str) else body[:300].decode(errors="replace")
        param = found.get("param")
        param = param if isinstance(param, str) else ""
        return cls(words=words[:300], code=found.get("code"), param=param, is_error=is_error)


def _refused(reply: Reply, job: Job, asked: frozenset[Option], said: _Said) -> Verdict:
    named = _named(asked, said)
    language = job.options.language
    if named is None and language is not None and (said.param == "language" or "language" in said.words.lower()):
        return Verdict(error=UnknownThere(f"{language} is not known here.", field="language"), said=said.words)
    leave_out = named or next((option for option in Option if option in asked), None)
    if leave_out is Option.WORDS:
        return Verdict(leave_out=leave_out if named else None, error=NoWordsThere(), said=said.words)
    if leave_out is None:
        error = Refused(f"The upstream refused the segment (HTTP {reply.status}).")
        return Verdict(error=error, said=said.words)
    return Verdict(leave_out=leave_out, said=said.words)


def _named(asked: frozenset[Option], said: _Said) -> Option | None:
    for text in (said.param.lower(), said.words.lower()):
        for option, marks in _MARKS.items():
            if option in asked and any(mark in text for mark in marks):
                return option
    return None


def _turned_away(reply: Reply, said: _Said, now: float) -> Verdict:
    wait_s = retry_after_s(reply.retry_after, now)
    kind = _GONE_CODES.get(said.code) if isinstance(said.code, str) else None
    if kind is not None:
        return Verdict(error=kind("The upstream takes nothing now."), said=said.words)
    error = QueueFull("The upstream takes nothing now.", retry_after_s=math.ceil(wait_s) if wait_s else None)
    return Verdict(error=error, full_s=-1.0 if wait_s is None else wait_s, said=said.words)


def _trouble(status: int, said: _Said) -> str:
    match status:
        case 401 | 403:
            return f"The upstream refuses our key (HTTP {status})."
        case 404 if said.is_of_model:
            return f"The upstream does not offer this model (HTTP {status})."
        case 404 | 405:
            return f"The upstream offers no transcriptions (HTTP {status}): is it a speech server, and the path right?"
    return ""
