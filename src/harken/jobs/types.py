"""The words of jobs as data: job, file, their states, and what a client hands in.

Plain, frozen, no database and no clock. Times are seconds since 1970 (UTC), because they outlive the process. The
invariant: a state that `is_ended` is never left again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harken.transcribe.ask import Ask
from harken.transcribe.form import Form
from harken.transcribe.request_id import new_request_id


class FileState(StrEnum):
    """What happens to one recording of a job."""

    QUEUED = "queued"
    """It waits: for its turn, or for the next try."""
    RUNNING = "running"
    """A server works on it, and holds its lease."""
    DONE = "done"
    """Its result is there."""
    FAILED = "failed"
    """It has no result, but an error."""
    CANCELLED = "cancelled"
    """Its job was cancelled before it ended."""

    @property
    def is_ended(self) -> bool:
        """Nothing will happen to it any more."""
        return self not in (FileState.QUEUED, FileState.RUNNING)


class JobState(StrEnum):
    """What happens to a job."""

    QUEUED = "queued"
    """No file was begun yet."""
    RUNNING = "running"
    """Some file was begun, some file has not ended."""
    DONE = "done"
    """Every file is done."""
    FAILED = "failed"
    """Every file has ended, and at least one failed; the results of the others are there."""
    CANCELLED = "cancelled"
    """It was cancelled; results of files that were done before are there."""

    @property
    def is_ended(self) -> bool:
        """Nothing will happen to it any more."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many files of a job are in each state."""

    queued: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        """All files."""
        return self.queued + self.running + self.done + self.failed + self.cancelled


@dataclass(frozen=True, kw_only=True, slots=True)
class FileError:
    """Why a file failed: a stable code of docs/reference/errors.md and one sentence."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class JobFile:
    """One recording of a job.

    Attributes:
        number: its place in the job, from 0.
        name: what the client called it; for people.
        state: what happens to it.
        audio_s: its length in seconds, once known.
        done_s: how much of it is done, wherever that lies.
        attempts: how often a server began it.
        error: why it failed, or why its last try did.
    """

    number: int
    name: str
    state: FileState
    audio_s: float | None = None
    done_s: float = 0.0
    attempts: int = 0
    error: FileError | None = None


class WebhookState(StrEnum):
    """How far the message about a job's end is."""

    WAITING = "waiting"
    """The job has not ended, or the next try is still to come."""
    DELIVERED = "delivered"
    """The receiver said so."""
    GIVEN_UP = "given_up"
    """No try succeeded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One job, as its owner sees it.

    Attributes:
        id: its name; ids of different milliseconds sort as their times do.
        owner: the id of the key that made it; "" without keys.
        name: what the client called it; "" for nothing.
        metadata: the client's own words about it, given back as they came.
        model: the only model that may work on it; "" until one is known.
        form: the format of its results, where nobody asks for another.
        temperature: that its recognition was asked for.
        state: what happens to it.
        counts: its files by state.
        audio_s: seconds of audio of its files, as far as known.
        done_s: seconds of audio that are done.
        created_at: when it was accepted.
        started_at: when the first file was begun.
        ended_at: when the last file ended.
        webhook: where its end is told; "" for nowhere.
        webhook_state: whether that was done; None without a webhook.
        files: in order; empty where they were not asked for.
    """

    id: str
    owner: str
    name: str
    metadata: Mapping[str, str]
    model: str
    form: Form
    temperature: float
    state: JobState
    counts: Counts
    audio_s: float
    done_s: float
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    webhook: str = ""
    webhook_state: WebhookState | None = None
    files: tuple[JobFile, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class NewFile:
    """A recording that a client hands in.

    Attributes:
        name: what the client calls it.
        path: a real path of this machine.
        stamp: changes when the file there does; "" for a file of ours, which nobody changes.
        is_ours: it lies on our shelf and goes when it has ended; otherwise it is the operator's and stays.
    """

    name: str
    path: str
    stamp: str = ""
    is_ours: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class NewJob:
    """What a client asks for.

    Attributes:
        owner: the id of its key; "" without keys.
        ask: what to do with each file.
        files: at least one.
        name: what the client calls the job.
        metadata: the client's own words.
        model: the only model that may work on it; "" for the first that does.
        form: the format of its results, where nobody asks for another.
        webhook: where its end is told; "" for nowhere.
        idempotency_key: a second job of the same owner with the same key is the first one; "" for none.
    """

    owner: str
    ask: Ask
    files: tuple[NewFile, ...]
    name: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    form: Form = Form.JSON
    webhook: str = ""
    idempotency_key: str = ""


def new_job_id() -> str:
    """Return a name that no other job has; names of different milliseconds sort as their times do."""
    return f"job_{new_request_id().removeprefix('req_')}"
