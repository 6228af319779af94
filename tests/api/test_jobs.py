"""`/v1/jobs` over HTTP: forms, JSON, refusals, results; the state is real, the recognizer a fake."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from harken.api.app import create_app
from harken.api.service import Service
from harken.config import Config, JobsConfig, StateConfig
from harken.jobs.jobs import Jobs
from harken.keys import Admission, Key, Standing
from harken.state import Database
from harken.transcribe.transcriber import Transcriber
from tests.api.world import CLIP, LIMITS, World, ask, serving
from tests.transcribe.fakes import FakeReader, FakeRecognizer, file, silence, speech

LONG = file(speech(0.8), silence(0.3), speech(0.4))


class PathReader(FakeReader):
    """A fake reader that takes paths and open files, as jobs hand them in."""

    def open(self, upload: Any, *rest: Any, **more: Any) -> Any:
        """Read the file here."""
        data = upload.read_bytes() if isinstance(upload, Path) else upload.read()
        return super().open(data, *rest, **more)


class Everybody(Admission):
    """Keys that need no database: the secret is the key's name; "admin" is an admin's."""

    def __init__(self) -> None:
        self.ring: Any = None  # asked by admin routes alone
        self.charged: list[tuple[str, float]] = []

    async def admit(self, secret: str | None) -> Key | None:
        """Let everybody in."""
        if secret is None:
            return None
        return Key(id=f"key_{secret}", name=secret, prefix="", created_at=0.0, is_admin=secret == "admin")

    async def count(self, key: Key | None, *, wants_audio: bool) -> list[Standing]:
        """Nobody has a limit."""
        return []

    async def audio_left(self, key: Key) -> list[Standing]:
        """Nobody has a limit."""
        return []

    async def charge(self, key_id: str, audio_s: float) -> None:
        """Note it."""
        self.charged.append((key_id, audio_s))


class JobWorld:
    """A server with jobs.

    Attributes:
        jobs_config: may be changed before the server starts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recognizer = FakeRecognizer()
        self.admission = Everybody()
        self.jobs_config = JobsConfig(files_per_job=5)

    def talk(self, conversation: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
        """Run a conversation with a new server."""

        async def run() -> None:
            async with (
                asyncio.timeout(30),
                self._jobs() as jobs,
                serving(self._app(jobs)) as url,
                httpx.AsyncClient(base_url=url, timeout=20, trust_env=False) as client,
            ):
                await conversation(client)

        asyncio.run(run())

    def _app(self, jobs: Jobs) -> FastAPI:
        service = World(recognizer=self.recognizer).provider()
        assert service is not None
        with_jobs: Service = dataclasses.replace(service, jobs=jobs)
        return create_app(lambda: with_jobs, admission=self.admission)

    @contextlib.asynccontextmanager
    async def _jobs(self) -> AsyncIterator[Jobs]:
        config = Config(state=StateConfig(folder=str(self.folder / "state")), jobs=self.jobs_config, limits=LIMITS)
        transcriber = Transcriber(self.recognizer, PathReader(), LIMITS)
        async with Jobs(
            config, Database(config.state, {}), self.recognizer, transcriber, charge=self.admission.charge
        ) as jobs:
            yield jobs


@pytest.fixture
def world(tmp_path: Path) -> JobWorld:
    """A server with jobs that has not been started."""
    return JobWorld(tmp_path)


def form(*recordings: bytes, field: str = "file") -> list[tuple[str, tuple[str, bytes]]]:
    """Files of a form."""
    return [(field, (f"{number}.raw", one)) for number, one in enumerate(recordings)]


async def ended(client: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    """Wait for a job's end."""
    while (job := (await client.get(f"/v1/jobs/{job_id}")).json())["ended_at"] is None:
        await asyncio.sleep(0.01)
    found: dict[str, Any] = job
    return found


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal, which has OpenAI's shape."""
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return answer.status_code, error["code"]


@pytest.mark.slow
def test_files_go_in_and_results_come_out_in_every_format(world: JobWorld) -> None:
    """A form with several files; results one by one and as lines."""

    async def conversation(client: httpx.AsyncClient) -> None:
        data = {"name": "calls", "metadata": json.dumps({"day": "monday"}), "language": "English"}
        made = await client.post("/v1/jobs", files=form(CLIP, LONG, b"abc"), data=data)
        assert made.status_code == 201, made.text
        job = made.json()
        assert made.headers["Location"] == f"/v1/jobs/{job['id']}"
        assert (job["name"], job["metadata"], job["counts"]["total"]) == ("calls", {"day": "monday"}, 3)
        job = await ended(client, job["id"])
        assert [one["state"] for one in job["files"]] == ["done", "done", "failed"]
        assert (job["state"], job["files"][2]["error"]["code"]) == ("failed", "undecodable_audio")
        for name, kind in (("json", "application/json"), ("srt", "application/x-subrip"), ("vtt", "text/vtt")):
            one = await client.get(f"/v1/jobs/{job['id']}/files/1/result", params={"format": name})
            assert one.status_code == 200
            assert one.headers["content-type"].startswith(kind)
        lines = (await client.get(f"/v1/jobs/{job['id']}/results?format=text")).text.splitlines()
        texts = [json.loads(line)["result"] for line in lines]
        assert texts == ["part 0\n", "part 0 part 1\n", None]
        assert refusal(await client.get(f"/v1/jobs/{job['id']}/files/2/result")) == (409, "job_conflict")
        assert refusal(await client.get(f"/v1/jobs/{job['id']}/files/3/result")) == (404, "job_not_found")
        assert (await client.delete(f"/v1/jobs/{job['id']}")).json()["deleted"] is True
        assert refusal(await client.get(f"/v1/jobs/{job['id']}")) == (404, "job_not_found")

    world.talk(conversation)


@pytest.mark.slow
def test_nothing_is_left_of_a_refused_upload(world: JobWorld) -> None:
    """Each refusal has its code, and the shelf is empty afterwards."""
    cases: list[tuple[dict[str, Any], tuple[int, str]]] = [
        ({"data": {"language": "en"}, "files": form(CLIP, field="audio")}, (400, "missing_audio")),
        ({"files": form(*[CLIP] * 6)}, (400, "bad_request")),
        ({"files": form(CLIP, bytes(LIMITS.upload_bytes + 1))}, (413, "upload_too_large")),
        ({"files": form(CLIP), "data": {"langauge": "en"}}, (400, "unsupported_option")),
        ({"files": form(CLIP), "data": {"stream": "true"}}, (400, "unsupported_option")),
        ({"files": form(CLIP), "data": {"language": "Klingon"}}, (400, "unknown_language")),
        ({"files": form(CLIP), "data": {"timestamp_granularities[]": "word"}}, (400, "no_word_times")),
        ({"files": form(CLIP), "data": {"model": "other"}}, (404, "model_not_found")),
        ({"files": form(CLIP), "data": {"webhook": "http://127.0.0.1/"}}, (400, "bad_request")),
        ({"files": form(CLIP), "data": {"metadata": "no JSON"}}, (400, "bad_request")),
        ({"files": form(CLIP), "params": {"language": "en"}}, (400, "unsupported_option")),
        ({"files": form(CLIP), "headers": {"Idempotency-Key": "x" * 256}}, (400, "bad_request")),
        ({"json": {"paths": ["/etc/passwd"]}}, (403, "not_permitted")),
        ({"json": {"language": "en"}}, (400, "missing_audio")),
        ({"content": b"[]", "headers": {"Content-Type": "application/json"}}, (400, "bad_request")),
        ({"content": b'{"file": "a.wav"}', "headers": {"Content-Type": "application/json"}}, (400, "bad_request")),
        ({"files": form(CLIP), "data": {"name": "n" * 256}}, (400, "bad_request")),
        ({"files": form(CLIP), "data": {"name": "two\nlines"}}, (400, "bad_request")),
        ({"content": b'{"name": "\\ud800"}', "headers": {"Content-Type": "application/json"}}, (400, "bad_request")),
        ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, (400, "bad_request")),
    ]

    async def conversation(client: httpx.AsyncClient) -> None:
        for more, expected in cases:
            assert refusal(await client.post("/v1/jobs", **more)) == expected, more
        assert (await client.get("/v1/jobs")).json()["data"] == []

    world.talk(conversation)
    assert not list((world.folder / "state" / "recordings").glob("job_*"))


@pytest.mark.slow
def test_questions_that_make_no_sense_are_refused_by_name(world: JobWorld) -> None:
    """Ids that no job has, queries that no route has, values that are none."""

    async def conversation(client: httpx.AsyncClient) -> None:
        for path in ("/v1/jobs/x", "/v1/jobs/job_%00", "/v1/jobs/job_0", "/v1/jobs?after=x", "/v1/jobs/job_0/results"):
            assert refusal(await client.get(path)) == (404, "job_not_found"), path
        for path in ("/v1/jobs?limit=0", "/v1/jobs?limit=101", "/v1/jobs?limit=x", "/v1/jobs/job_0?files=yes"):
            assert refusal(await client.get(path)) == (400, "bad_request"), path
        for path in ("/v1/jobs?page=1", "/v1/jobs?limit=1&limit=2"):
            assert refusal(await client.get(path)) == (400, "unsupported_option"), path
        assert refusal(await client.post("/v1/jobs/job_0/cancel")) == (404, "job_not_found")
        assert refusal(await client.delete("/v1/jobs/job_0")) == (404, "job_not_found")

    world.talk(conversation)


@pytest.mark.slow
def test_a_job_belongs_to_the_key_that_made_it(world: JobWorld) -> None:
    """For another key it does not exist; an admin sees all; an idempotency key is the owner's own."""

    async def conversation(client: httpx.AsyncClient) -> None:
        a, b, admin = ({"Authorization": f"Bearer {name}"} for name in ("a", "b", "admin"))
        same = {"Idempotency-Key": "k"}
        made = await client.post("/v1/jobs", files=form(CLIP), headers=a | same)
        again = await client.post("/v1/jobs", files=form(CLIP), headers=a | same)
        other = await client.post("/v1/jobs", files=form(CLIP), headers=b | same)
        assert (made.status_code, again.status_code, other.status_code) == (201, 200, 201)
        job_id = made.json()["id"]
        assert again.json()["id"] == job_id != other.json()["id"]
        for path in (f"/v1/jobs/{job_id}", f"/v1/jobs/{job_id}/results", f"/v1/jobs/{job_id}/files/0/result"):
            assert refusal(await client.get(path, headers=b)) == (404, "job_not_found")
        assert refusal(await client.post(f"/v1/jobs/{job_id}/cancel", headers=b)) == (404, "job_not_found")
        seen = {
            name: {one["id"] for one in (await client.get("/v1/jobs", headers=who)).json()["data"]}
            for name, who in (("a", a), ("b", b), ("admin", admin))
        }
        assert seen == {"a": {job_id}, "b": {other.json()["id"]}, "admin": {job_id, other.json()["id"]}}
        for one in (job_id, other.json()["id"]):
            while (await client.get(f"/v1/jobs/{one}", headers=admin)).json()["ended_at"] is None:
                await asyncio.sleep(0.01)

    world.talk(conversation)
    assert sorted(world.admission.charged) == [("key_a", 0.5), ("key_b", 0.5)]


@pytest.mark.slow
def test_paths_are_taken_where_they_are_allowed(world: JobWorld) -> None:
    """As JSON and in a form, together with files."""
    folder = world.folder / "calls"
    folder.mkdir()
    (folder / "a.raw").write_bytes(CLIP)
    world.jobs_config = JobsConfig(paths=str(folder))

    async def conversation(client: httpx.AsyncClient) -> None:
        path = str(folder / "a.raw")
        by_json = await client.post("/v1/jobs", json={"paths": [path], "metadata": {"a": "b"}})
        by_form = await client.post("/v1/jobs", files=form(CLIP), data={"paths[]": path})
        assert [answer.status_code for answer in (by_json, by_form)] == [201, 201], by_json.text
        assert [one["name"] for one in by_form.json()["files"]] == ["0.raw", path]
        for answer in (by_json, by_form):
            assert (await ended(client, answer.json()["id"]))["state"] == "done"
        assert refusal(await client.post("/v1/jobs", json={"paths": ["/etc/passwd"]})) == (403, "not_permitted")

    world.talk(conversation)


def test_an_upload_that_breaks_off_leaves_nothing(world: JobWorld) -> None:
    """The client leaves in the middle of its second file."""

    async def conversation(client: httpx.AsyncClient) -> None:
        whole = client.build_request("POST", "/v1/jobs", files=form(CLIP, bytes(500_000)))
        body = await whole.aread()

        async def half() -> AsyncIterator[bytes]:
            yield body[:300_000]
            raise ConnectionError("gone")

        with pytest.raises(ConnectionError):
            await client.post("/v1/jobs", content=half(), headers={"Content-Type": whole.headers["Content-Type"]})
        shelf = world.folder / "state" / "recordings"
        while list(shelf.glob("job_*")):
            await asyncio.sleep(0.01)
        assert (await client.get("/v1/jobs")).json()["data"] == []

    world.talk(conversation)


def test_a_server_without_jobs_says_so() -> None:
    """501, with a code that clients can switch on."""
    assert refusal(ask(World(), "GET", "/v1/jobs")) == (501, "not_offered")
