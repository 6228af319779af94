"""A claim on a file, and how far its work is: what travels between the tables and the workers."""

from __future__ import annotations

from dataclasses import dataclass

from harken.transcribe.ask import Ask


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A file that this server works on.

    Attributes:
        lease: proves it.
        file_id: its row.
        job_id: the job it belongs to.
        number: its place there.
        owner: whose job it is.
        path: where it lies.
        stamp: what it looked like when it was handed in; "" for a file of ours.
        is_ours: it goes when it has ended.
        attempts: tries, this one included.
        refusals: tries in a row, before this one, that ended because of the server's state.
        ask: what to do with it.
    """

    lease: str
    file_id: int
    job_id: str
    number: int
    owner: str
    path: str
    stamp: str
    is_ours: bool
    attempts: int
    refusals: int
    ask: Ask


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a claimed file is."""

    claim: Claim
    done_s: float
    audio_s: float | None
