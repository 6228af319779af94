"""One recognition that is on its way, and everybody who waits for it.

It lives as long as anybody waits: whoever began it may leave, and the last who leaves ends it. Owns who hears what: one
that comes later is told the text so far, then every delta; at the end all get the same transcript, or each his own copy
of the same error. Knows nothing of names or stores, and starts nothing. The invariant: a flight that has ended tells
nobody anything more, and one that nobody waits for is abandoned exactly once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from harken.errors import DeadlineExceeded, HarkenError, QueueFull
from harken.transcribe.cache.shared import rank
from harken.types import Options, Segment, Send, Transcript

Error = TypeVar("Error", bound=HarkenError)


class Flight:
    """One recognition.

    Args:
        segment: as its first asker has it, who stands in the queue for all.
        options: the same for all.
        is_streamed: whether its text is wanted while it comes; who joins later cannot change that any more.
        on_abandoned: called when the last one leaves before the end.
    """

    def __init__(
        self, segment: Segment, options: Options, *, is_streamed: bool, on_abandoned: Callable[[Flight], None]
    ) -> None:
        self.segment = segment
        self.options = options
        self.is_streamed = is_streamed
        self._on_abandoned = on_abandoned
        self._waiting: list[Send | None] = []
        self._told: list[str] = []
        self._ended = asyncio.Event()
        self._outcome: Transcript | Exception | None = None

    @property
    def has_told(self) -> bool:
        """Text of it was passed on."""
        return bool(self._told)

    @property
    def has_ended(self) -> bool:
        """It has an outcome."""
        return self._ended.is_set()

    def suits(self, segment: Segment) -> bool:
        """Whether this asker may wait for it: it stands in a class that is not below his."""
        return rank(self.segment.requester.priority) <= rank(segment.requester.priority)

    async def wait(self, send: Send | None) -> Transcript:
        """Wait for its end; who is cancelled here leaves.

        Raises:
            HarkenError: how it failed.
        """
        self._waiting.append(send)
        try:
            if send is not None and self._told:
                send("".join(self._told))
            await self._ended.wait()
        finally:
            self._leave(send)
        match self._outcome:
            case Transcript() as transcript:
                return transcript
            case HarkenError() as error:
                raise copy_of(error) from error
            case Exception() as error:
                raise error
            case None:
                raise AssertionError("a flight has an outcome when it has ended")

    def tell(self, text: str) -> None:
        """Pass on the next text."""
        self._told.append(text)
        for send in self._waiting:
            if send is not None:
                send(text)

    def end(self, outcome: Transcript | Exception) -> None:
        """Let everybody go on; only the first end counts."""
        if not self._ended.is_set():
            self._outcome = outcome
            self._ended.set()

    def _leave(self, send: Send | None) -> None:
        # By identity: two callables may be equal, and it must not be somebody else who stops being told.
        at = next(at for at, one in enumerate(self._waiting) if one is send)
        del self._waiting[at]
        if not self._waiting and not self._ended.is_set():
            self._on_abandoned(self)


def is_for_all(error: HarkenError, flight: Flight, follower: Segment, *, is_told: bool) -> bool:
    """Whether a flight's error is a follower's too, or only that of the asker who began it.

    Args:
        error: how it failed.
        flight: that failed.
        follower: somebody who joined it.
        is_told: text of it was passed on to him; then he cannot begin again.
    """
    if is_told:
        return True
    match error:
        case DeadlineExceeded():
            return False
        case QueueFull():
            # The room in the queue is shared out by key and class, and a recording in its middle is never refused.
            leader = flight.segment
            is_alike = (follower.requester.key, follower.requester.priority) == (
                leader.requester.key,
                leader.requester.priority,
            )
            return is_alike and (follower.index > 0) <= (leader.index > 0)
        case _:
            # Since text of it was passed on to somebody, nobody could try it again elsewhere.
            return not (error.retryable and flight.has_told)


def copy_of(error: Error) -> Error:
    """A copy to raise: each who waits adds his own traceback and field to it."""
    copied = type(error).__new__(type(error), *error.args)
    copied.__dict__.update(error.__dict__)
    return copied
