"""What follows from what happened to a file, decided on plain data: no clock, no database, no chance of its own.

Three kinds of failure are told apart. The client's (wrong audio, wrong language) would come again: the file has failed.
The server's state (no instance ready, queue full, shutting down) says nothing about the file: it waits and loses no
try. Everything else (an instance or the engine failed, a defect, a time-out) may be the file's doing: it gets as many
tries as configured. A crash of the server is such a try, but only where it finished no piece of the file.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.errors import ClientError, HarkenError, TimedOut, Unavailable
from harken.jobs.types import Counts, FileError, JobState

RETRY_S = 2.0
"""The first wait before another try; it doubles."""

RETRY_MAX_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Again:
    """Try again.

    Attributes:
        wait_s: not before so many seconds are over.
        costs_a_try: whether this one counts.
    """

    wait_s: float
    costs_a_try: bool
    error: FileError


@dataclass(frozen=True, kw_only=True, slots=True)
class GiveUp:
    """It has failed."""

    error: FileError


def after_failure(error: HarkenError, *, attempts: int, refusals: int, limit: int) -> Again | GiveUp:
    """Decide what becomes of a file.

    Args:
        error: what ended this try.
        attempts: tries that count, this one included.
        refusals: tries in a row, before this one, that ended because of the server's state.
        limit: tries that a file may have.
    """
    told = FileError(code=error.code, message=error.message)
    if isinstance(error, Unavailable) and not isinstance(error, TimedOut):
        return Again(wait_s=_wait_s(refusals), costs_a_try=False, error=told)
    if isinstance(error, ClientError) or not error.retryable or attempts >= limit:
        return GiveUp(error=told)
    return Again(wait_s=_wait_s(attempts - 1), costs_a_try=True, error=told)


def crashed_too_often(attempts: int) -> FileError:
    """Say why a file is given up whose tries ended without a word, with the server that made them."""
    return FileError(
        code="internal_error",
        message=f"The server stopped {attempts} times while it worked on this file; it is not tried again.",
    )


def ended_state(counts: Counts) -> JobState | None:
    """The state of a job whose files are in these states; None while some have not ended."""
    if counts.queued or counts.running:
        return None
    return JobState.FAILED if counts.failed else JobState.DONE


def _wait_s(before: int) -> float:
    return float(min(RETRY_MAX_S, RETRY_S * 2.0 ** min(before, 10)))
