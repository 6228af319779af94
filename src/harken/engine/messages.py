"""What the asyncio side and the model's thread say to each other: plain data, and nothing else is shared.

Requests go into a queue that the thread empties between two steps. Reports come back as one list per step, so that the
event loop is woken once, however many sequences moved.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.choice import Manner, Note
from harken.engine.model import Prompt
from harken.engine.scheduler import Demand
from harken.errors import HarkenError
from harken.types import Finish


@dataclass(frozen=True, kw_only=True, slots=True)
class Submit:
    """Recognise this, choosing tokens in this manner (None: the likeliest); with `is_streamed`, report each token."""

    demand: Demand
    prompt: Prompt
    label: str
    is_streamed: bool
    manner: Manner | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancel:
    """Nobody wants this any more."""

    key: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Leave:
    """End the thread."""


Request = Submit | Cancel | Leave


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """The cache is reserved; segments may come."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wrote:
    """A streamed sequence has one more token."""

    key: int
    token: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """When the model did what with one sequence, on the loop's clock.

    Attributes:
        began: its prefill did.
        read: it had its first token.
        ended: it had its last.
    """

    began: float
    read: float
    ended: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A sequence is done.

    Attributes:
        key: its number.
        tokens: all that it wrote, header included, the one that said "done" left out.
        finish: why it ended.
        times: when.
        notes: one per token, and one more for the end where it said "done"; empty where nobody asked for any.
    """

    key: int
    tokens: tuple[int, ...]
    finish: Finish
    times: Times
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """A sequence will not be done."""

    key: int
    error: HarkenError


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """The thread has ended and will not come back."""

    error: HarkenError


Report = Opened | Wrote | Ended | Failed | Broken
