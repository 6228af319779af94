"""The plain protocol, over real sockets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import pytest

from harken.errors import EngineFailed, SessionExpired
from harken.live.events import Completed, Ended, Failed, Text
from harken.live.settings import TurnRule
from harken.transcribe.result import Flag
from harken.types import TokenLogprob, Word
from tests.api.live.speaking import Speaking, all_told, dial, kinds, pcm, refused, say, speak, told

pytestmark = pytest.mark.slow


def test_what_happens_is_told_in_order_with_growing_numbers() -> None:
    """A turn that the server finds, a turn that fails, and the end."""
    world = Speaking()

    async def story(url: str) -> tuple[list[dict[str, Any]], int]:
        async with dial(f"{url}/v1/listen") as client:
            first = await told(client)
            await client.send(pcm(0.5))
            await world.session.hear_turn()
            await world.session.tell(Failed(turn=2, error=EngineFailed()))
            await say(client, "finish")
            messages, code = await all_told(client)
            return [first, *messages], code

    messages, code = speak(world, story)
    assert kinds(messages) == [
        "session", "speech_started", "text", "text", "speech_stopped", "committed", "text", "completed", "failed",
        "text", "committed", "text", "completed",
    ]  # fmt: skip
    assert [message["n"] for message in messages] == list(range(13)) and code == 1000
    assert messages[0] == {"n": 0, "type": "session", "session": "secret-0", "received_s": 0.0, "resumed": False}
    assert messages[2] == {"n": 2, "type": "text", "turn": 1, "delta": "one", "tentative": " tow", "stable": 0}
    text = {"text": "one two three", "language": "English"}
    assert messages[7] == {"n": 7, "type": "completed", "turn": 1, **text, "start_s": 0.25, "end_s": 1.5}
    assert messages[8]["code"] == "engine_failed" and messages[8]["turn"] == 2
    assert world.session.log[-1] == "leave", "what did not arrive can be asked for again"


def test_settings_are_read_from_the_query() -> None:
    """Names and codes of languages; the figures of turns in milliseconds; none."""
    world = Speaking()

    async def story(url: str) -> None:
        asked = "language=en&prompt=Harken&threshold=0.7&silence_duration_ms=300&prefix_padding_ms=100"
        async with dial(f"{url}/v1/listen?{asked}") as client:
            await told(client)
        async with dial(f"{url}/v1/listen?turn_detection=none&language=auto&logprobs=True&words=false") as client:
            await told(client)

    speak(world, story)
    assert world.live is not None
    first, second = (session.settings for session in world.live.sessions)
    assert (first.options.language, first.options.context) == ("English", "Harken")
    assert first.turns == TurnRule(threshold=0.7, prefix_padding_s=0.1, silence_s=0.3)
    assert (second.options.language, second.turns) == (None, None)
    assert [options.wants_logprobs for options in (first.options, second.options)] == [False, True]


def test_a_text_brings_what_was_asked_for() -> None:
    """Words and tokens where they were wanted, warnings where there are any."""
    world = Speaking()
    whole = Completed(
        turn=1, text="one", language="English", start_s=1.0, end_s=2.0,
        words=(Word(text="one", start_s=1.25, end_s=1.5),),
        logprobs=(TokenLogprob(token="one", logprob=-0.5, bytes=tuple(b"one")),),
        warnings=(Flag(code="loop_unresolved", message="So.", start_s=1.0, end_s=2.0),),
    )  # fmt: skip

    async def story(url: str) -> dict[str, Any]:
        async with dial(f"{url}/v1/listen") as client:
            await told(client)
            await world.session.tell(whole)
            return await told(client)

    message = speak(world, story)
    assert message["words"] == [{"word": "one", "start_s": 1.25, "end_s": 1.5}]
    assert message["logprobs"] == [{"token": "one", "logprob": -0.5, "bytes": [111, 110, 101]}]
    assert message["warnings"] == [{"code": "loop_unresolved", "message": "So.", "start_s": 1.0, "end_s": 2.0}]


WRONG_QUERIES = [
    ("lanugage=en", "lanugage"),
    ("language=Klingon", "language"),
    ("sample_rate=0", "sample_rate"),
    ("threshold=2", "threshold"),
    ("threshold=nan", "threshold"),
    ("threshold=0_1", "threshold"),
    ("silence_duration_ms=soon", "silence_duration_ms"),
    ("turn_detection=semantic_vad", "turn_detection"),
    ("turn_detection=none&threshold=0.5", "threshold"),
    ("encoding=opus", "encoding"),
    ("sample_rate=16k", "sample_rate"),
    ("sample_rate=7", "sample_rate"),
    ("encoding=g711_ulaw&sample_rate=16000", "sample_rate"),
    ("language=en&language=de", "language"),
    ("after=3", "after"),
    ("session=x&after=-1", "after"),
    ("session=x&language=en", "language"),
    ("words=maybe", "words"),
    ("words=true", "words"),
    ("session=x&logprobs=true", "logprobs"),
    ("prompt=" + "x" * 7000 + "&session=x", "prompt"),
]


def test_what_cannot_be_honoured_is_refused_by_name() -> None:
    """Before the handshake is answered, in the shape of every error."""

    async def story(url: str) -> list[tuple[int, Any]]:
        answers = [await refused(f"{url}/v1/listen?{query}") for query, _ in WRONG_QUERIES]
        return [(status, error["param"]) for status, error in answers]

    assert speak(Speaking(), story) == [(400, field) for _, field in WRONG_QUERIES]


@pytest.mark.parametrize(
    ("encoding", "rate", "sound"),
    [("pcm16", 16_000, pcm(1)), ("pcm16", 48_000, pcm(1, 48_000)), ("g711_alaw", 8_000, b"\xd5" * 8000)],
)
def test_bytes_become_the_same_seconds_however_they_are_cut(encoding: str, rate: int, sound: bytes) -> None:
    """Also where a sample is cut in two; what resampling holds comes with the end."""
    world = Speaking()

    async def story(url: str) -> None:
        for size in (len(sound), 333):
            async with dial(f"{url}/v1/listen?encoding={encoding}&sample_rate={rate}") as client:
                for begin in range(0, len(sound), size):
                    await client.send(sound[begin : begin + size])
                await say(client, "finish")
                _, code = await all_told(client)
                assert code == 1000

    speak(world, story)
    assert world.live is not None
    whole, cut = (session.sound for session in world.live.sessions)
    assert len(whole) == 16_000
    np.testing.assert_array_equal(whole, cut)


def test_commit_and_clear_do_what_they_say() -> None:
    """And a commit of nothing is an error that ends nothing."""
    world = Speaking()

    async def story(url: str) -> list[dict[str, Any]]:
        async with dial(f"{url}/v1/listen?turn_detection=none") as client:
            await told(client)
            await say(client, "commit")
            wrong = await told(client)
            await client.send(pcm(0.5))
            await say(client, "clear")
            await say(client, "commit")
            cleared = [await told(client), await told(client)]
            await client.send(pcm(0.5))
            await say(client, "commit")
            return [wrong, *cleared, *[await told(client) for _ in range(4)]]

    messages = speak(world, story)
    assert kinds(messages) == ["error", "cleared", "error", "text", "committed", "text", "completed"]
    assert messages[0]["code"] == messages[2]["code"] == "empty_audio"
    assert (messages[4]["start_s"], messages[4]["end_s"]) == (0.5, 1.0)


def test_half_a_sample_goes_with_what_is_cleared_or_committed() -> None:
    """What follows is whole samples again, and not noise."""
    world = Speaking()
    sound = (1000 * np.arange(8000) % 7000).astype("<i2").tobytes()

    async def story(url: str) -> None:
        async with dial(f"{url}/v1/listen?turn_detection=none") as client:
            await told(client)
            for kind in ("clear", "commit"):
                await client.send(sound + b"\x7f")
                await say(client, kind)
            await client.send(sound)
            await say(client, "finish")
            await all_told(client)

    speak(world, story)
    third = world.session.sound[-8000:]
    np.testing.assert_array_equal(np.round(third * 32_768).astype("<i2"), np.frombuffer(sound, "<i2"))


WRONG_TEXTS = [
    "",
    "hello",
    "[]",
    "null",
    '{"type": "commit", "now": true}',
    '{"type": 7}',
    '{"type": "clear", "\\ud800": 1}',
    "[" * 100_000,
    '{"type": "Commit"}',
]


def test_a_text_that_is_no_message_is_an_error_and_the_socket_stays() -> None:
    """Text where only three messages are known."""

    async def story(url: str) -> list[dict[str, Any]]:
        async with dial(f"{url}/v1/listen") as client:
            await told(client)
            for text in WRONG_TEXTS:
                await client.send(text)
            await say(client, "finish")
            messages, code = await all_told(client)
            assert code == 1000
            return messages

    messages = speak(Speaking(), story)
    assert kinds(messages) == ["error"] * len(WRONG_TEXTS)
    assert {message["code"] for message in messages} == {"bad_request", "unsupported_option"}


def test_why_the_server_ends_it_is_told_before_the_close() -> None:
    """With its code, also as the reason of the close."""
    world = Speaking()

    async def story(url: str) -> tuple[list[dict[str, Any]], int, str | None]:
        async with dial(f"{url}/v1/listen") as client:
            await told(client)
            await world.session.tell(Ended(error=SessionExpired()))
            messages, code = await all_told(client)
            return messages, code, client.close_reason

    messages, code, reason = speak(world, story)
    assert (kinds(messages), messages[0]["code"], code, reason) == (
        ["error"],
        "session_expired",
        1008,
        "session_expired",
    )


def test_a_client_comes_back_and_gets_what_it_missed() -> None:
    """After the last event that it saw; and is told how much of its audio had arrived."""
    world = Speaking()

    async def story(url: str) -> list[dict[str, Any]]:
        client = await dial(f"{url}/v1/listen")
        session = (await told(client))["session"]
        await client.send(pcm(0.75))
        await world.session.hear_turn()
        seen = [await told(client) for _ in range(3)]
        client.transport.abort()
        async with asyncio.timeout(10):
            while "leave" not in world.session.log:
                await asyncio.sleep(0.001)
        async with dial(f"{url}/v1/listen?session={session}&after={seen[-1]['n']}") as again:
            return [*seen, *[await told(again) for _ in range(5)]]

    messages = speak(world, story)
    assert messages[3] == {"n": 3, "type": "session", "session": "secret-0", "received_s": 0.75, "resumed": True}
    assert [message["n"] for message in messages] == [1, 2, 3, 3, 4, 5, 6, 7]
    assert world.session.log == ["leave", "resume", "close"]


def test_a_session_that_is_resumed_leaves_its_old_connection() -> None:
    """A connection may be dead without the server knowing; it must not take the session with it."""
    world = Speaking()

    async def story(url: str) -> tuple[int, dict[str, Any]]:
        async with dial(f"{url}/v1/listen") as old:
            await told(old)
            async with dial(f"{url}/v1/listen?session=secret-0") as new:
                await told(new)
                _, code = await all_told(old)
                await world.session.hear_turn()
                return code, await told(new)

    code, first = speak(world, story)
    assert (code, first["type"], world.session.log) == (1008, "speech_started", ["resume", "resume", "close"])


def test_a_session_that_is_not_there_cannot_be_resumed() -> None:
    """Nor can one whose events are not kept so far back."""

    async def story(url: str) -> tuple[int, dict[str, Any], list[dict[str, Any]], int]:
        status, error = await refused(f"{url}/v1/listen?session=nobodys")
        async with dial(f"{url}/v1/listen") as client:
            await told(client)
        async with dial(f"{url}/v1/listen?session=secret-0&after=99") as client:
            return status, error, *await all_told(client)

    status, error, messages, code = speak(Speaking(), story)
    assert (status, error["code"]) == (404, "session_unknown")
    assert (kinds(messages), messages[-1]["code"], code) == (["session", "error"], "session_unknown", 1008)


def test_every_message_is_one_line_of_json() -> None:
    """As documented, and not escaped into ASCII."""
    world = Speaking()

    async def story(url: str) -> str | bytes:
        async with dial(f"{url}/v1/listen") as client:
            return await client.recv()

    text = speak(world, story)
    assert isinstance(text, str) and "\n" not in text and json.loads(text)["type"] == "session"


def test_an_answer_has_the_number_of_what_was_told_before_it() -> None:
    """Also where it was made while an event waited to be sent: numbers never fall, and by them a client comes back."""
    world = Speaking()

    async def story(url: str) -> list[dict[str, Any]]:
        async with dial(f"{url}/v1/listen") as client:
            messages = [await told(client)]
            for _ in range(200):
                await world.session.tell(Text(turn=1, delta="one", tentative=""))
                await say(client, "ping")
            while len(messages) < 401:
                messages.append(await told(client))
            return messages

    messages = speak(world, story)
    numbers = [message["n"] for message in messages]
    assert numbers == sorted(numbers) and numbers[-1] == 200
    assert kinds(messages).count("pong") == 200
