"""How a target is talked to: the one interface between the dispatcher and whatever recognises.

`wire_line` has the line to instances of ours, `openai_line` the one to any server with OpenAI's audio API. A line knows
an address and a protocol; it knows neither its target's state nor the queue, and decides nothing about retries.
Invariant: whichever way a call on it is left, by cancellation too, what it occupied at the other end is given back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from harken.dispatch.lines.failures import Unreached
from harken.types import Send, Transcript
from harken.wire import ALONE, Crowd, InstanceState, Job

if TYPE_CHECKING:
    from aiohttp import ClientSession


@dataclass(frozen=True, kw_only=True, slots=True)
class Missed:
    """A look that found no state; `reason` is one sentence."""

    reason: str


class Line(Protocol):
    """Talks to one target."""

    @property
    def crowd(self) -> Crowd:
        """Who else uses it, as it told last."""
        ...

    async def recognize(self, job: Job, send: Send) -> Transcript:
        """Have it recognise one segment.

        Args:
            job: the segment and its options.
            send: gets the text as it comes. What it raises goes through; it is not the target's fault.

        Raises:
            ConnectionLost: nobody listens there, or the connection broke.
            InstanceFailed: silence, a broken protocol, or an answer without an end.
            HarkenError: what the target itself answered.
        """
        ...

    async def look(self, timeout_s: float) -> InstanceState | Missed:
        """Ask it how it is; never raises for its faults.

        Args:
            timeout_s: patience, in seconds in which this process ran.
        """
        ...

    async def prove(self) -> None:
        """Have it recognise a recording whose text is known.

        Raises:
            CanaryFailed: it recognised something else.
            HarkenError: it failed.
        """
        ...


OpenLine = Callable[["ClientSession"], Line]
"""Makes a line that talks through the dispatcher's one HTTP client, which is open for as long as the line is used."""


class DeadLine:
    """A line with nobody at the other end, for targets that are only counted (in simulations, and in tests)."""

    crowd = ALONE

    async def recognize(self, job: Job, send: Send) -> Transcript:
        """Raise `Unreached`."""
        raise Unreached("There is nobody at the other end.")

    async def look(self, timeout_s: float) -> InstanceState | Missed:
        """Find nobody."""
        return Missed(reason="There is nobody at the other end.")

    async def prove(self) -> None:
        """Raise `Unreached`."""
        raise Unreached("There is nobody at the other end.")
