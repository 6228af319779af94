"""What the log says of a request: one line at its end, with figures and codes and without a word of its text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
from structlog.testing import capture_logs

from harken.errors import EngineFailed, UndecodableAudio
from tests.api.world import CLIP, World, ask, talk
from tests.transcribe.fakes import INFO, FakeRecognizer, file, silence, speech


def _of(log: list[Any], request_id: str) -> list[Mapping[str, Any]]:
    return [line for line in log if line.get("request_id") == request_id]


def test_a_finished_request_is_one_line_with_its_figures() -> None:
    """Who, where, how long, by whom and by what; the text is only counted."""
    with capture_logs() as log:
        answer = ask(
            World(), "POST", "/asr", files={"audio": ("a.wav", CLIP)}, headers={"X-Request-Id": "mine"}
        )  # fmt: skip
    (line,) = _of(log, "mine")
    assert (line["event"], line["path"], line["model"]) == ("request.done", "/asr", INFO.name)
    assert (line["audio_s"], line["segments"], line["instances"]) == (0.5, 1, "asr-1")
    assert line["chars"] == len(answer.json()["text"]) and line["wall_s"] >= 0
    assert answer.json()["text"] not in json.dumps(line)


def test_a_failed_request_is_one_line_with_its_code() -> None:
    """A client's mistake, and a failure of the model whose name was known by then."""
    world = World(recognizer=FakeRecognizer(errors={0: EngineFailed()}))
    with capture_logs() as log:
        ask(World(), "POST", "/asr", headers={"X-Request-Id": "wrong"})
        ask(world, "POST", "/asr", files={"audio": ("a.wav", CLIP)}, headers={"X-Request-Id": "failed"})
    (wrong,), (failed,) = _of(log, "wrong"), _of(log, "failed")
    assert (wrong["event"], wrong["code"], wrong["path"]) == ("request.failed", "missing_audio", "/asr")
    assert (failed["event"], failed["code"], failed["model"]) == ("request.failed", "engine_failed", INFO.name)
    assert min(wrong["wall_s"], failed["wall_s"]) >= 0


def test_a_stream_that_fails_after_its_beginning_is_one_line_too() -> None:
    """Its status said 200."""
    world = World(recognizer=FakeRecognizer(errors={1: UndecodableAudio()}))
    clip = file(speech(1.0), silence(1.0), speech(1.0))
    with capture_logs() as log:
        answer = ask(
            world,
            "POST",
            "/v1/audio/transcriptions",
            files={"file": ("a.wav", clip)},
            data={"stream": "true"},
            headers={"X-Request-Id": "streamed"},
        )
    (line,) = [line for line in _of(log, "streamed") if line["event"].startswith("request.")]
    assert (line["event"], line["code"], line["path"]) == (
        "request.failed",
        "undecodable_audio",
        "/v1/audio/transcriptions",
    )
    assert (answer.status_code == 200) == line.get("has_begun", False)


def test_a_client_that_left_is_one_line() -> None:
    """With how long it waited."""
    world = World(recognizer=FakeRecognizer(gate=asyncio.Event()))

    async def conversation(client: httpx.AsyncClient) -> None:
        asking = asyncio.ensure_future(
            client.post("/asr", files={"audio": ("a.wav", CLIP)}, headers={"X-Request-Id": "gone"})
        )
        await world.recognizer.arrived.wait()
        asking.cancel()
        await world.recognizer.left.wait()

    with capture_logs() as log:
        talk(world, conversation)
    (line,) = _of(log, "gone")
    assert (line["event"], line["path"], line["model"]) == ("request.cancelled", "/asr", INFO.name)
    assert line["wall_s"] >= 0
