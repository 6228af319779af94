"""The doors over real sessions and a real model: the text that comes live is the text of the same sound as a file."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

import harken
from harken.api.service import Service
from harken.audio import AudioReader
from harken.config import InstanceConfig, LimitsConfig, LiveConfig
from harken.engine.load import load
from harken.live.sessions import Sessions
from harken.transcribe.transcriber import Transcriber
from harken.types import Recognizer
from tests.api.live.speaking import Speaking, all_told, dial, kinds, say, served, told

pytestmark = pytest.mark.slow

SAMPLES = Path(harken.__file__).parent / "samples"


@dataclass
class Recognizing(Speaking):
    """A world with a model.

    Attributes:
        model: recognises.
        transcriber: over the model.
        sessions: likewise.
    """

    model: Recognizer | None = None
    transcriber: Transcriber | None = None
    sessions: Sessions | None = None

    def provider(self) -> Service | None:
        """The service."""
        assert self.model is not None and self.transcriber is not None
        return Service(
            name="asr-1",
            transcriber=self.transcriber,
            recognizer=self.model,
            health=lambda: self.health,
            limits=LimitsConfig(),
            live=self.sessions,
        )


@asynccontextmanager
async def recognizing() -> AsyncIterator[tuple[str, Recognizing]]:
    """A server with the model of digits; gives its http address."""
    loaded = await asyncio.to_thread(load, InstanceConfig(model="digits", threads=1))
    async with AudioReader() as reader, loaded.engine as engine:
        transcriber = Transcriber(engine, reader, LimitsConfig())
        config = LiveConfig(update_s=0.2, hold_s=0.4)
        async with Sessions(engine, engine, transcriber, reader.detector, config).running() as sessions:
            world = Recognizing(model=engine, transcriber=transcriber, sessions=sessions)
            async with served(world) as (server, _):
                yield server.url, world
            assert len(sessions) == 0, "a session was left"


def spoken() -> NDArray[np.int16]:
    """Three recordings with pauses between them, 16 kHz."""
    parts = []
    for name in ("english-01.wav", "english-02.wav", "chinese-01.wav"):
        samples, rate = soundfile.read(SAMPLES / name, dtype="int16")
        parts += [soxr.resample(samples, rate, 16_000), np.zeros(16_000, np.int16)]
    return np.concatenate(parts)


async def as_a_file(url: str, samples: NDArray[np.int16], **fields: str) -> str:
    """The text of the same sound as an upload."""
    return str((await answer_to_a_file(url, samples, **fields))["text"])


async def answer_to_a_file(url: str, samples: NDArray[np.int16], **fields: str) -> dict[str, Any]:
    """The answer to the same sound as an upload."""
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="WAV")
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
        form = {"file": ("a.wav", file.getvalue())}
        answer = await client.post("/v1/audio/transcriptions", files=form, data=fields)
    found: dict[str, Any] = answer.json()
    return found


def test_the_plain_protocol_tells_the_text_of_files() -> None:
    """Each turn says what its samples say as a file; the deltas, joined, are the text."""
    samples = spoken()

    async def run() -> None:
        async with recognizing() as (url, _), dial(url.replace("http", "ws", 1) + "/v1/listen") as client:
            for begin in range(0, len(samples), 1600):
                await client.send(samples[begin : begin + 1600].tobytes())
            await say(client, "finish")
            messages, code = await all_told(client)
            assert code == 1000
            turns = [message for message in messages if message["type"] == "completed"]
            assert len(turns) >= 3
            for turn in turns:
                deltas = [one["delta"] for one in messages if one["type"] == "text" and one["turn"] == turn["turn"]]
                assert "".join(deltas) == turn["text"] != ""
                sound = samples[round(turn["start_s"] * 16_000) : round(turn["end_s"] * 16_000)]
                assert await as_a_file(url, sound) == turn["text"]
            assert {"speech_started", "speech_stopped", "committed", "text", "completed"} < set(kinds(messages))

    asyncio.run(run())


def test_words_and_tokens_are_those_of_a_file() -> None:
    """With their places in the session."""
    samples = spoken()

    async def run() -> None:
        asked = "/v1/listen?words=true&logprobs=true"
        async with recognizing() as (url, _), dial(url.replace("http", "ws", 1) + asked) as client:
            for begin in range(0, len(samples), 1600):
                await client.send(samples[begin : begin + 1600].tobytes())
            await say(client, "finish")
            messages, _ = await all_told(client)
            turns = [message for message in messages if message["type"] == "completed" and message["text"]]
            assert len(turns) >= 3
            for turn in turns:
                sound = samples[round(turn["start_s"] * 16_000) : round(turn["end_s"] * 16_000)]
                form = {"response_format": "verbose_json", "timestamp_granularities[]": "word"}
                file = await answer_to_a_file(url, sound, **form)
                places = [(one["word"], one["start_s"], one["end_s"]) for one in turn["words"]]
                start_s = turn["start_s"]
                expected = [(one["word"], start_s + one["start"], start_s + one["end"]) for one in file["words"]]
                assert [word for word, *_ in places] == [word for word, *_ in expected]
                assert [time for _, *times in places for time in times] == pytest.approx(
                    [time for _, *times in expected for time in times], abs=0.002
                )
                assert "".join(one["token"] for one in turn["logprobs"]) == turn["text"]

    asyncio.run(run())


def test_openais_sdk_transcribes_what_is_spoken() -> None:
    """At OpenAI's 24 kHz, committed by hand: one turn, in OpenAI's order."""
    samples = spoken()[:32_000]
    faster = soxr.resample(samples, 16_000, 24_000).tobytes()

    async def run() -> list[Any]:
        async with recognizing() as (url, _):
            client = openai.AsyncOpenAI(api_key="sk-none", base_url=f"{url}/v1")
            events = []
            async with client, client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
                await connection.session.update(
                    session={
                        "type": "transcription",
                        "include": ["item.input_audio_transcription.logprobs"],
                        "audio": {"input": {"turn_detection": None}},
                    }
                )
                for begin in range(0, len(faster), 4800):
                    audio = base64.b64encode(faster[begin : begin + 4800]).decode()
                    await connection.input_audio_buffer.append(audio=audio)
                await connection.input_audio_buffer.commit()
                async for event in connection:
                    events.append(event)
                    if event.type == "conversation.item.input_audio_transcription.completed":
                        break
            return events

    events = asyncio.run(run())
    completed = events[-1]
    deltas = [event.delta for event in events if event.type == "conversation.item.input_audio_transcription.delta"]
    assert completed.transcript and "".join(deltas) == completed.transcript
    assert completed.usage.seconds == 2.0
    assert "".join(one.token for one in completed.logprobs) == completed.transcript


def test_a_client_that_vanishes_comes_back_to_the_same_text() -> None:
    """It goes on from what had arrived, and misses no event."""
    samples = spoken()

    async def run() -> None:
        async with recognizing() as (url, _):
            door = url.replace("http", "ws", 1) + "/v1/listen"
            client = await dial(door)
            session = (await told(client))["session"]
            await client.send(samples[: len(samples) // 2].tobytes())
            seen = [await told(client)]
            client.transport.abort()
            async with dial(f"{door}?session={session}&after={seen[-1]['n']}") as again:
                back = await told(again)
                assert back["resumed"]
                await again.send(samples[round(back["received_s"] * 16_000) :].tobytes())
                await say(again, "finish")
                messages, code = await all_told(again)
            messages = seen + messages
            assert code == 1000
            assert [one["n"] for one in messages] == list(range(1, len(messages) + 1))
            for turn in (one for one in messages if one["type"] == "completed"):
                sound = samples[round(turn["start_s"] * 16_000) : round(turn["end_s"] * 16_000)]
                assert await as_a_file(url, sound) == turn["text"]

    asyncio.run(run())
