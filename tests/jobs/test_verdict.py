"""What follows from a failure, and when a job is over."""

from __future__ import annotations

import pytest

from harken.errors import (
    EngineFailed,
    HarkenError,
    InstanceFailed,
    InternalError,
    NoReadyInstance,
    QueueFull,
    TimedOut,
    UndecodableAudio,
    UnknownLanguage,
)
from harken.jobs.types import Counts, JobState
from harken.jobs.verdict import RETRY_MAX_S, Again, GiveUp, after_failure, ended_state


@pytest.mark.parametrize("error", [UndecodableAudio(), UnknownLanguage(), InternalError()])
def test_what_would_come_again_is_not_tried_again(error: HarkenError) -> None:
    """Wrong audio, wrong options and defects end a file at once."""
    verdict = after_failure(error, attempts=1, refusals=0, limit=3)
    assert isinstance(verdict, GiveUp)
    assert verdict.error.code == error.code


@pytest.mark.parametrize("error", [InstanceFailed(), EngineFailed(), TimedOut()])
def test_what_may_be_the_files_doing_has_a_limit(error: HarkenError) -> None:
    """Each try waits longer than the one before; the last one ends the file."""
    first = after_failure(error, attempts=1, refusals=0, limit=3)
    second = after_failure(error, attempts=2, refusals=0, limit=3)
    assert isinstance(first, Again)
    assert isinstance(second, Again)
    assert first.costs_a_try
    assert 0 < first.wait_s < second.wait_s
    assert isinstance(after_failure(error, attempts=3, refusals=0, limit=3), GiveUp)


@pytest.mark.parametrize("error", [NoReadyInstance(), QueueFull()])
def test_what_is_the_servers_state_costs_no_try(error: HarkenError) -> None:
    """A file waits as long as no instance is ready, at a pace that slows down to a minute."""
    waits = []
    for refusals in range(40):
        verdict = after_failure(error, attempts=3, refusals=refusals, limit=3)
        assert isinstance(verdict, Again)
        assert not verdict.costs_a_try
        waits.append(verdict.wait_s)
    assert waits == sorted(waits)
    assert waits[-1] == RETRY_MAX_S


def test_a_job_is_over_with_its_last_file() -> None:
    """One failed file makes a failed job."""
    assert ended_state(Counts(queued=1, done=3)) is None
    assert ended_state(Counts(running=1, failed=3)) is None
    assert ended_state(Counts(done=3)) is JobState.DONE
    assert ended_state(Counts(done=3, failed=1)) is JobState.FAILED
