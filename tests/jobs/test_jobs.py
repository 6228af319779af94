"""`Jobs` as a server has it: from the first upload to the end, over failures and a new life."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from harken.config import Config, JobsConfig, StateConfig
from harken.errors import (
    InstanceFailed,
    JobConflict,
    JobNotFound,
    NoReadyInstance,
    QueueFull,
    StateUnavailable,
    UndecodableAudio,
)
from harken.events import Event, RequestBegan, RequestEnded
from harken.jobs import FileState, Job, JobState, NewFile, NewJob
from harken.jobs.jobs import Jobs
from harken.jobs.telling import Telling
from harken.state import Database
from harken.transcribe.ask import Ask
from harken.types import ModelInfo
from tests.jobs.postgres import url_of
from tests.jobs.scribe import INFO, FakeScribe

LEASE_S = 0.6


class Lives:
    """Server after server over the same state.

    Attributes:
        scribe: what all of them work with.
        told: everything that was told of what happened.
    """

    def __init__(self, folder: Path, database: str = "") -> None:
        self.folder = folder
        self.database = database
        self.scribe = FakeScribe()
        self.told: list[Event] = []
        self.settings: dict[str, object] = {}

    def live(self, work: Callable[[Jobs], Awaitable[None]]) -> None:
        """Run one server while `work` lasts."""

        async def run() -> None:
            # Events of one loop are of no use in the next.
            self.scribe.begun = asyncio.Semaphore(0)
            if self.scribe.gate is not None:
                self.scribe.gate = asyncio.Event()
            async with asyncio.timeout(20), self.jobs() as jobs:
                await work(jobs)

        asyncio.run(run())
        self.state.close()

    def jobs(self) -> Jobs:
        """A server's jobs."""
        config = Config(
            state=StateConfig(folder=str(self.folder / "state"), database=self.database),
            jobs=JobsConfig(lease_s=LEASE_S, **self.settings),  # type: ignore[arg-type]
        )
        self.state = Database(config.state, {})
        return Jobs(config, self.state, self.scribe, self.scribe, telling=Telling(tell=self.told.append))


@pytest.fixture
def lives(tmp_path: Path) -> Lives:
    """No server has lived yet."""
    return Lives(tmp_path)


async def submit(jobs: Jobs, *said: str, key: str = "") -> Job:
    """Hand recordings in."""
    async with jobs.arrival() as arrival:
        for one in said:
            arrival.begin_file()
            arrival.write(one.encode())
            arrival.end_file()
        files = tuple(NewFile(name=f"{n}", path=str(arrival.path(n))) for n in range(len(said)))
        return await jobs.create(arrival, NewJob(owner="me", ask=Ask(), files=files, idempotency_key=key))


async def ended(jobs: Jobs, job: Job) -> Job:
    """Wait for a job's end."""
    while not (seen := await jobs.get(job.id, "me")).state.is_ended:
        await asyncio.sleep(0.01)
    return seen


def recordings(lives: Lives) -> list[str]:
    """What lies on the shelf."""
    return sorted(str(path.relative_to(lives.folder)) for path in lives.folder.rglob("job_*"))


def test_a_job_is_done_and_its_audio_goes(lives: Lives) -> None:
    """Results can be had file by file; what was uploaded is not kept longer than it is needed."""

    async def work(jobs: Jobs) -> None:
        job = await ended(jobs, await submit(jobs, "one", "two"))
        assert (job.state, job.counts.done, job.done_s, job.audio_s) == (JobState.DONE, 2, 5.0, 5.0)
        assert [(await jobs.result(job, n)).text for n in (0, 1)] == ["one", "two"]
        with pytest.raises(JobNotFound, match="no file 2"):
            await jobs.result(job, 2)
        await jobs.delete(job.id, "me")
        with pytest.raises(JobNotFound):
            await jobs.get(job.id, "me")

    lives.live(work)
    assert recordings(lives) == []


def test_no_more_files_are_in_work_than_configured(lives: Lives) -> None:
    """And as many as that."""
    lives.settings = {"files_in_flight": 3}

    async def work(jobs: Jobs) -> None:
        lives.scribe.gate = asyncio.Event()
        job = await submit(jobs, *"abcdefgh")
        for _ in range(3):
            await lives.scribe.begun.acquire()
        assert jobs.in_flight == 3
        lives.scribe.gate.set()
        await ended(jobs, job)

    lives.live(work)
    assert lives.scribe.most == 3


def test_a_server_that_leaves_gives_back_and_the_next_goes_on_where_it_was(lives: Lives) -> None:
    """At once, without waiting for a lease; the finished piece is not recognised again; the try does not count."""
    lives.scribe.gate = asyncio.Event()
    jobs_seen: list[Job] = []

    async def begin(jobs: Jobs) -> None:
        jobs_seen.append(await submit(jobs, "one"))
        await lives.scribe.begun.acquire()

    async def go_on(jobs: Jobs) -> None:
        lives.scribe.gate = None
        job = await ended(jobs, jobs_seen[0])
        assert (job.state, job.files[0].attempts) == (JobState.DONE, 1)

    lives.live(begin)
    lives.live(go_on)
    assert lives.scribe.recognised == [("one", 0), ("one", 24_000)]


@pytest.mark.slow
def test_postgresql_does_as_well(postgres: str, tmp_path: Path) -> None:
    """Two lives of a server over a real PostgreSQL: given back, taken again, done, deleted."""
    lives = Lives(tmp_path, url_of(postgres, "lives"))
    test_a_server_that_leaves_gives_back_and_the_next_goes_on_where_it_was(lives)
    test_a_job_is_done_and_its_audio_goes(lives)


@pytest.mark.slow
def test_progress_is_seen_while_it_works(lives: Lives) -> None:
    """Written with the renewals of the lease, which keep the file beyond the lease's first end."""

    async def work(jobs: Jobs) -> None:
        lives.scribe.gate = asyncio.Event()
        job = await submit(jobs, "one")
        await lives.scribe.begun.acquire()
        while (seen := await jobs.get(job.id, None)).done_s == 0.0:
            await asyncio.sleep(0.01)
        assert (seen.state, seen.done_s, seen.audio_s) == (JobState.RUNNING, 1.5, 2.5)
        await asyncio.sleep(LEASE_S * 1.5)  # longer than a lease that nobody renews
        lives.scribe.gate.set()
        assert (await ended(jobs, job)).files[0].attempts == 1

    lives.live(work)


def test_cancelling_stops_what_runs(lives: Lives) -> None:
    """The work ends soon, the audio is gone, the rest is never begun."""
    lives.settings = {"files_in_flight": 1}

    async def work(jobs: Jobs) -> None:
        lives.scribe.gate = asyncio.Event()
        job = await submit(jobs, "one", "two")
        await lives.scribe.begun.acquire()
        cancelled = await jobs.cancel(job.id, "me")
        assert [file.state for file in cancelled.files] == [FileState.CANCELLED] * 2
        while jobs.in_flight:
            await asyncio.sleep(0.01)
        with pytest.raises(JobConflict, match="is cancelled"):
            await jobs.result(cancelled, 0)

    lives.live(work)
    assert lives.scribe.recognised == [("one", 0)]
    assert recordings(lives) == []


@pytest.mark.slow
def test_every_attempt_on_a_file_is_told_from_its_beginning_to_its_end(lives: Lives) -> None:
    """Done, or how it failed and whether that was ours; one that was cancelled, or taken back, is neither."""
    lives.scribe.errors = [UndecodableAudio(), NoReadyInstance(), ValueError("a defect"), None]
    lives.settings = {"files_in_flight": 1}

    async def work(jobs: Jobs) -> None:
        await ended(jobs, await submit(jobs, "bad", "later", "strange"))
        lives.scribe.gate = asyncio.Event()
        job = await submit(jobs, "stopped")
        for _ in range(5):
            await lives.scribe.begun.acquire()
        await jobs.cancel(job.id, "me")
        while jobs.in_flight:
            await asyncio.sleep(0.01)

    lives.live(work)
    began = [event.request_id for event in lives.told if isinstance(event, RequestBegan)]
    ends = [event for event in lives.told if isinstance(event, RequestEnded)]
    assert began == [event.request_id for event in ends]
    assert {(event.route, event.priority, event.key) for event in ends} == {("job", "batch", "me")}
    assert [(event.outcome, event.is_failure) for event in ends] == [
        ("undecodable_audio", False),
        ("no_ready_instance", True),
        ("internal_error", True),
        ("done", False),
        ("cancelled", False),
    ]
    assert [event.status for event in ends] == [400, 503, 500, 200, None]
    # This scribe tells of its first piece alone.
    assert [event.audio_s for event in ends if event.outcome == "done"] == [1.5]


@pytest.mark.slow
def test_each_kind_of_failure_has_its_end(lives: Lives) -> None:
    """Wrong audio fails at once; what passes is tried again; a defect ends its file and nothing else."""
    lives.scribe.errors = [UndecodableAudio(), NoReadyInstance(), ValueError("a defect"), None]
    lives.settings = {"files_in_flight": 1}

    async def work(jobs: Jobs) -> None:
        job = await ended(jobs, await submit(jobs, "bad", "later", "strange", "good"))
        assert job.state is JobState.FAILED
        codes = [file.error.code if file.error else None for file in job.files]
        assert codes == ["undecodable_audio", None, "internal_error", None]
        assert [file.attempts for file in job.files] == [1, 1, 1, 1]
        with pytest.raises(JobConflict, match=r"\[undecodable_audio\]"):
            await jobs.result(job, 0)

    lives.live(work)


def test_a_recording_that_is_gone_fails_alone_and_by_name(lives: Lives) -> None:
    """Somebody cleared the disk: that is no defect of ours."""

    async def work(jobs: Jobs) -> None:
        async with jobs.arrival() as arrival:
            for data in (b"one", b"two"):
                arrival.begin_file()
                arrival.write(data)
                arrival.end_file()
            arrival.path(0).unlink()
            files = tuple(NewFile(name=str(n), path=str(arrival.path(n))) for n in range(2))
            job = await jobs.create(arrival, NewJob(owner="me", ask=Ask(), files=files))
        job = await ended(jobs, job)
        assert [file.error.message if file.error else None for file in job.files] == [
            "The recording is no longer on this server's disk.",
            None,
        ]

    lives.live(work)


def test_a_recording_is_found_by_its_name_wherever_the_folder_is_mounted(lives: Lives) -> None:
    """Another machine knows the share by another path."""
    lives.scribe.gate = asyncio.Event()

    async def begin(jobs: Jobs) -> None:
        await submit(jobs, "one", "two")
        for _ in range(2):
            await lives.scribe.begun.acquire()

    lives.live(begin)
    lives.scribe.gate = None
    there = lives.folder / "of another machine"
    there.mkdir()
    (lives.folder / "state").rename(there / "state")
    lives.folder = there

    async def go_on(jobs: Jobs) -> None:
        job = await ended(jobs, (await jobs.list("me", limit=1))[0])
        assert job.counts.done == 2

    lives.live(go_on)
    assert recordings(lives) == []


@pytest.mark.slow
def test_a_share_that_is_not_mounted_now_costs_no_file(lives: Lives) -> None:
    """Its recordings are not lost: the files wait, and lose no try."""

    async def work(jobs: Jobs) -> None:
        share, away = lives.folder / "state" / "recordings", lives.folder / "not mounted"

        def info() -> ModelInfo:
            """Asked for between the look for work and the work."""
            share.rename(away)
            lives.scribe.info = lambda: INFO
            return INFO

        lives.scribe.info = info
        job = await submit(jobs, "one")
        while (seen := await jobs.get(job.id, "me")).files[0].error is None:
            await asyncio.sleep(0.01)
        assert seen.files[0].error is not None
        assert (seen.files[0].error.code, seen.files[0].attempts) == ("state_unavailable", 0)
        for is_there in (False, True):
            if is_there:  # but it is another machine's own
                share.mkdir()
                (share / ".id").write_text("of another\n")
            with pytest.raises(StateUnavailable):
                await submit(jobs, "two")
        (share / ".id").unlink()
        share.rmdir()
        away.rename(share)
        assert (await ended(jobs, job)).counts.done == 1

    lives.live(work)


@pytest.mark.slow
def test_an_instance_that_fails_again_and_again_ends_the_file(lives: Lives) -> None:
    """After as many tries as configured; what was finished before stays finished."""
    lives.scribe.errors = [InstanceFailed(), InstanceFailed()]
    lives.settings = {"attempts": 2}

    async def work(jobs: Jobs) -> None:
        job = await ended(jobs, await submit(jobs, "one"))
        assert (job.state, job.files[0].attempts) == (JobState.FAILED, 2)

    lives.live(work)
    assert lives.scribe.recognised == [("one", 0)]


def test_the_same_key_is_the_same_job_and_leaves_one_upload(lives: Lives) -> None:
    """Also when both upload at the same time."""
    lives.scribe.gate = asyncio.Event()

    async def work(jobs: Jobs) -> None:
        first, second = await asyncio.gather(submit(jobs, "one", key="k"), submit(jobs, "one", key="k"))
        assert first.id == second.id
        found = await jobs.find("me", "k")
        assert found is not None
        assert found.id == first.id
        assert await jobs.find("me", "") is None
        assert len([name for name in recordings(lives) if name.count("/") == 2]) == 1

    lives.live(work)


def test_an_upload_that_fails_leaves_nothing(lives: Lives) -> None:
    """The error is the upload's own; no job, no recording."""

    async def work(jobs: Jobs) -> None:
        async def upload() -> None:
            async with jobs.arrival() as arrival:
                arrival.begin_file()
                raise QueueFull

        with pytest.raises(QueueFull):
            await upload()
        assert await jobs.list(None, limit=10) == []

    lives.live(work)
    assert recordings(lives) == []


def test_files_that_wait_are_bounded(lives: Lives) -> None:
    """Before the upload is read, where that is known then; else with the job."""
    lives.settings = {"files_waiting": 2}
    lives.scribe.gate = asyncio.Event()

    async def work(jobs: Jobs) -> None:
        with pytest.raises(QueueFull):
            await submit(jobs, "one", "two", "three")
        await submit(jobs, "one", "two")
        with pytest.raises(QueueFull):
            async with jobs.arrival():
                raise AssertionError("it let us in")

    lives.live(work)


def test_a_state_that_cannot_be_used_costs_jobs_alone(lives: Lives) -> None:
    """Every question is answered 503, nothing is made, and the server lives."""
    (lives.folder / "state").write_text("a file is in the way")

    async def work(jobs: Jobs) -> None:
        for _ in range(2):
            with pytest.raises(StateUnavailable, match="its log says why"):
                await jobs.list(None, limit=10)

    lives.live(work)


def test_a_server_without_jobs_makes_no_state(lives: Lives) -> None:
    """Nothing is opened before it is needed."""

    async def work(jobs: Jobs) -> None:
        await asyncio.sleep(0)

    lives.live(work)
    assert not (lives.folder / "state").exists()


def test_paths_are_read_where_they_are(lives: Lives) -> None:
    """The operator's file is transcribed and stays."""
    folder = lives.folder / "calls"
    folder.mkdir()
    (folder / "a.wav").write_text("from a path")
    lives.settings = {"paths": str(folder)}

    async def work(jobs: Jobs) -> None:
        async with jobs.arrival() as arrival:
            file = await jobs.named_file(str(folder / "a.wav"))
            job = await jobs.create(arrival, NewJob(owner="me", ask=Ask(), files=(file,)))
        job = await ended(jobs, job)
        assert (await jobs.result(job, 0)).text == "from a path"

    lives.live(work)
    assert (folder / "a.wav").exists()
