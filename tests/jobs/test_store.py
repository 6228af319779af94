"""What owners of jobs do: create, look, cancel, delete; in SQLite and in PostgreSQL."""

from __future__ import annotations

import threading

import pytest

from harken.errors import JobConflict, JobNotFound, QueueFull
from harken.jobs import FileState, JobState, NewFile, WebhookState, tables
from harken.jobs.types import Counts
from harken.state import Database
from harken.transcribe.ask import Ask
from harken.types import Options
from tests.jobs.house import RESULT, House


@pytest.fixture
def house(database: Database) -> House:
    """Empty tables."""
    return House(database)


def test_a_job_comes_back_as_it_was_made(house: House) -> None:
    """Names, metadata and options survive, also characters that databases stumble over."""
    ask = Ask(options=Options(language="Chinese", context="Zoë\u0000 '; DROP", wants_words=True))
    files = (NewFile(name="会议.wav", path="/a"), NewFile(name="b", path="/b", stamp="1", is_ours=False))
    made = house.create(ask=ask, files=files, name="名", metadata={"a": "\U0001f600"}, webhook="https://example.org/x")
    found = house.store.get(made.id, "")
    assert found == made
    assert (found.state, found.counts, found.created_at) == (JobState.QUEUED, Counts(queued=2), house.now)
    assert [file.name for file in found.files] == ["会议.wav", "b"]
    assert (found.name, found.metadata, found.webhook_state) == ("名", {"a": "\U0001f600"}, WebhookState.WAITING)
    assert house.claim().ask == ask


def test_somebody_elses_job_does_not_exist(house: House) -> None:
    """For every question an owner gets the same answer as for an id that was never given out."""
    job = house.create(owner="key_1")
    store = house.store
    for ask in (
        lambda: store.get(job.id, "key_2"),
        lambda: store.cancel(job.id, "key_2", now=house.now),
        lambda: store.delete(job.id, "key_2"),
        lambda: store.get("job_none", "key_1"),
    ):
        with pytest.raises(JobNotFound):
            ask()
    assert store.list("key_2", limit=10) == []
    assert store.get(job.id, "key_1").id == store.get(job.id, None).id == job.id


def test_lists_are_pages_from_the_newest(house: House) -> None:
    """`after` goes on where the page before ended."""
    ids = sorted((house.create().id for _ in range(5)), reverse=True)
    store = house.store
    first = [job.id for job in store.list(None, limit=3)]
    rest = [job.id for job in store.list(None, limit=3, after=first[-1])]
    assert first + rest == ids


def test_an_idempotency_key_gives_one_job(house: House) -> None:
    """The same key of the same owner is the same job; of another owner, or none, it is another."""
    first = house.create(owner="a", idempotency_key="k")
    assert house.create(owner="a", idempotency_key="k").id == first.id
    assert house.store.find("a", "k") == first
    others = {house.create(owner="b", idempotency_key="k").id, house.create(owner="a").id, house.create(owner="a").id}
    assert len(others | {first.id}) == 4
    assert house.store.find("a", "other") is None


def test_an_idempotency_key_gives_one_job_to_many_at_once(house: House) -> None:
    """Four servers that put the same job down at the same moment all get the one that came first."""
    found: list[str] = []
    start = threading.Barrier(4)

    def create() -> None:
        start.wait()
        found.append(house.create(idempotency_key="k").id)

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == house.count(tables.jobs) == house.count(tables.files) == 1


def test_too_many_waiting_files_are_refused(house: House) -> None:
    """The bound counts files of all jobs that have not ended, and says when to come back."""
    house.files_waiting = 3
    job = house.create(files=2)
    with pytest.raises(QueueFull) as caught:
        house.create(files=2)
    assert caught.value.retry_after_s
    assert house.count(tables.jobs) == 1
    house.store.cancel(job.id, None, now=house.now)
    house.create(files=3)


def test_only_files_that_nobody_works_on_are_counted_as_waiting(house: House) -> None:
    """Neither the one in work, nor those that ended; one that was given back waits again."""
    assert house.store.waiting() == 0
    job = house.create(files=3)
    claim = house.claim()
    assert house.store.waiting() == 2
    house.leases.give_back([claim], now=house.now)
    assert house.store.waiting() == 3
    house.store.cancel(job.id, None, now=house.now)
    assert house.store.waiting() == 0


def test_cancelling_ends_what_has_not_ended(house: House) -> None:
    """What is done stays done; what runs and waits is cancelled; a second cancelling changes nothing."""
    job = house.create(files=3)
    assert house.leases.finish(house.claim(), RESULT, now=house.now)
    running = house.claim()
    cancelled = house.store.cancel(job.id, "", now=house.now + 1)
    assert (cancelled.state, cancelled.ended_at) == (JobState.CANCELLED, house.now + 1)
    assert [file.state for file in cancelled.files] == [FileState.DONE, FileState.CANCELLED, FileState.CANCELLED]
    assert not house.leases.finish(running, RESULT, now=house.now)
    assert house.store.cancel(job.id, "", now=house.now + 2) == cancelled
    assert house.store.result(job.id, 0) == RESULT
    assert house.store.result(job.id, 1) is None


def test_what_has_ended_cannot_be_cancelled_and_what_has_not_cannot_be_deleted(house: House) -> None:
    """Both are conflicts; a deleted job leaves no row."""
    job = house.create(webhook="https://example.org")
    with pytest.raises(JobConflict, match="queued"):
        house.store.delete(job.id, "")
    assert house.leases.finish(house.claim(), RESULT, now=house.now)
    with pytest.raises(JobConflict, match="done"):
        house.store.cancel(job.id, "", now=house.now)
    house.store.delete(job.id, "")
    assert [house.count(table) for table in tables.TABLES.sorted_tables] == [0, 0, 0, 0]


def test_old_jobs_are_forgotten_a_few_at_a_time(house: House) -> None:
    """Only ended ones, only those that ended before the given time, no more than asked for."""
    for _ in range(3):
        house.create()
        assert house.leases.finish(house.claim(), RESULT, now=house.now)
        house.now += 10
    waiting = house.create()
    store = house.store
    assert store.forget_older(house.now - 15, limit=1) == 1
    assert store.forget_older(house.now - 15, limit=10) == 1
    assert store.forget_older(house.now - 15, limit=10) == 0
    assert {job.state for job in store.list(None, limit=10)} == {JobState.DONE, JobState.QUEUED}
    assert store.get(waiting.id, None)


def test_the_shelf_learns_what_is_still_needed(house: House) -> None:
    """Paths of files that have not ended, for jobs that are there."""
    job = house.create(files=2)
    assert house.leases.finish(house.claim(), RESULT, now=house.now)
    assert house.store.needed([job.id, "job_none"]) == {job.id: {"/shelf/1"}}
