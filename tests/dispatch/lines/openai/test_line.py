"""One segment to one real server with OpenAI's audio API, and every way in which that ends."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from structlog.testing import capture_logs

from harken.dispatch.lines.failures import ConnectionLost, Refused, Unreached
from harken.dispatch.lines.line import Missed
from harken.dispatch.lines.openai.line import OpenAILine
from harken.dispatch.lines.openai.request import wav_of
from harken.dispatch.lines.proof import Proof
from harken.dispatch.lines.session import open_session
from harken.dispatch.lines.upstream import Upstream
from harken.errors import (
    CanaryFailed,
    Draining,
    HarkenError,
    InstanceFailed,
    NoReadyInstance,
    NoWordTimes,
    QueueFull,
    Unavailable,
    UnknownLanguage,
)
from harken.testing.clock import FakeClock
from harken.types import Finish, Options, Priority, Requester, Segment, Send, Transcript, Word
from harken.wire import InstanceState, Job
from tests.dispatch.house import run
from tests.dispatch.instances import make_segment
from tests.dispatch.openai_server import OpenAIServer, Script, expected_text, serving

SECRET = "sk-very-secret"


def nobody(_text: str) -> None:
    """Nobody reads."""


def job_of(segment: Segment | None = None, *, wants_deltas: bool = False, **options: object) -> Job:
    """A job with some wishes."""
    return Job(segment=segment or make_segment(), options=Options(**options), wants_deltas=wants_deltas)  # type: ignore[arg-type]


@asynccontextmanager
async def line_to(
    server: OpenAIServer,
    *,
    clock: FakeClock | None = None,
    key: str = "",
    model: str = "",
    logs_text: bool = False,
) -> AsyncIterator[OpenAILine]:
    """A line to a running server that has been looked at once."""
    async with serving(server), open_session() as session:
        upstream = Upstream(name="up", url=server.url, key=key, model=model)
        line = OpenAILine(upstream, session, Proof(samples=make_segment().samples), clock=clock, logs_text=logs_text)
        await line.look(2.0)
        yield line


def recognized(
    server: OpenAIServer, job: Job, send: Send = nobody, *, key: str = "", logs_text: bool = False
) -> Transcript:
    """Have it recognise one segment."""

    async def story() -> Transcript:
        async with line_to(server, key=key, logs_text=logs_text) as line:
            return await line.recognize(job, send)

    return run(story())


def test_a_segment_travels_as_a_wav_and_comes_back_as_a_transcript() -> None:
    """With everything that the client forced, and nothing else."""
    server, segment = OpenAIServer(owner="somebody"), make_segment(seconds=2)
    job = job_of(segment, language="Chinese", context="名字", temperature=0.25)
    transcript = recognized(server, job)
    (asked,) = server.asked
    assert asked.fields == {
        "model": "Qwen/Qwen3-ASR-1.7B",
        "language": "zh",
        "temperature": "0.25",
        "response_format": "json",
        "prompt": "名字",
    }
    assert np.array_equal(asked.samples, np.frombuffer(wav_of(segment.samples)[44:], dtype="<i2"))
    assert transcript == Transcript(text=expected_text(segment), language="Chinese", audio_s=2.0)


def test_a_request_carries_our_name_for_it_and_its_class() -> None:
    """Another Harken logs the one and obeys the other."""
    server = OpenAIServer()
    segment = Segment(
        samples=make_segment().samples, request_id="req_1", index=3, requester=Requester(priority=Priority.BATCH)
    )
    recognized(server, job_of(segment))
    headers = server.asked[0].headers
    assert (headers["X-Request-Id"], headers["X-Harken-Priority"]) == ("req_1.3", "batch")
    assert "Authorization" not in headers


def test_vllm_is_asked_for_a_stream_because_it_tells_the_language_nowhere_else() -> None:
    """And its header is no text."""
    server, said = OpenAIServer(), list[str]()
    transcript = recognized(server, job_of(), said.append)
    assert server.asked[0].fields["stream"] == "true"
    assert (transcript.text, transcript.language) == (expected_text(make_segment()), "English")
    assert said == []


@pytest.mark.parametrize("is_verbose", [False, True])
def test_deltas_are_passed_on_without_the_header(is_verbose: bool) -> None:
    """In vLLM's words and in OpenAI's."""
    said: list[str] = []
    transcript = recognized(OpenAIServer(is_verbose=is_verbose), job_of(wants_deltas=True), said.append)
    assert len(said) == 2
    assert "".join(said) == transcript.text == expected_text(make_segment())
    assert (transcript.language, transcript.finish) == ("English", Finish.STOP)


def test_words_come_from_a_server_that_has_them() -> None:
    """A whisper server, asked as OpenAI's clients do."""
    server = OpenAIServer(is_verbose=True, refuses=frozenset(), owner="speaches")
    transcript = recognized(server, job_of(wants_words=True))
    assert server.asked[0].fields["response_format"] == "verbose_json"
    assert server.asked[0].fields["timestamp_granularities[]"] == "word"
    assert transcript.words == (Word(text="samples", start_s=0.1, end_s=0.4),)


@pytest.mark.parametrize("refuses", [frozenset({"verbose_json"}), frozenset[str]()])
def test_a_server_without_words_is_asked_for_them_once(refuses: frozenset[str]) -> None:
    """Whether it refuses the wish, as vLLM does, or takes it and says nothing; another target may know better."""
    server = OpenAIServer(refuses=refuses)

    async def story() -> None:
        async with line_to(server) as line:
            for _ in range(2):
                with pytest.raises(NoWordTimes) as caught:
                    await line.recognize(job_of(wants_words=True), nobody)
                assert caught.value.retryable

    run(story())
    assert len(server.asked) == 1


@pytest.mark.parametrize("names_refused", [True, False])
def test_an_option_that_is_refused_is_left_out_and_not_asked_for_again(names_refused: bool) -> None:
    """Also where the server does not say which one it was."""
    server = OpenAIServer(refuses=frozenset({"repetition_penalty"}), names_refused=names_refused)
    job = job_of(repetition_penalty=1.15, language="English")

    async def story() -> None:
        async with line_to(server) as line:
            for _ in range(2):
                assert (await line.recognize(job, nobody)).text == expected_text(make_segment())

    run(story())
    assert ["repetition_penalty" in asked.fields for asked in server.asked] == [True, False, False]


@pytest.mark.parametrize("names_refused", [True, False])
def test_a_prompt_that_is_refused_is_left_out_for_its_segment_alone(names_refused: bool) -> None:
    """It was too long; nothing follows for another client's, nor for what was left out in vain before it."""
    server = OpenAIServer(refuses=frozenset({"long"}), names_refused=names_refused)

    async def story() -> None:
        async with line_to(server) as line:
            for prompt in ("long", "short"):
                job = job_of(repetition_penalty=1.15, language="English", context=prompt)
                assert (await line.recognize(job, nobody)).text == expected_text(make_segment())

    run(story())
    assert "prompt" not in server.asked[-2].fields
    last = server.asked[-1].fields
    assert (last["prompt"], last["repetition_penalty"]) == ("short", "1.15")


def test_several_options_that_are_refused_are_learnt_one_by_one() -> None:
    """Each from an answer that came when it alone was left out last."""
    server = OpenAIServer(refuses=frozenset({"repetition_penalty", "include[]"}), names_refused=False)
    job = job_of(repetition_penalty=1.15, language="English", wants_logprobs=True)

    async def story() -> None:
        async with line_to(server) as line:
            for _ in range(3):
                await line.recognize(job, nobody)

    run(story())
    asked = [{"repetition_penalty", "include[]"} & set(asked.fields) for asked in server.asked]
    assert asked == [{"repetition_penalty", "include[]"}, {"include[]"}, set(), {"repetition_penalty"}, set(), set()]


def test_what_a_server_refuses_altogether_teaches_nothing() -> None:
    """A recording that it cannot read says nothing about its options."""
    server = OpenAIServer(script=Script.STATUS, refusal=(400, {}, '{"error": "Invalid audio"}'))

    async def story() -> None:
        async with line_to(server) as line:
            with pytest.raises(InstanceFailed, match="refused the segment"):
                await line.recognize(job_of(repetition_penalty=1.15, language="English"), nobody)
            server.script = Script.ANSWER
            await line.recognize(job_of(repetition_penalty=1.15, language="English"), nobody)

    run(story())
    assert ["repetition_penalty" in asked.fields for asked in server.asked] == [True, False, True]


@pytest.mark.parametrize("logs_text", [False, True])
def test_the_words_of_a_refusal_are_logged_with_transcripts_alone(logs_text: bool) -> None:
    """Some servers repeat the prompt, which is what somebody says. Never the key, and never more than a bit of it."""
    words = f"The prompt 'my own secret' is too long for {SECRET}. " + "x" * 4000
    server = OpenAIServer(script=Script.STATUS, refusal=(400, {}, json.dumps({"error": {"message": words}})))

    async def story() -> None:
        async with line_to(server, key=SECRET, logs_text=logs_text) as line:
            with pytest.raises(InstanceFailed):
                await line.recognize(job_of(), nobody)

    with capture_logs() as log:
        run(story())
    refused = [line for line in log if line["event"] == "upstream.refused"]
    assert refused[-1]["status"] == 400
    assert ("my own secret" in str(log)) is logs_text
    assert SECRET not in str(log)
    assert all(len(str(line)) < 600 for line in refused)


def test_a_restarted_server_is_asked_for_everything_again() -> None:
    """It may be another version."""
    server = OpenAIServer(refuses=frozenset({"repetition_penalty"}))
    job = job_of(repetition_penalty=1.15, language="English")

    async def story() -> None:
        async with line_to(server) as line:
            await line.recognize(job, nobody)
            await server.vanish()
            assert isinstance(await line.look(2.0), Missed)
            server.refuses = frozenset()
            await server.listen()
            await line.look(2.0)
            await line.recognize(job, nobody)

    run(story())
    assert "repetition_penalty" in server.asked[-1].fields


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        (Script.DIE, ConnectionLost, "was lost"),
        (Script.DIE_IN_STREAM, ConnectionLost, "was lost"),
        (Script.STOP_SHORT, InstanceFailed, "without a result"),
        (Script.ERROR_IN_STREAM, InstanceFailed, "in the middle"),
        (Script.GARBAGE, InstanceFailed, "without a transcript"),
        (Script.ENDLESS, InstanceFailed, "too long"),
        (Script.REDIRECT, InstanceFailed, "redirects"),
    ],
)
def test_every_bad_end_is_one_error_in_our_words(script: Script, kind: type[HarkenError], words: str) -> None:
    """Retryable, and without the server's address."""
    server = OpenAIServer(script=script)
    with pytest.raises(HarkenError, match=words) as caught:
        recognized(server, job_of())
    assert type(caught.value) is kind
    assert caught.value.retryable
    assert "127.0.0.1" not in caught.value.message


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        ((500, {}, "Traceback"), InstanceFailed),
        ((502, {}, "<html>"), InstanceFailed),
        ((413, {}, "too large"), Refused),
        ((415, {}, ""), Refused),
        ((422, {}, '{"detail": [{"msg": "no"}]}'), Refused),
        ((401, {}, '{"error": {"message": "sk-very-secret"}}'), Unavailable),
        ((403, {}, ""), Unavailable),
        ((404, {}, ""), Unavailable),
        ((429, {"Retry-After": "7"}, ""), QueueFull),
        ((503, {}, "busy"), QueueFull),
        ((503, {}, '{"error": {"code": "draining", "message": "Bye."}}'), Draining),
        ((503, {}, '{"error": {"code": "no_ready_instance", "message": "Wait."}}'), NoReadyInstance),
    ],
)
def test_statuses_are_mapped_to_what_the_dispatcher_knows(
    refusal: tuple[int, dict[str, str], str], kind: type[HarkenError]
) -> None:
    """None of them is the client's fault, and none of the server's words reach it."""
    with pytest.raises(HarkenError) as caught:
        recognized(OpenAIServer(script=Script.STATUS, refusal=refusal), job_of(), key=SECRET)
    assert type(caught.value) is kind
    assert caught.value.retryable
    assert SECRET not in caught.value.message


def test_a_language_that_is_not_known_there_may_be_known_elsewhere() -> None:
    """It is the client's error in the end, but another target is asked first."""
    server = OpenAIServer(
        script=Script.STATUS, refusal=(400, {}, '{"error": {"message": "Unsupported language: mk", "code": 400}}')
    )
    with pytest.raises(UnknownLanguage) as caught:
        recognized(server, job_of(language="Macedonian"))
    assert caught.value.retryable


def test_nobody_listening_is_unreached() -> None:
    """The segment had no part in it."""

    async def story() -> None:
        async with open_session() as session:
            upstream = Upstream(name="up", url="http://127.0.0.1:9")
            line = OpenAILine(upstream, session, Proof(samples=make_segment().samples))
            with pytest.raises(Unreached, match="cannot be reached"):
                await line.recognize(job_of(), nobody)
            found = await line.look(2.0)
            assert isinstance(found, Missed)
            assert "127.0.0.1" not in found.reason

    run(story())


def test_a_server_that_turned_us_away_is_full_for_as_long_as_it_said() -> None:
    """Whatever its health says meanwhile."""
    server, clock = OpenAIServer(script=Script.STATUS, refusal=(429, {"Retry-After": "7"}, "")), FakeClock()

    async def story() -> None:
        async with line_to(server, clock=clock) as line:
            with pytest.raises(QueueFull):
                await line.recognize(job_of(), nobody)
            assert await state_of(line) == "full"
            clock.advance(7.0)
            assert await state_of(line) == "ready"

    run(story())


NO_MODEL = json.dumps({"error": {"message": "It does not exist.", "code": 404, "param": "model"}})


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [(401, "", "refuses our key"), (404, NO_MODEL, "does not offer this model"), (404, "", "no transcriptions")],
)
def test_a_wrong_key_or_model_makes_the_server_unusable_until_it_is_looked_into_again(
    status: int, body: str, words: str
) -> None:
    """Nobody tells us when it is mended."""
    server, clock = OpenAIServer(script=Script.STATUS, refusal=(status, {}, body)), FakeClock()

    async def story() -> None:
        async with line_to(server, clock=clock) as line:
            with pytest.raises(Unavailable):
                await line.recognize(job_of(), nobody)
            found = await line.look(2.0)
            assert isinstance(found, Missed)
            assert words in found.reason
            clock.advance(30.0)
            assert await state_of(line) == "ready"
            server.script = Script.ANSWER
            await line.recognize(job_of(), nobody)
            assert await state_of(line) == "ready"

    run(story())


async def state_of(line: OpenAILine) -> str:
    """What an answered look says."""
    found = await line.look(2.0)
    assert isinstance(found, InstanceState)
    return found.state


def test_a_key_that_a_server_repeats_does_not_get_into_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor into any error, also where its words are logged."""
    refusal: tuple[int, dict[str, str], str] = (401, {}, f'{{"error": {{"message": "Incorrect API key: {SECRET}"}}}}')
    with pytest.raises(Unavailable):
        recognized(OpenAIServer(script=Script.STATUS, refusal=refusal), job_of(), key=SECRET, logs_text=True)
    out, err = capsys.readouterr()
    assert "Incorrect API key: ***" in out + err
    assert SECRET not in out + err


def test_a_key_travels_with_every_request_and_shows_nowhere() -> None:
    """To looks as to segments."""
    server = OpenAIServer(key=SECRET)
    assert recognized(server, job_of(), key=SECRET).text == expected_text(make_segment())
    assert SECRET not in repr(Upstream(name="up", url=server.url, key=SECRET))


def test_a_caller_that_leaves_closes_the_connection() -> None:
    """So that the server can stop its work."""
    server = OpenAIServer(script=Script.HANG)

    async def story() -> None:
        async with line_to(server) as line:
            task = asyncio.create_task(line.recognize(job_of(), nobody))
            await server.until(lambda: server.running == 1)
            task.cancel()
            await server.until(lambda: server.abandoned == 1)

    run(story())


def test_an_error_of_the_reader_goes_through_as_it_is() -> None:
    """It is not the server's fault."""

    def broken(_text: str) -> None:
        raise TimeoutError("the reader's own")

    with pytest.raises(TimeoutError, match="the reader's own"):
        recognized(OpenAIServer(), job_of(wants_deltas=True), broken)


def test_a_server_proves_itself_with_any_plausible_text() -> None:
    """A checksum is one; nothing at all is none."""
    server = OpenAIServer()

    async def story() -> None:
        async with line_to(server) as line:
            await line.prove()
            server.hears = ""
            with pytest.raises(CanaryFailed, match="recognised nothing"):
                await line.prove()

    run(story())


def test_a_server_is_ready_when_it_has_proved_itself_once() -> None:
    """It answers looks before it can recognise; a canary twice a second would not make it faster."""
    server, clock = OpenAIServer(hears=""), FakeClock()

    async def story() -> None:
        async with line_to(server, clock=clock) as line:
            found = await line.look(2.0)
            assert isinstance(found, Missed)
            assert "recognised nothing" in found.reason
            assert server.proofs == 1
            server.hears = "9 9 5"
            clock.advance(30.0)
            assert [await state_of(line) for _ in range(3)] == ["ready"] * 3
            assert server.proofs == 2

    run(story())


def test_a_server_that_was_away_proves_itself_again() -> None:
    """It may be another one; a look that only took too long is no absence."""
    server = OpenAIServer()

    async def story() -> None:
        async with line_to(server) as line:
            server.is_deaf = True
            assert isinstance(await line.look(0.05), Missed)
            server.is_deaf = False
            assert await state_of(line) == "ready"
            assert server.proofs == 1
            await server.vanish()
            assert isinstance(await line.look(2.0), Missed)
            await server.listen()
            assert await state_of(line) == "ready"
            assert server.proofs == 2

    run(story())


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b""])
def test_what_does_not_speak_http_is_nobody(said: bytes) -> None:
    """Another program has the port: looks miss it, and a segment that gets there is not lost."""

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()
        await writer.wait_closed()

    async def story() -> None:
        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        async with server, open_session() as session:
            upstream = Upstream(name="up", url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            line = OpenAILine(upstream, session, Proof(samples=make_segment().samples))
            assert isinstance(await line.look(2.0), Missed)
            with pytest.raises(InstanceFailed) as caught:
                await line.recognize(job_of(make_segment(seconds=0.1)), nobody)
            assert "127.0.0.1" not in caught.value.message

    run(story())


def test_a_hung_server_is_a_missed_look() -> None:
    """Whose patience is the caller's."""

    async def story() -> InstanceState | Missed:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            async with open_session() as session:
                upstream = Upstream(name="up", url=f"http://127.0.0.1:{deaf.getsockname()[1]}")
                return await OpenAILine(upstream, session, Proof(samples=make_segment().samples)).look(0.1)

    assert run(story()) == Missed(reason="It did not answer within 0.1 s.")


@pytest.mark.parametrize("kind", ["a1;0*", "", ";", "text/event-stream-not; charset=\xff", "=?utf-8?q?a?="])
def test_a_type_that_is_none_does_not_lose_the_answer(kind: str) -> None:
    """Only whether it is a stream is asked of it."""
    server = OpenAIServer(script=Script.STATUS, owner="somebody")
    server.refusal = (200, {"Content-Type": kind}, '{"text": "one two"}')
    assert recognized(server, job_of()).text == "one two"


def test_a_date_that_is_none_is_no_date() -> None:
    """The server is full, and did not say for how long."""
    server = OpenAIServer(script=Script.STATUS)
    server.refusal = (503, {"Retry-After": "Thu, 01 Jan 10000 00:00:00 GMT"}, "")
    with pytest.raises(QueueFull):
        recognized(server, job_of())
