"""Recordings on shelves of several servers: looked for, waited for, and given up at last."""

from __future__ import annotations

import pytest

from harken.jobs.claim import Progress
from harken.jobs.presence import AWAY_S, CODE, PRESENCE, Presence
from harken.jobs.types import FileState, JobState
from harken.state import Database
from tests.jobs.house import RESULT, House

STRANDED_S = 3600.0


@pytest.fixture
def house(database: Database) -> House:
    """An empty one."""
    own = House(database)
    assert own.store
    return own


def presence(house: House, shelf: str, secret: str = "one") -> Presence:
    """The look of a server at a shelf."""
    engine = house.database.engine(PRESENCE)
    return Presence(engine, shelf=shelf, secret=secret, stranded_s=STRANDED_S, keep_s=60.0)


def test_a_file_waits_for_its_shelf_says_so_and_fails_at_last(house: House) -> None:
    """Begun ones too, once their lease is over; and the job's webhook is told."""
    here, there = presence(house, "here"), presence(house, "there")
    here.look(now=house.now)
    job = house.create(files=2, webhook="https://example.org/hook")
    house.claim()
    house.now += AWAY_S - 1
    assert there.look(now=house.now) == 0
    assert {file.error for file in house.store.get(job.id, None).files} == {None}
    house.now += 1
    assert there.look(now=house.now) == 0
    waiting = house.store.get(job.id, None)
    assert [file.state for file in waiting.files] == [FileState.QUEUED] * 2
    assert all(file.error is not None and file.error.code == CODE for file in waiting.files)
    house.now += STRANDED_S
    assert there.look(now=house.now) == 2
    lost = house.store.get(job.id, None)
    assert (lost.state, lost.counts.failed) == (JobState.FAILED, 2)
    assert house.outbox.take(now=house.now, again_at=house.now) is not None
    assert there.look(now=house.now) == 0


def test_a_server_that_comes_back_goes_on(house: House) -> None:
    """Whatever was said of its files meanwhile."""
    here, there = presence(house, "here"), presence(house, "there")
    here.look(now=house.now)
    job = house.create()
    house.now += STRANDED_S - 1
    there.look(now=house.now)
    here.look(now=house.now)
    house.now += 2
    assert there.look(now=house.now) == 0
    assert house.leases.finish(house.claim(), RESULT, now=house.now)
    done = house.store.get(job.id, None)
    assert (done.state, done.files[0].error) == (JobState.DONE, None)


def test_nobody_is_given_up_who_was_never_looked_for_or_works(house: House) -> None:
    """A server of an earlier release says nothing of its shelf: its time begins when it is missed; a lease protects."""
    there = presence(house, "there")
    job = house.create(files=2)
    house.now += 10 * STRANDED_S
    assert there.look(now=house.now) == 0
    claim = house.claim()
    for _ in range(3):
        house.now += STRANDED_S / 2
        house.leases.renew([Progress(claim=claim, done_s=0.0, audio_s=None)], now=house.now)
        there.look(now=house.now)
    seen = house.store.get(job.id, None)
    assert sorted(file.state for file in seen.files) == [FileState.FAILED, FileState.RUNNING]


def test_different_secrets_of_webhooks_are_told_once(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Receivers know one, and whoever comes first delivers."""
    one, other = presence(house, "here", "one"), presence(house, "there", "other")
    for _ in range(3):
        one.look(now=house.now)
    assert "jobs.webhook_secrets_differ" not in capsys.readouterr().out
    for _ in range(3):
        other.look(now=house.now)
    assert capsys.readouterr().out.count("jobs.webhook_secrets_differ") == 1
