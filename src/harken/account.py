"""What will be told of a recording that somebody sent: one for each, filled in on its way, told once.

Whoever takes it in makes it and tells of the end: the edge of the HTTP API for a request, a worker for a job's file.
Who knows more on the way (its class, its error, its audio) notes that here. It knows nothing of who listens. The
invariant: every one is told as ended exactly once, let in or not.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from harken.errors import HarkenError, is_our_failure
from harken.events import CANCELLED, DONE, RequestBegan, RequestEnded, Span, Stage, Tell
from harken.trace import Trace
from harken.types import Priority, Requester


@dataclass(kw_only=True, slots=True)
class Account:
    """Of one request.

    Attributes:
        request_id: its name.
        route: the path of the API, or "job".
        began: when its head came, in seconds of the monotonic clock.
        tell: takes what happened.
        trace: its span; None where it is not traced.
        priority: its class, once that is known.
        key: id of its API key.
        was_let_in: it was not refused at the door.
        outcome: how it ended; "" as long as nobody noted an error.
        status: of the error; None where there is none.
        is_failure: the server failed it.
        audio_s: seconds of audio that were done; None as long as nothing is.
        first_text_s: from its head to its first text; None where nobody read along.
    """

    request_id: str
    route: str
    began: float
    tell: Tell
    trace: Trace | None = None
    priority: Priority = Priority.INTERACTIVE
    key: str = ""
    was_let_in: bool = False
    outcome: str = ""
    status: int | None = None
    is_failure: bool = False
    audio_s: float | None = None
    first_text_s: float | None = None

    def let_in(self, requester: Requester) -> None:
        """It was not refused at the door."""
        self.was_let_in = True
        self.priority, self.key = requester.priority, requester.key
        self.tell(
            RequestBegan(
                request_id=self.request_id, at=self.began, route=self.route, priority=self.priority, key=self.key
            )
        )

    def uploaded(self) -> None:
        """Its last byte is there."""
        self.tell(
            Span(
                request_id=self.request_id,
                stage=Stage.UPLOAD,
                began=self.began,
                ended=time.monotonic(),
                priority=self.priority,
                trace=self.trace and self.trace.child(Stage.UPLOAD),
            )
        )

    def fail(self, error: HarkenError) -> None:
        """It is answered with an error, the first that is noted."""
        if not self.outcome:
            self.outcome, self.status = error.code, error.status
            self.is_failure = is_our_failure(type(error))

    def cancel(self) -> None:
        """Its client left."""
        self.outcome = self.outcome or CANCELLED

    def end(self, status: int) -> None:
        """Tell that it is over.

        Args:
            status: of the answer; 0 where there was none, 200 where nothing is answered and all went well.
        """
        outcome = self.outcome or (DONE if status < 400 else f"http_{status}")
        answered = status or None  # a client that left early was answered with nothing at all
        self.tell(
            RequestEnded(
                request_id=self.request_id,
                began=self.began,
                ended=time.monotonic(),
                route=self.route,
                priority=self.priority,
                key=self.key,
                outcome=outcome,
                status=self.status or answered,
                is_failure=self.is_failure if self.outcome else status >= 500,
                audio_s=self.audio_s,
                first_text_s=self.first_text_s,
                was_let_in=self.was_let_in,
                trace=self.trace,
            )
        )
