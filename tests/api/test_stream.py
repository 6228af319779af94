"""`stream=true`: events while the recording is transcribed, one end, and errors that a client can tell apart."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from typing import Any

import httpx
from starlette.types import Message

from harken.api.feed import Feed
from harken.api.stream import EventStream
from harken.errors import EngineFailed, HarkenError, UndecodableAudio
from harken.transcribe.result import RecordingTranscript
from harken.types import Finish, Options, Segment, TokenLogprob, Transcript
from tests.api.world import CLIP, World, ask, talk
from tests.transcribe.fakes import FakeRecognizer, file, silence, speech

PATH = "/v1/audio/transcriptions"
LONG = file(speech(0.8), silence(0.4), speech(0.8), silence(0.4), speech(0.8))


def events(text: str) -> list[dict[str, Any]]:
    """The events of a stream, comments left out."""
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    assert all(block.startswith("data: ") for block in blocks), text
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


def stream(upload: bytes, world: World | None = None, **fields: Any) -> httpx.Response:
    """One streamed call."""
    return ask(world or World(), "POST", PATH, files={"file": upload}, data={"stream": "true", **fields})


def test_deltas_come_first_and_together_are_the_text() -> None:
    """Then one `done` with all of it, and what a plain answer would have had."""
    answer = stream(LONG)
    *deltas, done = events(answer.text)
    assert {event["type"] for event in deltas} == {"transcript.text.delta"}
    assert "".join(event["delta"] for event in deltas) == "part 0 part 1 part 2"
    plain = ask(World(), "POST", PATH, files={"file": LONG}).json()
    assert done == {"type": "transcript.text.done", **plain}


def test_the_head_tells_proxies_to_pass_events_on() -> None:
    """Or they arrive all at once at the end."""
    headers = stream(CLIP).headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-cache", "no")
    assert "content-length" not in headers
    assert headers["x-request-id"].startswith("req_")


def test_text_may_be_streamed_too_and_log_probabilities_come_at_the_end() -> None:
    """The events are the same for `text`."""
    assert events(stream(CLIP, response_format="text").text)[-1]["text"] == "part 0"
    assert events(stream(CLIP, None, **{"include[]": "logprobs"}).text)[-1]["logprobs"] == []


def test_deltas_have_their_log_probabilities_where_those_are_included() -> None:
    """As OpenAI's; all together are those of `done`, and spell the text. Otherwise there are none."""
    world = World()

    def answer(segment: Segment, options: Options) -> Transcript:
        assert options.wants_logprobs
        token = TokenLogprob(token="nine", logprob=-0.5, bytes=tuple(b"nine"))
        return Transcript(text="nine", language="English", audio_s=segment.audio_s, logprobs=(token,))

    world.recognizer.answer = answer
    *deltas, done = events(stream(LONG, world, **{"include[]": "logprobs"}).text)
    assert [one for event in deltas for one in event["logprobs"]] == done["logprobs"]
    for event in deltas:
        assert "".join(one["token"] for one in event["logprobs"]) == event["delta"]
    assert "".join(one["token"] for one in done["logprobs"]) == done["text"] == "nine nine nine"
    assert all("logprobs" not in event for event in events(stream(LONG).text))


def test_silence_is_one_event() -> None:
    """Nothing to tell, and an end."""
    (done,) = events(stream(file(silence(2.0))).text)
    assert (done["type"], done["text"]) == ("transcript.text.done", "")


def test_what_may_be_missing_is_said_in_the_last_event() -> None:
    """A stream's head is out long before anybody knows."""
    world = World()
    world.recognizer.answer = lambda segment, options: Transcript(
        text="and so on", language="English", audio_s=segment.audio_s, finish=Finish.LENGTH
    )
    done = events(stream(CLIP, world).text)[-1]
    assert done["warnings"][0]["code"] == "length_unresolved"


def test_what_is_wrong_before_the_first_event_is_an_ordinary_answer() -> None:
    """With its status: the form, the audio, the engine."""
    assert stream(CLIP, response_format="srt").status_code == 400
    assert stream(b"odd").json()["error"]["code"] == "undecodable_audio"
    failed = stream(CLIP, World(recognizer=FakeRecognizer(errors={0: UndecodableAudio()})))
    assert (failed.status_code, failed.json()["error"]["param"]) == (400, "file")


def test_a_failure_after_the_first_event_is_the_last_event() -> None:
    """The status is gone, so the error comes in the stream, in the shape that SDKs look for; then the stream ends."""
    world = World(recognizer=FakeRecognizer(errors={1: UndecodableAudio("its second half is no audio")}))
    answer = stream(LONG, world)
    assert answer.status_code == 200
    first, *_, last = events(answer.text)
    assert first["type"] == "transcript.text.delta"
    assert (last["type"], last["error"]["code"], last["error"]["param"]) == ("error", "undecodable_audio", "file")
    assert "transcript.text.done" not in answer.text


def test_a_client_that_leaves_ends_the_work() -> None:
    """Its segments would take slots from those who wait."""
    world = World()

    async def conversation(client: httpx.AsyncClient) -> None:
        world.recognizer.gate = asyncio.Event()
        call = asyncio.create_task(client.post(PATH, files={"file": CLIP}, data={"stream": "true"}))
        await world.recognizer.arrived.wait()
        call.cancel()
        await world.recognizer.left.wait()

    talk(world, conversation)
    assert world.recognizer.cancelled == 1


class Work:
    """Stands for a transcription: tells its text when it is told to, and ends so."""

    request_id = "r1"

    def __init__(self, told: list[str], error: Exception | None = None) -> None:
        self.told = told
        self.error = error
        self.go = asyncio.Event()

    @property
    def wanted(self) -> Any:
        """No log-probabilities."""
        return type("Wanted", (), {"has_logprobs": False})

    def log_failure(self, error: HarkenError) -> None:
        """Is told of it once the answer has begun."""
        assert error is self.error

    async def run(self, feed: Feed) -> RecordingTranscript:
        """Tell, wait, end."""
        for text in self.told:
            feed.text(text, ())
        feed.progress(1.5, 60.0)
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return RecordingTranscript(text="one", language="", languages=(), audio_s=60.0, segments=())


async def play(work: Work, quiet_s: float, comments: int) -> str:
    """What goes out while the work waits for so many comments; a reader who never leaves."""
    told: list[str] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        told.append(message.get("body", b"").decode())
        if sum(text.startswith(":") for text in told) >= comments:
            work.go.set()

    await EventStream(work, ExitStack(), quiet_s=quiet_s)({"type": "http"}, receive, send)  # type: ignore[arg-type]
    return "".join(told)


def test_a_quiet_stream_is_kept_alive_and_says_how_far_it_is() -> None:
    """By comments, which every client skips; proxies hang up on silence."""
    told = asyncio.run(play(Work([]), quiet_s=0.01, comments=2))
    assert told.count(": 1.5 of 60.0 s\n\n") >= 2
    assert [event["type"] for event in events(told)] == ["transcript.text.done"]


def test_an_error_after_a_comment_is_an_event() -> None:
    """The head went out with the comment."""
    told = asyncio.run(play(Work([], EngineFailed("broken")), quiet_s=0.01, comments=1))
    assert [event["type"] for event in events(told)] == ["error"]


def test_text_that_waits_is_sent_as_one_delta() -> None:
    """A slow reader gets fewer and longer ones, and nothing is lost between the last delta and the end."""
    told = asyncio.run(play(Work(["o", "n", "e"]), quiet_s=10.0, comments=0))
    assert [event.get("delta") for event in events(told)] == ["one", None]
