"""The wire's two routes, on a real instance with the stub for a model."""

from __future__ import annotations

import asyncio
import dataclasses

import httpx
import pytest

from harken.engine.stub import stub_text
from harken.server.instance import Instance
from harken.server.wire_routes import BEAT_S, Intake
from harken.types import ModelInfo, Options, Segment, Send, Transcript
from harken.wire import (
    GATEWAY_HEADER,
    PROVE_PATH,
    RECOGNIZE_PATH,
    STATE_PATH,
    Beat,
    Crowd,
    Delta,
    Done,
    Failed,
    Message,
    pack_job,
    unpack_message,
    unpack_state,
)
from tests.server.running import TIMEOUT_S, Running, job, load_quickly, running, stub_config, stub_instance

HANGS = "stub:hang_on=1"
"""The first segment after the canary never ends."""


async def until_in_flight(server: Running, count: int) -> None:
    """Wait until the instance holds so many segments."""
    async with asyncio.timeout(TIMEOUT_S):
        while (await server.state()).in_flight != count:
            await asyncio.sleep(0.005)


def test_a_segment_comes_back_as_its_transcript() -> None:
    """One line, `Done`, with the right text and the instance's name."""

    async def story() -> None:
        sent = job()
        async with running(stub_instance()) as server:
            await server.wait_state("ready")
            (message,) = await server.recognize(sent)
        assert isinstance(message, Done)
        assert (message.transcript.text, message.transcript.instance) == (stub_text(sent.segment), "asr-1")

    asyncio.run(story())


def test_deltas_join_to_the_text() -> None:
    """Who wants the text as it comes gets all of it, in order, before the end."""

    async def story() -> None:
        async with running(stub_instance()) as server:
            await server.wait_state("ready")
            *pieces, end = await server.recognize(job(wants_deltas=True))
        assert isinstance(end, Done)
        assert "".join(piece.text for piece in pieces if isinstance(piece, Delta)) == end.transcript.text

    asyncio.run(story())


@pytest.mark.slow
def test_a_segment_that_takes_long_sends_beats() -> None:
    """Silence on the line is a sign of a stuck instance, so a working one is never silent."""

    async def story() -> None:
        async with running(stub_instance(stub_config(HANGS, drain_timeout_s=0.1))) as server:
            await server.wait_state("ready")
            async with server.client.stream("POST", RECOGNIZE_PATH, content=pack_job(job())) as answer:
                async with asyncio.timeout(2 * BEAT_S):
                    line = await anext(answer.aiter_lines())
        # It has begun, and is at that for ever.
        assert unpack_message(line.encode()) == Beat(progress=1)

    asyncio.run(story())


@pytest.mark.slow
def test_beats_tell_how_far_a_segment_is() -> None:
    """One that moves on has another number in each, one that waits has none."""

    async def beats(server: Running, seed: int) -> list[Message]:
        sent = pack_job(job(30, seed=seed))
        async with server.client.stream("POST", RECOGNIZE_PATH, content=sent) as answer, asyncio.timeout(4 * BEAT_S):
            lines = answer.aiter_lines()
            return [unpack_message((await anext(lines)).encode()) for _ in range(2)]

    async def story() -> tuple[list[Message], list[Message]]:
        config = stub_config("stub:rtfx=0.5", slots=1, drain_timeout_s=0.1)
        async with running(stub_instance(config)) as server, asyncio.TaskGroup() as group:
            await server.wait_state("ready")
            first = group.create_task(beats(server, 1))
            await until_in_flight(server, 1)
            second = group.create_task(beats(server, 2))
        return first.result(), second.result()

    moving, waiting = asyncio.run(story())
    assert waiting[0] == Beat()
    assert isinstance(moving[0], Beat)
    assert isinstance(moving[1], Beat)
    assert 0 < moving[0].progress < moving[1].progress


def test_an_instance_proves_itself_when_it_is_asked() -> None:
    """Once more right, and its answer ends like that to any segment; then wrong, and it says so by name."""

    async def story() -> None:
        async with running(stub_instance(stub_config("stub:wrong_after=3"))) as server:
            await server.wait_state("ready")
            right, wrong = [(await server.client.post(PROVE_PATH)).content for _ in range(2)]
        end = unpack_message(wrong)
        assert isinstance(unpack_message(right), Done)
        assert isinstance(end, Failed)
        assert end.code == "canary_failed"

    asyncio.run(story())


def test_who_cannot_take_segments_does_not_prove_itself() -> None:
    """The refusal is that of a segment."""

    async def story() -> None:
        async with running(stub_instance(stub_config("stub:wrong_canary=1"))) as server:
            await server.wait_state("broken_at_start")
            answer = await server.client.post(PROVE_PATH)
        assert answer.status_code == 503
        assert isinstance(unpack_message(answer.content), Failed)

    asyncio.run(story())


def test_a_gateway_that_leaves_frees_the_slot() -> None:
    """Closing the connection reaches the engine: nothing is in flight afterwards."""

    async def story() -> None:
        async with running(stub_instance(stub_config(HANGS, slots=1))) as server:
            await server.wait_state("ready")
            async with server.client.stream("POST", RECOGNIZE_PATH, content=pack_job(job())):
                await until_in_flight(server, 1)
            await until_in_flight(server, 0)
            (end,) = await server.recognize(job())
            assert isinstance(end, Done)

    asyncio.run(story())


@pytest.mark.slow
def test_a_full_engine_says_so_by_name() -> None:
    """The engine's own refusal travels as it is, with its Retry-After."""

    async def story() -> None:
        config = stub_config("stub:rtfx=0.5", slots=1, waiting=1, drain_timeout_s=0.1)
        async with running(stub_instance(config)) as server:
            await server.wait_state("ready")
            async with asyncio.TaskGroup() as group:
                held = [group.create_task(server.recognize(job(seed=seed))) for seed in range(2)]
                await until_in_flight(server, 2)
                (end,) = await server.recognize(job(seed=9))
                assert isinstance(end, Failed)
                assert end.code == "queue_full"
                for task in held:
                    task.cancel()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "wire_error"),
        (b"\xff\xff\xff\xff{}", 400, "wire_error"),
        (pack_job(job())[:-3], 400, "wire_error"),
        (pack_job(job()).replace(b'"version":5', b'"version":9'), 400, "wire_error"),
    ],
)
def test_bytes_that_are_no_segment_are_refused_by_name(body: bytes, status: int, code: str) -> None:
    """Garbage and other versions get a `Failed`, not a broken connection."""

    async def story() -> None:
        async with running(stub_instance()) as server:
            await server.wait_state("ready")
            answer = await server.client.post(RECOGNIZE_PATH, content=body)
        end = unpack_message(answer.content)
        assert isinstance(end, Failed)
        assert (answer.status_code, end.code) == (status, code)

    asyncio.run(story())


def test_a_body_larger_than_any_segment_is_not_read_to_its_end() -> None:
    """What a client sends is bounded, also on the wire."""

    async def story() -> None:
        async with running(stub_instance(stub_config("stub:max_segment_s=1"))) as server:
            await server.wait_state("ready")
            answer = await server.client.post(RECOGNIZE_PATH, content=bytes(8_000_000), timeout=TIMEOUT_S)
        end = unpack_message(answer.content)
        assert isinstance(end, Failed)
        assert end.code == "audio_too_long"

    asyncio.run(story())


@pytest.mark.slow
def test_a_defect_becomes_an_end_too(capsys: pytest.CaptureFixture[str]) -> None:
    """An exception that is none of ours ends the segment as `internal_error`, and the log has it."""

    class Defective(Instance):
        def _intake(self) -> Intake:
            return dataclasses.replace(super()._intake(), recognizer=Broken())

    class Broken:
        async def model(self) -> ModelInfo:
            raise NotImplementedError

        async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
            raise ZeroDivisionError

    async def story() -> None:
        async with running(Defective(stub_config(), load_quickly)) as server:
            await server.wait_state("ready")
            (end,) = await server.recognize(job())
        assert end == Failed(code="internal_error", message="Something went wrong inside the server.")

    asyncio.run(story())
    printed = capsys.readouterr()
    assert "ZeroDivisionError" in printed.out + printed.err


@pytest.mark.slow
def test_segments_of_many_callers_do_not_mix() -> None:
    """Twenty at once: each gets the text of its own samples."""

    async def story() -> None:
        sent = [job(0.5, seed=seed) for seed in range(20)]
        async with running(stub_instance()) as server:
            await server.wait_state("ready")
            server.client.timeout = httpx.Timeout(TIMEOUT_S)
            ends = await asyncio.gather(*(server.recognize(one) for one in sent))
        for one, (end,) in zip(sent, ends, strict=True):
            assert isinstance(end, Done)
            assert end.transcript.text == stub_text(one.segment)

    asyncio.run(story())


def test_a_gateway_is_told_of_the_others_with_every_answer_and_look() -> None:
    """Two by their names, and one who has none; each hears what is not its own."""

    async def look(server: Running, name: str) -> Crowd:
        return unpack_state((await server.client.get(STATE_PATH, headers={GATEWAY_HEADER: name})).content).crowd

    async def story() -> None:
        async with running(stub_instance(stub_config("stub:rtfx=2"))) as server:
            await server.wait_state("ready")
            assert await look(server, "a1") == Crowd(others=0, gateways=1)
            assert await look(server, "b2") == Crowd(others=0, gateways=2)
            server.client.headers[GATEWAY_HEADER] = "a1"
            first = asyncio.create_task(server.recognize(job(3.0)))
            await until_in_flight(server, 1)
            assert (await look(server, "a1")).others == 0
            assert (await look(server, "b2")).others == 1
            server.client.headers[GATEWAY_HEADER] = "b2"
            *_, end = await server.recognize(job(0.2, seed=1))
            assert isinstance(end, Done)
            assert end.crowd == Crowd(others=1, gateways=2)
            beat, *_ = await first
            assert isinstance(beat, Beat)
            assert beat.crowd.gateways == 2
            assert (await look(server, "b2")).others == 0

    asyncio.run(story())
