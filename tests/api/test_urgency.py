"""Classes and deadlines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.datastructures import Headers

from harken.api.service import Service
from harken.api.urgency import refuse_urgency, requester_of, within
from harken.errors import DeadlineExceeded, HarkenError, NotPermitted, QueueFull, UnsupportedOption
from harken.keys import Key, Mode
from harken.types import Options, Priority, Requester, Segment, Send, Transcript
from tests.api.keyed import KeyedWorld, bearer
from tests.api.world import CLIP, World, ask, serving, talk
from tests.keys.house import KeyHouse, key_house
from tests.transcribe.fakes import FakeRecognizer, file, silence, speech

LIVE, INTERACTIVE, BATCH = Priority


def key(highest: Priority) -> Key:
    """A key of that class."""
    return Key(id="key_1", name="bob", prefix="hk_", created_at=0.0, priority=highest)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[KeyHouse]:
    """An empty one."""
    with key_house(tmp_path) as found:
        yield found


@pytest.mark.parametrize(
    ("highest", "wanted", "got"),
    [
        (None, "", INTERACTIVE),
        (None, "live", LIVE),
        (None, " LIVE ", LIVE),
        (None, "batch", BATCH),
        (LIVE, "", INTERACTIVE),
        (LIVE, "live", LIVE),
        (INTERACTIVE, "interactive", INTERACTIVE),
        (INTERACTIVE, "batch", BATCH),
        (BATCH, "", BATCH),
        (BATCH, "batch", BATCH),
    ],
)
def test_lower_is_always_allowed_and_higher_only_to_whom_it_was_given(
    highest: Priority | None, wanted: str, got: Priority
) -> None:
    """Without keys anybody may ask for any class."""
    headers = Headers({"x-harken-priority": wanted} if wanted else {})
    assert requester_of(headers, key(highest) if highest else None, 0.0).priority is got


@pytest.mark.parametrize(("highest", "wanted"), [(INTERACTIVE, "live"), (BATCH, "interactive"), (BATCH, "live")])
def test_a_class_above_the_key_s_is_refused_by_name(highest: Priority, wanted: str) -> None:
    """Not lowered in silence."""
    with pytest.raises(NotPermitted, match=f"highest is {highest}") as refused:
        requester_of(Headers({"x-harken-priority": wanted}), key(highest), 0.0)
    assert refused.value.field == "X-Harken-Priority"


def test_the_deadline_counts_from_the_head() -> None:
    """In seconds of the clock."""
    assert requester_of(Headers({"x-harken-deadline": "2.5"}), None, 100.0).deadline == 102.5
    assert requester_of(Headers(), None, 100.0) == Requester()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Harken-Priority", "urgent"),
        ("X-Harken-Priority", "live, batch"),
        ("X-Harken-Priority", ""),
        ("X-Harken-Priority", "  "),
        *(
            ("X-Harken-Deadline", value)
            for value in ("", " ", "0", "-1", "nan", "inf", "1e3", "1_000", "2s", "0.0", "9" * 12)
        ),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(name: str, value: str) -> None:
    """A header that is misspelt must not mean another class in silence."""
    with pytest.raises(UnsupportedOption) as refused:
        requester_of(Headers({name: value}), None, 0.0)
    assert refused.value.field == name
    assert refused.value.status == 400


def test_a_misspelt_class_is_answered_with_the_word_that_was_meant() -> None:
    """As a client would write it."""
    with pytest.raises(UnsupportedOption, match="did you mean 'batch'"):
        requester_of(Headers({"X-Harken-Priority": "batchh"}), None, 0.0)


def test_a_header_that_was_given_twice_is_refused() -> None:
    """Which one is meant?"""
    headers = Headers(raw=[(b"x-harken-deadline", b"1"), (b"x-harken-deadline", b"2")])
    with pytest.raises(UnsupportedOption, match="twice"):
        requester_of(headers, None, 0.0)


def test_jobs_are_in_no_hurry() -> None:
    """What says so too is honoured, anything else refused."""
    refuse_urgency(Headers({"x-harken-priority": "Batch"}))
    refuse_urgency(Headers())
    for headers in ({"x-harken-priority": "live"}, {"x-harken-deadline": "9"}, {"x-harken-priority": ""}):
        with pytest.raises(UnsupportedOption):
            refuse_urgency(Headers(headers))


def test_a_block_ends_with_its_deadline_and_other_time_outs_stay_what_they_are() -> None:
    """Only the deadline is called so."""

    async def scene() -> None:
        with pytest.raises(DeadlineExceeded):
            async with within(time.monotonic()):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            async with within(time.monotonic() + 60):
                raise TimeoutError
        async with within(None):
            pass

    asyncio.run(scene())


def test_class_and_deadline_reach_every_segment(house: KeyHouse) -> None:
    """By both routes, with the key."""
    made, secret = house.book.add("captions", priority=LIVE)
    _, plain = house.book.add("plain")
    world = KeyedWorld(admission=house.admission(Mode.REQUIRED))

    async def conversation(client: httpx.AsyncClient) -> list[httpx.Response]:
        urgent = {"X-Harken-Priority": "live", "X-Harken-Deadline": "30"}
        return [
            await client.post("/asr", files={"audio": CLIP}, headers=bearer(secret) | urgent),
            await client.post("/v1/audio/transcriptions", files={"file": CLIP}, headers=bearer(secret) | urgent),
            await client.post("/asr", files={"audio": CLIP}, headers=bearer(plain) | urgent),
        ]

    answers = talk(world, conversation)
    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert answers[2].json()["code"] == "not_permitted"
    for segment, _ in world.recognizer.seen:
        assert (segment.requester.key, segment.requester.priority) == (made.id, LIVE)
        assert segment.requester.deadline is not None
        assert 0 < segment.requester.deadline - time.monotonic() < 30


@pytest.mark.slow
def test_when_the_deadline_comes_all_work_for_it_ends() -> None:
    """A 504, and nothing is left in the recognizer; in OpenAI's shape it says that trying again is of no use."""
    recognizer = FakeRecognizer()

    async def conversation(client: httpx.AsyncClient) -> httpx.Response:
        recognizer.gate = asyncio.Event()
        return await client.post(
            "/v1/audio/transcriptions", files={"file": CLIP}, headers={"X-Harken-Deadline": "0.05"}
        )

    answer = talk(World(recognizer=recognizer), conversation)
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert answer.headers["x-should-retry"] == "false"
    assert recognizer.cancelled == 1


def test_an_upload_that_takes_longer_than_the_deadline_ends() -> None:
    """The deadline counts from the head, not from the end of the body."""

    async def scene() -> bytes:
        async with asyncio.timeout(20), serving(World().app()) as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            writer.write(
                b"POST /asr HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\nX-Harken-Deadline: 0.05\r\n"
                b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
            )
            head = await reader.readuntil(b"\r\n\r\n")
            writer.close()
            await writer.wait_closed()
        return head

    assert asyncio.run(scene()).startswith(b"HTTP/1.1 504")


def test_on_a_stream_that_has_begun_the_deadline_is_an_event() -> None:
    """Its status is gone by then; what came before stays."""

    class OnlyTheFirst(FakeRecognizer):
        async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
            if segment.index > 0:
                await asyncio.Event().wait()
            return await super().recognize(segment, options, send)

    two = file(speech(0.8), silence(0.4), speech(0.8))
    answer = ask(
        World(recognizer=OnlyTheFirst()),
        "POST",
        "/v1/audio/transcriptions",
        files={"file": two},
        data={"stream": "true"},
        headers={"X-Harken-Deadline": "0.2"},
    )
    assert answer.status_code == 200
    assert '"delta": "part"' in answer.text
    assert '"code": "deadline_exceeded"' in answer.text.rpartition("data: ")[2]


@pytest.mark.parametrize(
    ("name", "value"), [("X-Harken-Priority", "urgent"), ("X-Harken-Priority", ""), ("X-Harken-Deadline", "")]
)
def test_a_bad_header_is_told_as_the_param(name: str, value: str) -> None:
    """In OpenAI's shape."""
    answer = ask(World(), "POST", "/v1/audio/transcriptions", files={"file": CLIP}, headers={name: value})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, name)


@dataclass
class FullWorld(World):
    """A server whose queue is full for all but live requests."""

    def provider(self) -> Service:
        """With a refusal."""

        def refusal(requester: Requester) -> HarkenError | None:
            return None if requester.priority is LIVE else QueueFull(retry_after_s=7)

        service = super().provider()
        assert service is not None
        return Service(
            name=service.name,
            transcriber=service.transcriber,
            recognizer=service.recognizer,
            health=service.health,
            limits=service.limits,
            refusal=refusal,
        )


def test_what_would_be_refused_is_refused_by_its_head() -> None:
    """The answer is there before a byte of the body was sent; who would be let in is."""
    world = FullWorld()

    async def scene() -> tuple[bytes, int]:
        async with asyncio.timeout(20), serving(world.app()) as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            writer.write(
                b"POST /asr HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n"
                b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
            )
            head = await reader.readuntil(b"\r\n\r\n")
            writer.close()
            await writer.wait_closed()
            async with httpx.AsyncClient(base_url=url) as client:
                live = await client.post("/asr", files={"audio": CLIP}, headers={"X-Harken-Priority": "live"})
        return head.lower(), live.status_code

    head, live = asyncio.run(scene())
    assert head.startswith(b"http/1.1 503")
    assert b"retry-after: 7\r\n" in head
    assert live == 200
