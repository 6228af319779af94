"""How a server's process ends: an exit code, and one sentence where there is something to say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """The end of a process.

    Attributes:
        code: its exit code.
        reason: written to standard error as its last line; "" when all is well.
    """

    code: int
    reason: str = ""


CLEAN = Ending(code=0)
"""It was asked to leave, and everything accepted was answered or had its time."""

FORCED = Ending(code=1, reason="forced: it was told twice to leave; accepted requests may have been lost.")
"""A second signal came before the first was obeyed."""
