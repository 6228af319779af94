"""Claims and their leases: one file, one worker, one end; in SQLite and in PostgreSQL."""

from __future__ import annotations

import json
import threading

import pytest

from harken.jobs import FileError, FileState, JobState, tables
from harken.jobs.claim import Progress
from harken.jobs.verdict import Again, GiveUp
from harken.state import Database
from tests.jobs.house import LEASE_S, MODEL, PIECE, RESULT, House

BAD = FileError(code="undecodable_audio", message="No audio.")
BUSY = FileError(code="no_ready_instance", message="None is ready.")


@pytest.fixture
def house(database: Database) -> House:
    """Empty tables."""
    return House(database)


def test_a_file_is_claimed_once(house: House) -> None:
    """Eight servers at once share twenty files without one of them twice."""
    house.create(files=20)
    start = threading.Barrier(8)
    claimed: list[int] = []

    def work() -> None:
        leases = house.leases
        start.wait()
        while (claim := leases.claim(MODEL, now=house.now)) is not None:
            claimed.append(claim.number)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == list(range(20))


def test_files_that_end_at_once_end_their_job(house: House) -> None:
    """Of two servers that finish the last two files in the same moment, one ends the job, and posts one message."""
    job = house.create(files=8, webhook="https://example.org")
    claims = [house.claim() for _ in range(8)]
    start = threading.Barrier(8)

    def finish(number: int) -> None:
        leases = house.leases
        start.wait()
        assert leases.finish(claims[number], RESULT, now=house.now)

    threads = [threading.Thread(target=finish, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert house.store.get(job.id, None).state is JobState.DONE
    assert house.count(tables.webhooks) == 1


def test_jobs_take_turns(house: House) -> None:
    """A job of one file that comes after a job of a thousand does not wait for all of them."""
    large, small = house.create(files=3), house.create(files=1)
    order = []
    for _ in range(4):
        house.now += 1
        order.append(house.claim().job_id)
    assert order == [large.id, small.id, large.id, large.id]


def test_a_lease_that_ends_gives_the_file_to_the_next(house: House) -> None:
    """The server that lost it is told so at its next word, and its result is refused."""
    job = house.create()
    lost = house.claim()
    house.now += LEASE_S - 1
    assert house.leases.claim(MODEL, now=house.now) is None
    house.now += 1
    taken = house.claim()
    assert (taken.file_id, taken.attempts) == (lost.file_id, 2)
    assert house.leases.renew([Progress(claim=lost, done_s=1.0, audio_s=None)], now=house.now) == [lost]
    assert not house.leases.keep(lost, "r1", PIECE)
    assert not house.leases.finish(lost, RESULT, now=house.now)
    assert not house.leases.fail(lost, GiveUp(error=BAD), now=house.now)
    assert house.leases.finish(taken, RESULT, now=house.now)
    assert not house.leases.finish(taken, RESULT, now=house.now)
    assert house.store.get(job.id, None).counts.done == 1


def test_a_renewed_lease_holds_and_tells_how_far_it_is(house: House) -> None:
    """Progress is written with the renewal."""
    job = house.create()
    claim = house.claim()
    house.now += LEASE_S - 1
    assert house.leases.renew([Progress(claim=claim, done_s=3.0, audio_s=9.0)], now=house.now) == []
    house.now += LEASE_S - 1
    assert house.leases.claim(MODEL, now=house.now) is None
    seen = house.store.get(job.id, None)
    assert (seen.state, seen.started_at, seen.done_s, seen.audio_s) == (JobState.RUNNING, 1000.0, 3.0, 9.0)


def test_pieces_are_remembered_for_their_maker(house: House) -> None:
    """After a crash the next claim finds them, unless the model is another one; with the file's end they go."""
    house.create()
    claim = house.claim()
    assert house.leases.keep(claim, "r1", PIECE)
    assert house.leases.keep(claim, "r1", PIECE)
    house.now += LEASE_S
    again = house.claim()
    assert house.leases.recall(again, "r1") == [PIECE]
    assert house.leases.recall(again, "r2") == []
    assert house.leases.finish(again, RESULT, now=house.now)
    assert house.count(tables.pieces) == 0


def test_a_file_that_takes_the_server_with_it_is_given_up(house: House) -> None:
    """Three crashes are three tries; the fourth look ends the file, and its job, and nobody touches it again."""
    job = house.create(webhook="https://example.org")
    for _ in range(3):
        house.claim()
        house.now += LEASE_S
    assert house.leases.claim(MODEL, now=house.now) is None
    ended = house.store.get(job.id, None)
    assert (ended.state, ended.counts.failed, ended.files[0].attempts) == (JobState.FAILED, 1, 3)
    assert ended.files[0].error is not None
    assert "stopped 3 times" in ended.files[0].error.message


def test_a_file_that_gets_further_outlives_any_number_of_crashes(house: House) -> None:
    """Each try finishes a piece before its server dies; tries that end with an error count all the same."""
    job = house.create()
    for _ in range(5):
        claim = house.claim()
        assert claim.attempts == 1
        assert house.leases.keep(claim, "r1", PIECE)
        house.now += LEASE_S
    claim = house.claim()
    assert house.leases.keep(claim, "r1", PIECE)
    assert house.leases.fail(claim, Again(wait_s=0, costs_a_try=True, error=BAD), now=house.now)
    claim = house.claim()
    assert claim.attempts == 2
    assert house.leases.keep(claim, "r1", PIECE)
    assert house.leases.fail(claim, GiveUp(error=BAD), now=house.now)
    assert house.store.get(job.id, None).files[0].attempts == 2


def test_a_failure_that_is_over_soon_waits_for_its_time(house: House) -> None:
    """A try that counts and one that does not; the error of the last try is shown until the file is done."""
    job = house.create()
    assert house.leases.fail(house.claim(), Again(wait_s=2, costs_a_try=True, error=BAD), now=house.now)
    assert house.leases.claim(MODEL, now=house.now + 1) is None
    house.now += 2
    claim = house.claim()
    assert (claim.attempts, claim.refusals) == (2, 0)
    assert house.leases.fail(claim, Again(wait_s=0, costs_a_try=False, error=BUSY), now=house.now)
    file = house.store.get(job.id, None).files[0]
    assert (file.state, file.attempts, file.error) == (FileState.QUEUED, 1, BUSY)
    claim = house.claim()
    assert (claim.attempts, claim.refusals) == (2, 1)
    assert house.leases.finish(claim, RESULT, now=house.now)
    assert house.store.get(job.id, None).files[0].error is None


def test_a_clock_that_was_put_back_holds_nothing_up(house: House) -> None:
    """Neither a file that nobody tried yet nor one that was to wait two seconds."""
    house.create(files=2)
    assert house.leases.fail(house.claim(), Again(wait_s=2, costs_a_try=True, error=BAD), now=house.now)
    house.now -= 900
    assert {house.claim().number, house.claim().number} == {0, 1}


def test_one_failed_file_makes_a_failed_job_with_results(house: House) -> None:
    """The others' results are there, and the counts say how many."""
    job = house.create(files=2)
    assert house.leases.fail(house.claim(), GiveUp(error=BAD), now=house.now)
    assert house.leases.finish(house.claim(), RESULT, now=house.now)
    ended = house.store.get(job.id, None)
    assert (ended.state, ended.counts.done, ended.counts.failed) == (JobState.FAILED, 1, 1)
    assert ended.files[0].error == BAD
    assert house.store.result(job.id, 1) == RESULT


def test_a_server_that_leaves_gives_its_files_back_at_once(house: House) -> None:
    """The next one need not wait for the lease's end, and it costs no try."""
    house.create()
    claim = house.claim()
    house.leases.give_back([claim], now=house.now)
    again = house.claim()
    assert (again.file_id, again.attempts) == (claim.file_id, 1)
    house.leases.give_back([claim], now=house.now)
    assert house.leases.claim(MODEL, now=house.now) is None


def test_only_the_model_of_a_job_works_on_it(house: House) -> None:
    """A job that names none belongs to the first model that begins it."""
    job = house.create(files=2)
    named = house.create(model="other")
    assert house.claim("digits").job_id == job.id
    assert house.store.get(job.id, None).model == "digits"
    assert house.claim("other").job_id == named.id
    assert house.leases.claim("other", now=house.now) is None


def test_only_servers_at_the_same_shelf_claim_a_file(house: House) -> None:
    """What lies on another machine cannot be read here."""
    house.create()
    house.shelf = "there"
    assert house.leases.claim(MODEL, now=house.now) is None


def test_the_end_of_a_job_is_a_message(house: House) -> None:
    """It holds the job as its owner sees it, is due at once, and until it is delivered it comes again."""
    job = house.create(files=2, webhook="https://example.org/hook", name="n", metadata={"a": "b"})
    outbox = house.outbox
    assert house.leases.finish(house.claim(), RESULT, now=house.now)
    assert outbox.take(now=house.now, again_at=house.now) is None
    assert house.leases.finish(house.claim(), RESULT, now=house.now)
    message = outbox.take(now=house.now, again_at=house.now + 20)
    assert message is not None
    assert (message.url, message.attempts) == ("https://example.org/hook", 1)
    body = json.loads(message.body)
    assert body["type"] == "job.ended"
    assert (body["data"]["id"], body["data"]["state"], body["data"]["counts"]["done"]) == (job.id, "done", 2)
    assert outbox.take(now=house.now + 19, again_at=0.0) is None
    again = outbox.take(now=house.now + 20, again_at=house.now + 40)
    assert again is not None
    assert (again.id, again.attempts) == (message.id, 2)
    outbox.delivered(again, now=house.now)
    assert outbox.take(now=house.now + 1000, again_at=0.0) is None
    assert house.store.get(job.id, None).webhook_state == "delivered"
