"""Rules of /cluster, /cluster/events, /metrics, and of what the edge tells of recordings."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from harken.api.schema.cluster import CLUSTER_RESPONSES
from harken.errors import InternalError
from harken.events import CANCELLED, Event, RequestBegan, RequestEnded, Span, Stage
from harken.types import Options, Segment, Send, Transcript
from tests.api.keyed import KeyedWorld, bearer
from tests.api.world import CLIP, World, serving
from tests.keys.house import key_house
from tests.transcribe.fakes import FakeRecognizer, file, silence, speech

OPENAI = "/v1/audio/transcriptions"
SCHEMA = CLUSTER_RESPONSES[200]["content"]["application/json"]["schema"]


def ends(events: list[Event]) -> list[RequestEnded]:
    """The ends among them."""
    return [event for event in events if isinstance(event, RequestEnded)]


def test_the_document_is_read_once_and_watched() -> None:
    """Both are the same, and it is not stored anywhere."""

    async def main() -> None:
        async with serving(World().app()) as url, httpx.AsyncClient(base_url=url) as client:
            once = await client.get("/cluster")
            assert once.headers["cache-control"] == "no-store"
            jsonschema_rs.validate(SCHEMA, once.json())
            async with client.stream("GET", "/cluster/events") as stream:
                assert stream.headers["content-type"].startswith("text/event-stream")
                lines = stream.aiter_lines()
                assert await anext(lines) == "event: cluster"
                told = json.loads((await anext(lines)).removeprefix("data: "))
            jsonschema_rs.validate(SCHEMA, told)

    asyncio.run(main())


def test_a_query_parameter_is_refused_by_name() -> None:
    """A misspelt wish must not be ignored."""

    async def main() -> None:
        async with serving(World().app()) as url, httpx.AsyncClient(base_url=url) as client:
            for path in ("/cluster", "/cluster/events", "/metrics"):
                answer = await client.get(path, params={"window": "60"})
                assert (answer.status_code, answer.json()["error"]["param"]) == (400, "window")

    asyncio.run(main())


def test_a_recording_is_told_from_its_beginning_to_its_end() -> None:
    """Its class, its upload, its segment, its audio; and the scrape counts it."""
    world = World()

    async def main() -> str:
        async with serving(world.app()) as url, httpx.AsyncClient(base_url=url) as client:
            headers = {"X-Harken-Priority": "live", "X-Request-Id": "mine"}
            assert (await client.post("/asr", files={"audio": CLIP}, headers=headers)).status_code == 200
            return (await client.get("/metrics")).text

    text = asyncio.run(main())
    began, ended = world.told[0], world.told[-1]
    assert isinstance(began, RequestBegan)
    assert isinstance(ended, RequestEnded)
    assert (began.request_id, began.route, began.priority) == ("mine", "/asr", "live")
    assert (ended.outcome, ended.status, ended.audio_s, ended.first_text_s) == ("done", 200, 0.5, None)
    assert ended.began <= ended.ended
    assert [event.stage for event in world.told if isinstance(event, Span)] == [Stage.UPLOAD, Stage.READ, Stage.SEGMENT]
    assert 'harken_requests_total{class="live",outcome="done",route="/asr"} 1.0' in text


def end_of(world: World, path: str = "/asr", data: dict[str, str] | None = None) -> RequestEnded:
    """What is told of the end of one request."""

    async def main() -> None:
        field = "audio" if path == "/asr" else "file"
        async with serving(world.app()) as url, httpx.AsyncClient(base_url=url) as client:
            await client.post(path, files={field: CLIP}, data=data or {})

    asyncio.run(main())
    (ended,) = ends(world.told)
    return ended


def test_a_stream_has_a_first_text() -> None:
    """From the head of the request."""
    ended = end_of(World(), OPENAI, {"stream": "true"})
    assert ended.first_text_s is not None
    assert 0 < ended.first_text_s <= ended.ended - ended.began


@pytest.mark.parametrize(
    ("data", "outcome"), [({"language": "Klingon"}, "unknown_language"), ({"lang": "zh"}, "unsupported_option")]
)
def test_a_clients_mistake_is_told_with_its_code(data: dict[str, str], outcome: str) -> None:
    """It was let in, and it is no failure of ours."""
    ended = end_of(World(), data=data)
    assert (ended.outcome, ended.status, ended.was_let_in, ended.is_failure) == (outcome, 400, True, False)


def test_who_was_refused_at_the_door_was_never_let_in() -> None:
    """So it is not counted as being in progress."""
    world = World(has_service=False)
    ended = end_of(world)
    assert (ended.outcome, ended.status, ended.was_let_in, ended.is_failure) == ("no_ready_instance", 503, False, True)
    assert not [event for event in world.told if isinstance(event, RequestBegan)]


@pytest.mark.parametrize("data", [{}, {"stream": "true"}])
def test_a_failure_is_ours_before_and_after_the_answer_began(data: dict[str, str]) -> None:
    """A stream's status was 200 already; what is told is the error's."""
    recognizer = FakeRecognizer(errors={1: InternalError()})
    world = World(recognizer=recognizer)

    async def main() -> None:
        async with serving(world.app()) as url, httpx.AsyncClient(base_url=url) as client:
            await client.post(OPENAI, files={"file": file(speech(0.5), silence(1.0), speech(0.5))}, data=data)

    asyncio.run(main())
    (ended,) = ends(world.told)
    assert (ended.outcome, ended.status, ended.is_failure) == ("internal_error", 500, True)


def test_a_deadline_of_the_clients_own_is_no_failure_of_ours() -> None:
    """Whatever its status."""
    world = World(recognizer=FakeRecognizer(gate=asyncio.Event()))

    async def main() -> None:
        async with serving(world.app()) as url, httpx.AsyncClient(base_url=url) as client:
            await client.post("/asr", files={"audio": CLIP}, headers={"X-Harken-Deadline": "0.05"})

    asyncio.run(main())
    (ended,) = ends(world.told)
    assert (ended.outcome, ended.status, ended.is_failure) == ("deadline_exceeded", 504, False)


def test_a_client_that_leaves_is_told_as_cancelled() -> None:
    """That is no failure; how it would have been answered, and how much would have been done, nobody knows."""
    world = World(recognizer=FakeRecognizer(gate=asyncio.Event()))

    async def main() -> dict[str, Any]:
        async with serving(world.app()) as url, httpx.AsyncClient(base_url=url) as client:
            asking = asyncio.create_task(client.post("/asr", files={"audio": CLIP}))
            await world.recognizer.arrived.wait()
            asking.cancel()
            async with asyncio.timeout(5.0):
                while not ends(world.told):
                    await asyncio.sleep(0.001)
            document = (await client.get("/cluster")).json()
            jsonschema_rs.validate(SCHEMA, document)
            told: dict[str, Any] = document["requests"][0]
            return told

    told = asyncio.run(main())
    (ended,) = ends(world.told)
    assert (ended.outcome, ended.is_failure) == (CANCELLED, False)
    assert (told["outcome"], told["status"], told["audio_s"]) == (CANCELLED, None, None)


def test_of_what_could_not_be_decoded_no_audio_was_done() -> None:
    """None, and not no second of it; the status is the error's."""
    world = World()

    async def main() -> dict[str, Any]:
        async with serving(world.app()) as url, httpx.AsyncClient(base_url=url) as client:
            await client.post("/asr", files={"audio": b"no sound at all"})
            told: dict[str, Any] = (await client.get("/cluster")).json()["requests"][0]
            return told

    told = asyncio.run(main())
    assert (told["outcome"], told["status"], told["audio_s"]) == ("undecodable_audio", 400, None)


def test_a_stream_that_its_client_left_keeps_the_status_that_was_answered() -> None:
    """And the audio of the pieces that were done by then."""

    class Half(FakeRecognizer):
        """Recognises first segments alone."""

        async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
            if segment.index:
                await asyncio.Event().wait()
            return await super().recognize(segment, options, send)

    world = World(recognizer=Half())

    async def main() -> None:
        recording = file(speech(0.5), silence(1.0), speech(0.5))
        async with serving(world.app()) as url, httpx.AsyncClient(base_url=url) as client:
            asked = client.stream("POST", OPENAI, files={"file": recording}, data={"stream": "true"})
            async with asked as answer:
                await anext(answer.aiter_lines())
            async with asyncio.timeout(5.0):
                while not ends(world.told):
                    await asyncio.sleep(0.001)

    asyncio.run(main())
    (ended,) = ends(world.told)
    assert (ended.outcome, ended.status) == (CANCELLED, 200)
    assert ended.audio_s is not None
    assert 0.4 < ended.audio_s < 2.0


def test_where_keys_are_needed_the_metrics_want_one_and_the_cluster_an_admins(tmp_path: Path) -> None:
    """From another machine: a program on this one needs none."""
    with key_house(tmp_path) as house:

        async def main() -> None:
            _, plain = house.book.add("plain")
            _, admin = house.book.add("admin", is_admin=True)
            world = KeyedWorld(admission=house.admission())
            far = {"X-Forwarded-For": "203.0.113.7"}  # behind a proxy nobody is local
            async with serving(world.app()) as url, httpx.AsyncClient(base_url=url) as client:
                for path, statuses in (("/metrics", (401, 200, 200)), ("/cluster", (401, 403, 200))):
                    found = [
                        (await client.get(path, headers=far | headers)).status_code
                        for headers in ({}, bearer(plain), bearer(admin))
                    ]
                    assert tuple(found) == statuses, path
                    assert (await client.get(path)).status_code == 200

        asyncio.run(main())
