"""POST /asr, as the deployment guide's reader calls it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import httpx
import pytest

from harken.types import Transcript
from tests.api.world import CLIP, World, ask, ask_all, talk
from tests.transcribe.fakes import FakeRecognizer, capped, file, silence, speech


def post(files: Any = None, *, world: World | None = None, **rest: object) -> httpx.Response:
    """One call."""
    return ask(world or World(), "POST", "/asr", files=files, **rest)


def test_a_file_gives_text_language_and_status() -> None:
    """Exactly these three keys: the guide's clients read them."""
    answer = post({"audio": ("a.wav", CLIP)})
    assert answer.status_code == 200
    assert answer.json() == {"text": "part 0", "language": "English", "status": "success"}
    assert answer.headers["content-type"] == "application/json"


def test_the_language_field_forces_a_language_and_auto_does_not() -> None:
    """Names and codes in any case; auto, empty and absent all detect."""
    world = World()
    spellings = ("Chinese", "ZH", "auto", "")
    forms = [{"files": {"audio": CLIP}, "data": {"language": spelling}} for spelling in spellings]
    assert {answer.status_code for answer in ask_all(world, "POST", "/asr", forms)} == {200}
    assert [options.language for _, options in world.recognizer.seen] == ["Chinese", "Chinese", None, None]


def test_chinese_text_is_answered_as_it_is() -> None:
    """UTF-8, not escaped, so that a terminal shows it."""
    world = World(
        recognizer=FakeRecognizer(answer=lambda s, o: Transcript(text="你好", language="Chinese", audio_s=1.0))
    )
    answer = post({"audio": CLIP}, world=world)
    assert "你好" in answer.content.decode()


def test_a_silent_recording_is_a_success_without_text_or_language() -> None:
    """Silence is no error."""
    answer = post({"audio": file(silence(3.0))})
    assert answer.json() == {"text": "", "language": "", "status": "success"}
    assert "x-harken-instance" not in answer.headers


def test_the_answer_names_its_instances_and_says_when_words_may_be_missing() -> None:
    """Two headers: who it was, once each; and the token cap, only if it was reached."""
    long = post({"audio": file(speech(0.5), silence(0.5), speech(0.5), silence(0.5), speech(0.5))})
    assert long.headers["x-harken-instance"] == "asr-1,asr-2"
    assert "x-harken-incomplete" not in long.headers
    cut = post({"audio": CLIP}, world=World(recognizer=FakeRecognizer(answer=capped)))
    assert cut.headers["x-harken-incomplete"] == "true"


def test_without_a_file_the_answer_is_400() -> None:
    """The guide's own rule, in each way of sending none."""
    for answer in ask_all(World(), "POST", "/asr", [{}, {"data": {"language": "auto"}}, {"json": {"audio": "x"}}]):
        assert answer.status_code == 400
        assert set(answer.json()) == {"error", "code"}


def test_a_field_that_does_not_exist_is_refused() -> None:
    """A misspelt language must not silently mean auto."""
    answer = post({"audio": CLIP}, data={"lang": "en"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unsupported_option")
    assert "'lang'" in answer.json()["error"]


def test_a_file_in_another_field_is_pointed_to_the_right_one() -> None:
    """The message names both."""
    answer = post({"file": CLIP})
    assert (answer.status_code, answer.json()["code"]) == (400, "missing_audio")
    assert "'file'" in answer.json()["error"]
    assert "'audio'" in answer.json()["error"]


def test_a_second_file_is_refused_as_such() -> None:
    """In the same field or another: the first one was fine, so no audio is missing."""
    for second in ("audio", "x"):
        answer = post([("audio", ("a.wav", CLIP)), (second, ("b.wav", CLIP))])
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
        assert "One file per request" in answer.json()["error"]


@pytest.mark.slow
def test_a_query_parameter_is_refused() -> None:
    """`/asr?language=zh` must not silently mean auto."""
    answer = ask(World(), "POST", "/asr?language=zh", files={"audio": CLIP})
    assert (answer.status_code, answer.json()["code"]) == (400, "unsupported_option")
    assert "'language'" in answer.json()["error"]


@pytest.mark.slow
def test_every_answer_has_a_request_id_and_a_clients_own_is_kept() -> None:
    """On success, on refusal, and where there is no route."""

    async def conversation(client: httpx.AsyncClient) -> None:
        for method, path in (("POST", "/asr"), ("GET", "/nowhere"), ("GET", "/health")):
            for sent, kept in (("mine-1", True), ("two words", False), ("", False)):
                answer = await client.request(method, path, headers={"X-Request-Id": sent})
                found = answer.headers["x-request-id"]
                assert (found == sent) if kept else found.startswith("req_")

    talk(World(), conversation)


def test_the_request_id_reaches_the_recognizer() -> None:
    """One name from the client to the instance's log."""
    world = World()
    post({"audio": CLIP}, world=world, headers={"X-Request-Id": "mine-2"})
    assert world.recognizer.seen[0][0].request_id == "mine-2"


def test_nobody_reads_along_so_no_text_is_sent_on_the_way() -> None:
    """It would forbid another try elsewhere, for nothing."""
    sent: list[str] = []

    def stream(answer: Transcript) -> list[str]:
        sent.append(answer.text)
        return sent

    assert post({"audio": CLIP}, world=World(recognizer=FakeRecognizer(stream=stream))).status_code == 200
    assert sent == []


def test_a_server_without_a_service_answers_503_and_says_when_to_come_back() -> None:
    """It listens before it can transcribe."""
    answer = post({"audio": CLIP}, world=World(has_service=False))
    assert (answer.status_code, answer.json()["code"]) == (503, "no_ready_instance")
    assert int(answer.headers["retry-after"]) >= 1


def test_a_draining_server_takes_nothing_new_and_finishes_what_it_has() -> None:
    """The door closes; the pieces of an accepted recording are still recognised."""
    world = World()

    async def conversation(client: httpx.AsyncClient) -> tuple[httpx.Response, httpx.Response]:
        world.recognizer.gate = asyncio.Event()
        accepted = asyncio.create_task(client.post("/asr", files={"audio": file(*[speech(0.5), silence(0.1)] * 10)}))
        await world.recognizer.arrived.wait()
        world.becomes("draining", is_ready=False)
        refused = await client.post("/asr", files={"audio": CLIP})
        world.recognizer.gate.set()
        return await accepted, refused

    accepted, refused = talk(world, conversation)
    assert (refused.status_code, refused.json()["code"]) == (503, "draining")
    assert accepted.status_code == 200
    assert len(world.recognizer.seen) == 10


@pytest.mark.slow
def test_many_at_once_do_not_mix() -> None:
    """Each client gets the text of its own recording."""
    world = World()
    world.recognizer.answer = lambda segment, options: Transcript(
        text=f"{segment.samples[0]:.0f}", language="English", audio_s=segment.audio_s
    )

    async def conversation(client: httpx.AsyncClient) -> list[str]:
        jobs = [client.post("/asr", files={"audio": file(speech(0.5, float(number)))}) for number in range(1, 61)]
        return [answer.json()["text"] for answer in await asyncio.gather(*jobs)]

    assert talk(world, conversation) == [str(number) for number in range(1, 61)]


def test_health_speaks_the_guides_words() -> None:
    """`status`, a time with its zone, and the instance's name that the guide's checklist greps for."""
    answer = ask(World(), "GET", "/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "healthy"
    assert answer.json()["instance"] == "asr-1"
    assert datetime.fromisoformat(answer.json()["timestamp"]).tzinfo is not None


def test_an_instance_with_an_odd_name_does_not_break_the_header() -> None:
    """Commas part names, and headers are ASCII."""
    world = World()
    world.recognizer.answer = lambda segment, options: Transcript(text="", language="", audio_s=1.0, instance="asr,ü 1")
    assert post({"audio": CLIP}, world=world).headers["x-harken-instance"] == "asr???1"
