"""What happened to a request, as small facts for whoever shows them: metrics, the journal, traces.

Whoever tells does not know who listens, and decides nothing by it. The facts hold names, times and numbers, never what
was said, nor a secret. The invariant: every request that began ends once, and a span is told when it is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from harken.trace import Trace
from harken.types import Priority

DONE = "done"
"""The outcome of what went well."""

CACHED = "cached"
"""Of a segment for which no model ran."""

CANCELLED = "cancelled"
"""Its client left. Every other outcome is the stable code of an error."""


class Stage(StrEnum):
    """The stretches of a request's way."""

    UPLOAD = "upload"
    """From the head of the request to its last byte."""
    READ = "read"
    """From the first look at the recording until its last piece is decoded."""
    SEGMENT = "segment"
    """From a piece that is ready to its transcript."""
    QUEUE = "queue"
    """From wanting a slot to having one."""
    TRY = "try"
    """From a target's slot to its answer."""
    WAIT = "wait"
    """In an instance: from its acceptance to the first step with it."""
    PREFILL = "prefill"
    """The step that reads it and chooses the first token."""
    GENERATE = "generate"
    """From the first token to the last."""
    ALIGN = "align"
    """Its words are being timed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestBegan:
    """A recording was let in.

    Attributes:
        request_id: its name in every log line.
        at: seconds of the monotonic clock, when its head came.
        route: the path of the API, or "job" for a file of a job.
        priority: its class.
        key: id of the API key; "" where none is used.
    """

    request_id: str
    at: float
    route: str
    priority: Priority
    key: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestEnded:
    """A recording was answered, or its client left; also one that was not let in.

    Attributes:
        request_id: as it began.
        began: seconds of the monotonic clock.
        ended: likewise.
        route: as it began.
        priority: its class.
        key: id of the API key; "" where none is used.
        outcome: `DONE`, `CANCELLED`, or an error's code.
        status: of the HTTP answer; that of the error where the answer had begun, or there is none; None where a client
            left before it was answered.
        audio_s: seconds of audio that were done; None where nothing was.
        first_text_s: from its head to the first text of a stream; None where nobody read along.
        is_failure: the server failed it: no mistake of the client's, who may also leave.
        was_let_in: it was told as begun.
        trace: its span; None where it is not traced.
    """

    request_id: str
    began: float
    ended: float
    route: str
    priority: Priority
    key: str = ""
    outcome: str = DONE
    status: int | None = 200
    audio_s: float | None = None
    first_text_s: float | None = None
    is_failure: bool = False
    was_let_in: bool = True
    trace: Trace | None = None

    @property
    def is_error(self) -> bool:
        """It was answered with an error, whoever's fault that was."""
        return self.outcome not in (DONE, CANCELLED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A stretch of a request's way that is over.

    Attributes:
        request_id: whose.
        stage: which.
        began: seconds of the monotonic clock.
        ended: likewise.
        priority: its class.
        segment: the segment's index; None for the whole recording.
        start_s: where the segment begins, in seconds from the start of the recording.
        audio_s: its length, in seconds.
        target: on which instance; "" where that means nothing.
        outcome: `DONE`, `CACHED`, `CANCELLED`, or an error's code.
        tokens: that were written in it.
        trace: its own identity; None where it is not traced.
    """

    request_id: str
    stage: Stage
    began: float
    ended: float
    priority: Priority = Priority.INTERACTIVE
    segment: int | None = None
    start_s: float = 0.0
    audio_s: float = 0.0
    target: str = ""
    outcome: str = DONE
    tokens: int = 0
    trace: Trace | None = None

    @property
    def took_s(self) -> float:
        """How long it took."""
        return self.ended - self.began


@dataclass(frozen=True, kw_only=True, slots=True)
class DraftDone:
    """A turn of a live session was recognised while it goes on.

    Attributes:
        began: when it was wanted, in seconds of the monotonic clock.
        ended: when its text was there.
    """

    began: float
    ended: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnDone:
    """A turn of a live session has its final text.

    Attributes:
        committed: when its sound was complete, in seconds of the monotonic clock.
        completed: when its text was told.
    """

    committed: float
    completed: float


Event = RequestBegan | RequestEnded | Span | DraftDone | TurnDone

Tell = Callable[[Event], None]
"""Takes a fact; it neither blocks nor raises."""


def nobody(_: Event) -> None:
    """Nobody listens."""
