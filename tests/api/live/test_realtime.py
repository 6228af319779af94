"""OpenAI's realtime API, over real sockets and with OpenAI's own SDK."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import openai
import pytest

from harken.errors import EngineFailed, SessionIdle, UnknownLanguage, UnsupportedOption
from harken.live.events import Ended, Failed
from harken.live.settings import TurnRule
from tests.api.live.speaking import (
    Speaking,
    all_told,
    base64_of,
    dial,
    kinds,
    pcm,
    refused,
    say,
    speak,
    told,
)

pytestmark = pytest.mark.slow

DOOR = "/v1/realtime?intent=transcription"
LOGPROBS = "item.input_audio_transcription.logprobs"
TRANSCRIPTION = "conversation.item.input_audio_transcription"


def heard(**audio: Any) -> dict[str, Any]:
    """A session as today's API has it."""
    return {"type": "transcription", "audio": {"input": audio}}


def test_a_turn_is_told_with_openais_names_in_openais_order() -> None:
    """Found by the server, then one committed by hand; the items know what stands before them."""
    world = Speaking()

    async def story(url: str) -> list[dict[str, Any]]:
        async with dial(f"{url}{DOOR}") as client:
            await say(client, "input_audio_buffer.append", audio=base64_of(pcm(0.5, 24_000)))
            messages = [await told(client)]
            await world.session.hear_turn()
            messages += [await told(client) for _ in range(9)]
            await say(client, "input_audio_buffer.commit", event_id="mine")
            return messages + [await told(client) for _ in range(6)]

    messages = speak(world, story)
    assert kinds(messages) == [
        "session.created",
        "input_audio_buffer.speech_started",
        f"{TRANSCRIPTION}.delta",
        f"{TRANSCRIPTION}.delta",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        f"{TRANSCRIPTION}.delta",
        f"{TRANSCRIPTION}.completed",
        f"{TRANSCRIPTION}.delta",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        f"{TRANSCRIPTION}.delta",
        f"{TRANSCRIPTION}.completed",
    ]
    started, first, stopped, committed, added, completed = (messages[place] for place in (1, 2, 4, 5, 6, 9))
    item = started["item_id"]
    assert item.startswith("item_") and item.endswith("_1") and "secret" not in item
    assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (250, 1500)
    assert (first["delta"], first["tentative"], first["content_index"]) == ("one", " tow", 0)
    assert {message["item_id"] for message in (first, stopped, committed, completed)} == {item}
    assert committed["previous_item_id"] is None and added["item"]["id"] == item
    assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    assert completed["transcript"] == "".join(messages[place]["delta"] for place in (2, 3, 8)) == "one two three"
    assert completed["usage"] == {"type": "duration", "seconds": 1.25}
    assert completed["languages"] == [{"code": "en", "name": "English"}]
    assert messages[11]["previous_item_id"] == item
    assert len({message["event_id"] for message in messages}) == len(messages)
    assert [message["event_id"] for message in messages[5:8]] == ["event_5", "event_5_1", "event_5_2"]


def test_the_beta_has_its_own_names() -> None:
    """For those who say so in the handshake, and from the first event that only the beta has."""
    world = Speaking()

    async def story(url: str) -> list[dict[str, Any]]:
        beta = {"OpenAI-Beta": "realtime=v1"}
        async with dial(f"{url}{DOOR}", additional_headers=beta) as client:
            messages = [await told(client)]
            session: dict[str, Any] = {
                "input_audio_format": "g711_ulaw",
                "input_audio_transcription": {"model": "whisper-1", "language": "en", "prompt": "Harken"},
                "turn_detection": {"type": "server_vad", "threshold": 0.4},
                "input_audio_noise_reduction": None,
                "include": [LOGPROBS],
            }
            await say(client, "transcription_session.update", session=session)
            await say(client, "input_audio_buffer.append", audio=base64_of(b"\xff" * 4000))
            messages.append(await told(client))
            await say(client, "input_audio_buffer.commit")
            return messages + [await told(client) for _ in range(3)]

    messages = speak(world, story)
    assert kinds(messages) == [
        "transcription_session.created", "transcription_session.updated", f"{TRANSCRIPTION}.delta",
        "input_audio_buffer.committed", "conversation.item.created",
    ]  # fmt: skip
    updated = messages[1]["session"]
    assert updated["include"] == [LOGPROBS] and world.session.settings.options.wants_logprobs
    assert updated["input_audio_format"] == "g711_ulaw"
    assert updated["input_audio_transcription"] == {"model": "whisper-1", "language": "en", "prompt": "Harken"}
    assert updated["turn_detection"] == {
        "type": "server_vad", "threshold": 0.4, "prefix_padding_ms": 300, "silence_duration_ms": 500,
    }  # fmt: skip
    assert len(world.session.sound) == 8000


def test_an_update_changes_what_it_names_and_leaves_the_rest() -> None:
    """And tells back all that is in force."""
    world = Speaking()

    async def story(url: str) -> list[dict[str, Any]]:
        async with dial(f"{url}{DOOR}") as client:
            shown = [(await told(client))["session"]]
            for session in (
                heard(format={"type": "audio/pcm", "rate": 16000}, transcription={"language": "de", "prompt": "A"}),
                heard(turn_detection={"type": "server_vad", "silence_duration_ms": 900}, format={"type": "audio/pcm"}),
                heard(turn_detection=None, transcription={"prompt": None, "keywords": ["Harken", "ASR"]}),
                {**heard(format={"type": "audio/pcmu"}), "include": [LOGPROBS]},
                {**heard(format={}), "audio": None},
            ):
                await say(client, "session.update", session=session)
                updated = await told(client)
                assert updated["type"] == "session.updated", updated
                shown.append(updated["session"])
            return shown

    told_back = speak(world, story)
    shown = [session["audio"]["input"] for session in told_back]
    assert [session["include"] for session in told_back] == [None] * 4 + [[LOGPROBS]] * 2
    assert shown[0]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert shown[0]["turn_detection"]["silence_duration_ms"] == 500
    assert (shown[1]["format"]["rate"], shown[1]["transcription"]["language"]) == (16000, "de")
    assert shown[2]["format"]["rate"] == 16000
    assert (shown[2]["turn_detection"]["silence_duration_ms"], shown[2]["transcription"]["prompt"]) == (900, "A")
    assert (shown[3]["turn_detection"], shown[3]["transcription"]["prompt"]) == (None, "")
    assert shown[4]["format"] == {"type": "audio/pcmu"} and shown[5] == shown[4]
    settings = world.session.settings
    assert (settings.turns, settings.options.language, settings.options.context) == (None, "German", "Harken, ASR")


IN = "session.audio.input"


WRONG_SESSIONS: list[tuple[object, str]] = [
    (7, "session"),
    ({"type": "realtime"}, "session.type"),
    ({"input_audio_format": "pcm16"}, "session.input_audio_format"),
    ({"instructions": "be nice"}, "session.instructions"),
    ({"include": ["item.input_audio_transcription.words"]}, "session.include"),
    ({"include": True}, "session.include"),
    ({"audio": {"output": {}}}, "session.audio.output"),
    ({"audio": 3}, "session.audio"),
    ({"audio": 0}, "session.audio"),
    ({"audio": []}, "session.audio"),
    ({"audio": {"input": ""}}, "session.audio.input"),
    ({"include": 0}, "session.include"),
    (heard(turn_detection={"type": "server_vad", "threshold": "0.5"}), f"{IN}.turn_detection.threshold"),
    (heard(format={"type": "audio/opus"}), f"{IN}.format.type"),
    (heard(format={"type": "audio/pcm", "rate": 7}), f"{IN}.format.rate"),
    (heard(format={"type": "audio/pcm", "rate": True}), f"{IN}.format.rate"),
    (heard(format={"type": "audio/pcm", "rate": -16000}), f"{IN}.format.rate"),
    (heard(format={"type": "audio/pcm", "rate": 0}), f"{IN}.format.rate"),
    (heard(format={"type": "audio/pcmu", "rate": 24000}), f"{IN}.format.rate"),
    (heard(noise_reduction={"type": "near_field"}), f"{IN}.noise_reduction"),
    (heard(transcription=None), f"{IN}.transcription"),
    (heard(transcription={"language": "tlh"}), f"{IN}.transcription.language"),
    (heard(transcription={"language": 3}), f"{IN}.transcription.language"),
    (heard(transcription={"model": "gpt-4o-transcribe"}), f"{IN}.transcription.model"),
    (heard(transcription={"prompt": "x" * 50_000}), f"{IN}.transcription.prompt"),
    (heard(transcription={"delay": "low"}), f"{IN}.transcription.delay"),
    (heard(transcription={"languages": ["en", "de"]}), f"{IN}.transcription.languages"),
    (heard(turn_detection={"type": "semantic_vad"}), f"{IN}.turn_detection.type"),
    (heard(turn_detection={"type": "server_vad", "threshold": 2}), f"{IN}.turn_detection.threshold"),
    (heard(turn_detection={"type": "server_vad", "create_response": True}), f"{IN}.turn_detection.create_response"),
    (heard(turn_detection={"idle_timeout_ms": 6000}), f"{IN}.turn_detection.idle_timeout_ms"),
    (heard(turn_detection="server_vad"), f"{IN}.turn_detection"),
]


def test_an_update_that_cannot_be_honoured_changes_nothing() -> None:
    """It is refused as a whole, by the path of the field, with the client's own name of the event."""
    world = Speaking()

    async def story(url: str) -> list[dict[str, Any]]:
        async with dial(f"{url}{DOOR}") as client:
            before = (await told(client))["session"]
            answers = []
            for session, param in WRONG_SESSIONS:
                await say(client, "session.update", event_id=param, session=session)
                answers.append(await told(client))
            await say(client, "session.update", session={})
            assert (await told(client))["session"] == before
            return answers

    for answer, (_, param) in zip(speak(world, story), WRONG_SESSIONS, strict=True):
        assert answer["type"] == "error", (param, answer)
        told_of = answer["error"]
        assert (told_of["type"], told_of["param"], told_of["event_id"]) == ("invalid_request_error", param, param)
    assert (world.session.settings.turns, world.session.log) == (TurnRule(), ["change", "close"])


WRONG_EVENTS: list[tuple[str | bytes, str, str | None]] = [
    (b"\x00\x01", "bad_request", None),
    ("", "bad_request", None),
    ("[]", "bad_request", None),
    ("{", "bad_request", None),
    ("[" * 100_000, "bad_request", None),
    ('{"type": 7}', "bad_request", "type"),
    ("{}", "bad_request", "type"),
    ('{"type": "input_audio_buffer.apend"}', "bad_request", "type"),
    ('{"type": "response.create"}', "unsupported_option", "type"),
    ('{"type": "input_audio_buffer.append"}', "bad_request", "audio"),
    ('{"type": "input_audio_buffer.append", "audio": 3}', "bad_request", "audio"),
    ('{"type": "input_audio_buffer.append", "audio": "AAA"}', "bad_request", "audio"),
    ('{"type": "input_audio_buffer.append", "audio": "AA AA"}', "bad_request", "audio"),
    ('{"type": "input_audio_buffer.append", "audio": "ÄÄÄÄ"}', "bad_request", "audio"),
    ('{"type": "input_audio_buffer.clear", "all": true}', "unsupported_option", "all"),
    ('{"type": "input_audio_buffer.clear", "event_id": 4}', "bad_request", "event_id"),
    ('{"type": "session.update"}', "bad_request", "session"),
    ('{"type": "input_audio_buffer.clear", "event_id": "\\ud800"}', "bad_request", None),
    ('{"type": "input_audio_buffer.clear", "\\udfff": 1}', "bad_request", None),
    ('{"type": "input_audio_buffer.clear", "a": ' + "9" * 5000 + "}", "bad_request", None),
    ('{"type": "input_audio_buffer.commit"}', "empty_audio", None),
]


def test_a_wrong_event_is_answered_and_the_socket_stays() -> None:
    """Whatever it is: the next event is heard."""

    async def story(url: str) -> list[tuple[Any, ...]]:
        async with dial(f"{url}{DOOR}") as client:
            await told(client)
            for message, _, _ in WRONG_EVENTS:
                await client.send(message)
            await say(client, "input_audio_buffer.clear")
            answers = [await told(client) for _ in WRONG_EVENTS]
            assert (await told(client))["type"] == "input_audio_buffer.cleared"
            return [(answer["error"]["code"], answer["error"]["param"]) for answer in answers]

    assert speak(Speaking(), story) == [(code, param) for _, code, param in WRONG_EVENTS]


def test_what_the_session_refuses_is_told_and_nothing_is_in_force() -> None:
    """The door asks the session before it believes itself."""
    world = Speaking()

    async def story(url: str) -> list[dict[str, Any]]:
        async with dial(f"{url}{DOOR}") as client:
            await told(client)
            world.session.refusal = UnknownLanguage()
            await say(client, "session.update", session=heard(format={"type": "audio/pcma"}))
            refusal = await told(client)
            world.session.refusal = UnsupportedOption("The context is too long.", field="prompt")
            await say(client, "session.update", session=heard(transcription={"prompt": "much"}))
            long = await told(client)
            world.session.refusal = None
            await say(client, "session.update", session={})
            return [refusal, long, await told(client)]

    refusal, long, updated = speak(world, story)
    assert refusal["error"]["code"] == "unknown_language"
    assert long["error"]["param"] == "session.audio.input.transcription.prompt"
    assert updated["session"]["audio"]["input"]["format"]["type"] == "audio/pcm"


def test_odd_bytes_wait_and_appends_may_be_tiny() -> None:
    """Ten thousand appends of one byte are five thousand samples."""
    world = Speaking()
    sound = np.arange(5000, dtype="<i2").tobytes()

    async def story(url: str) -> None:
        async with dial(f"{url}{DOOR}") as client:
            await told(client)
            await say(client, "session.update", session=heard(format={"type": "audio/pcm", "rate": 16000}))
            await told(client)
            for byte in sound:
                await say(client, "input_audio_buffer.append", audio=base64_of(bytes([byte])))
            await say(client, "input_audio_buffer.clear")
            assert (await told(client))["type"] == "input_audio_buffer.cleared"

    speak(world, story)
    np.testing.assert_array_equal(world.session.sound, np.arange(5000, dtype=np.float32) / 32768)


def test_a_failed_turn_and_the_end_are_told() -> None:
    """A turn fails alone; the session's end is an error event and a close."""
    world = Speaking()

    async def story(url: str) -> tuple[list[dict[str, Any]], int]:
        async with dial(f"{url}{DOOR}") as client:
            await told(client)
            await world.session.tell(Failed(turn=1, error=EngineFailed()), Ended(error=SessionIdle("No audio came.")))
            return await all_told(client)

    (failed, error), code = speak(world, story)
    assert failed["type"] == f"{TRANSCRIPTION}.failed"
    assert failed["error"] == {
        "message": "The engine failed on this segment.", "type": "server_error", "param": None, "code": "engine_failed",
    }  # fmt: skip
    assert (error["type"], error["error"]["code"], code) == ("error", "session_idle", 1008)


WRONG_CALLS = [
    ("", "intent"),
    ("?model=gpt-realtime", "intent"),
    ("?intent=conversation", "intent"),
    ("?intent=transcription&model=gpt-4o-transcribe", "model"),
    ("?intent=transcription&call_id=7", "call_id"),
]


def test_other_intents_and_models_are_refused_in_the_handshake() -> None:
    """Only transcription, and only with the model that is served."""

    async def story(url: str) -> list[str]:
        answers = [await refused(f"{url}/v1/realtime{query}") for query, _ in WRONG_CALLS]
        assert {status for status, _ in answers} == {400, 404}
        return [error["param"] for _, error in answers]

    assert speak(Speaking(), story) == [param for _, param in WRONG_CALLS]


def test_a_client_comes_back_to_its_format_and_its_items() -> None:
    """What it set is in force still, and the items have the same names."""
    world = Speaking()

    async def story(url: str) -> list[dict[str, Any]]:
        client = await dial(f"{url}{DOOR}")
        session = (await told(client))["session"]["id"]
        await say(client, "session.update", session=heard(format={"type": "audio/pcm", "rate": 48000}))
        await told(client)
        await world.session.hear_turn()
        started = await told(client)
        client.transport.abort()
        async with asyncio.timeout(10):
            while "leave" not in world.session.log:
                await asyncio.sleep(0.001)
        after = started["event_id"].removeprefix("event_")
        async with dial(f"{url}{DOOR}&session={session}&after={after}") as again:
            return [started, await told(again), await told(again)]

    started, created, delta = speak(world, story)
    assert created["session"]["audio"]["input"]["format"]["rate"] == 48000
    assert (delta["item_id"], delta["event_id"]) == (started["item_id"], "event_2")


def test_who_spoke_the_beta_is_answered_in_it_when_he_comes_back() -> None:
    """Though his new handshake does not say so; and the connection that he left open is told why it ends."""
    world = Speaking()

    async def story(url: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
        async with dial(f"{url}{DOOR}") as client:
            session = (await told(client))["session"]["id"]
            await say(client, "transcription_session.update", session={"input_audio_format": "g711_alaw"})
            await told(client)
            async with dial(f"{url}{DOOR}&session={session}&after=0") as again:
                created = await told(again)
                messages, code = await all_told(client)
                return [created], messages, code

    (created,), messages, code = speak(world, story)
    assert created["type"] == "transcription_session.created"
    assert created["session"]["input_audio_format"] == "g711_alaw"
    assert [message["error"]["code"] for message in messages] == ["session_unknown"] and code == 1008


def test_openais_sdk_transcribes() -> None:
    """Its typed events, its session.update, its append, commit and clear; nothing that it cannot parse."""
    world = Speaking()

    async def story(url: str) -> list[Any]:
        client = openai.AsyncOpenAI(api_key="sk-none", base_url=f"{url.replace('ws', 'http', 1)}/v1")
        events: list[Any] = []
        async with client, client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
            events.append(await connection.recv())
            await connection.session.update(
                session={
                    "type": "transcription",
                    "audio": {
                        "input": {
                            "format": {"type": "audio/pcm", "rate": 24000},
                            "transcription": {"model": "whisper-1", "language": "en"},
                            "turn_detection": {"type": "server_vad", "silence_duration_ms": 400},
                        }
                    },
                }
            )
            events.append(await connection.recv())
            await connection.input_audio_buffer.append(audio=base64_of(pcm(0.5, 24_000)))
            await world.session.hear_turn()
            events += [await connection.recv() for _ in range(9)]
            await connection.input_audio_buffer.commit()
            events += [await connection.recv() for _ in range(6)]
            await connection.input_audio_buffer.clear()
            await connection.input_audio_buffer.commit()
            events += [await connection.recv() for _ in range(2)]
        return events

    events = speak(world, story)
    # The SDK falls back to plain data where an event is not what it knows.
    assert all(type(event).__module__.startswith("openai.types.realtime") for event in events)
    for event in events:
        json.dumps(type(event).model_validate(event.to_dict()).to_dict())
    assert events[0].session.type == "transcription"
    assert events[-2].type == "input_audio_buffer.cleared" and events[-1].error.code == "empty_audio"
    assert world.session.log[-1] == "close"
