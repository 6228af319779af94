"""The life of a real instance server, from listening to leaving."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from harken.config import InstanceConfig
from harken.engine.canary import Canary
from harken.engine.engine import Engine
from harken.engine.load import Loaded
from harken.errors import CheckpointError, ConfigError, EngineFailed, HarkenError, ModelUnavailable
from harken.server.ending import CLEAN, Ending
from harken.testing import FakeClock, FakeModel, Gate, fake_text
from harken.testing.sounds import segment, speech_like
from harken.wire import RECOGNIZE_PATH, Done, Failed, pack_job, unpack_message
from tests.server.running import TIMEOUT_S, Running, job, load_quickly, running, stub_config, stub_instance


class GatedLoad:
    """A load that takes as long as the test wants."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __call__(self, config: InstanceConfig) -> Loaded:
        """Load, once the test allows it."""
        assert self.go.wait(TIMEOUT_S)
        return load_quickly(config)


def failing(error: Exception) -> Callable[[InstanceConfig], Loaded]:
    """A load that fails."""

    def load_model(_: InstanceConfig) -> Loaded:
        raise error

    return load_model


async def codes(server: Running) -> tuple[int, int, int]:
    """Statuses of /health, /health/live and /health/ready."""
    answers = [await server.client.get(path) for path in ("/health", "/health/live", "/health/ready")]
    return answers[0].status_code, answers[1].status_code, answers[2].status_code


def test_it_answers_probes_while_it_loads() -> None:
    """Alive at once, ready only later; until then segments and recordings are refused, not held."""

    async def story() -> None:
        gate = GatedLoad()
        async with running(stub_instance(load_model=gate)) as server:
            assert (await server.state()).state == "starting"
            assert await codes(server) == (503, 200, 503)
            (end,) = await server.recognize(job())
            assert isinstance(end, Failed)
            assert end.code == "no_ready_instance"
            files = {"audio": ("a.wav", b"RIFF")}
            assert (await server.client.post("/asr", files=files)).status_code == 503
            gate.go.set()
            now = await server.wait_state("ready")
            assert now.model is not None
            assert now.model.name == "stub"
            assert await codes(server) == (200, 200, 200)
            assert (await server.client.get("/health")).json()["instance"] == "asr-1"

    asyncio.run(story())


def test_it_serves_the_public_routes_by_itself() -> None:
    """A single instance is a complete server."""

    async def story() -> None:
        import io

        import soundfile

        file = io.BytesIO()
        soundfile.write(file, speech_like(0.5), 16_000, format="WAV")
        async with running(stub_instance()) as server:
            await server.wait_state("ready")
            answer = await server.client.post("/asr", files={"audio": ("a.wav", file.getvalue())}, timeout=TIMEOUT_S)
        assert (answer.status_code, answer.headers["x-harken-instance"]) == (200, "asr-1")
        assert answer.json()["text"].startswith("stub ")

    asyncio.run(story())


def test_it_announces_ready_once() -> None:
    """The supervisor is told when it takes segments, not earlier."""

    async def story() -> None:
        from harken.server.instance import Instance

        told: list[str] = []
        gate = GatedLoad()
        instance = Instance(stub_config(), gate, on_ready=lambda: told.append(instance.state.state))
        async with running(instance) as server:
            assert told == []
            gate.go.set()
            await server.wait_state("ready")
            assert told == ["ready"]

    asyncio.run(story())


@pytest.mark.slow
@pytest.mark.parametrize(
    "error",
    [CheckpointError("A shard is missing."), ConfigError("No such device."), ModelUnavailable("Three ways out.")],
)
def test_a_load_that_cannot_succeed_is_broken_at_start(error: HarkenError) -> None:
    """Exit code 3, the reason in the ending, and in the state for as long as it still answers."""

    async def story() -> None:
        async with running(stub_instance(load_model=failing(error))) as server:
            now = await server.wait_state("broken_at_start")
            assert error.message in now.detail
            assert (await server.client.get("/health")).json()["status"] == "unhealthy"
            assert await server.ended() == Ending(code=3, reason=f"{error.code}: {error.message}")

    asyncio.run(story())


@pytest.mark.slow
def test_a_wrong_canary_is_broken_at_start() -> None:
    """A model that answers nonsense never becomes ready; both texts are named."""

    async def story() -> None:
        async with running(stub_instance(stub_config("stub:wrong_canary=1"))) as server:
            ending = await server.ended()
        assert ending.code == 3
        assert ending.reason.startswith("canary_failed: ")
        assert "wrong stub" in ending.reason

    asyncio.run(story())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("CUDA out of memory"), "RuntimeError: CUDA out of memory"),
        (EngineFailed("The model raised."), "engine_failed: The model raised."),
    ],
)
def test_a_start_that_may_succeed_next_time_ends_with_another_code(error: Exception, reason: str) -> None:
    """No memory, or an engine that fails on the canary: not 3, so that a supervisor tries again."""

    async def story() -> None:
        async with running(stub_instance(load_model=failing(error))) as server:
            assert await server.ended() == Ending(code=4, reason=reason)

    asyncio.run(story())


@pytest.mark.slow
def test_an_engine_that_hangs_ends_its_instance() -> None:
    """The event loop answers looks as ever; the segment fails by name, and the process leaves to be replaced."""

    async def story() -> None:
        gate, clock, spoken = Gate(), FakeClock(), segment(0.1)
        gate.let_through(200)  # for the canary

        def load_model(_: InstanceConfig) -> Loaded:
            engine = Engine(FakeModel(gate=gate), slots=2, waiting=2, name="asr-1", clock=clock)
            return Loaded(engine=engine, canary=Canary(samples=spoken.samples, text=fake_text(spoken.samples)))

        async with running(stub_instance(load_model=load_model)) as server:
            await server.wait_state("ready")
            segments = [asyncio.create_task(server.recognize(job(seed=seed))) for seed in range(20)]
            await asyncio.to_thread(gate.wait_until_used_up)
            clock.advance(120.0)
            ends = [(await each)[-1] for each in segments]
            ending = await server.ended()
        gate.open()
        assert any(isinstance(end, Failed) and "hangs" in end.message for end in ends)
        assert (ending.code, "engine_lost: The engine hangs" in ending.reason) == (4, True)

    asyncio.run(story())


def test_sigterm_while_loading_ends_at_once() -> None:
    """Nobody waits for a load that nobody needs any more."""

    async def story() -> None:
        gate = GatedLoad()
        async with running(stub_instance(load_model=gate)) as server:
            server.stop()
            assert await server.ended() == CLEAN
        gate.go.set()

    asyncio.run(story())


@pytest.mark.slow
def test_sigterm_lets_accepted_segments_finish_and_refuses_new_ones() -> None:
    """While one segment runs: the state says draining, a new one is refused by name, the old one is answered."""

    async def story() -> None:
        # A second of audio takes a second.
        async with running(stub_instance(stub_config("stub:rtfx=1"))) as server:
            await server.wait_state("ready")
            async with server.client.stream("POST", RECOGNIZE_PATH, content=pack_job(job(1.0))) as accepted:
                server.stop()
                await server.wait_state("draining")
                (late,) = await server.recognize(job())
                assert isinstance(late, Failed)
                assert late.code == "draining"
                assert (await server.client.get("/health")).json()["status"] == "draining"
                refused = await server.client.post("/asr", files={"audio": ("a.wav", b"RIFF")})
                assert (refused.status_code, refused.json()["code"]) == (503, "draining")
                *_, last = [line async for line in accepted.aiter_lines()]
            assert '"done"' in last
            assert await server.ended() == CLEAN

    asyncio.run(story())


@pytest.mark.slow
def test_draining_ends_after_its_time_although_a_segment_hangs() -> None:
    """A hung segment cannot keep a process for ever; its caller is told by name."""

    async def story() -> None:
        config = stub_config("stub:hang_on=1", drain_timeout_s=0.2)
        async with running(stub_instance(config)) as server:
            await server.wait_state("ready")
            async with server.client.stream(
                "POST", RECOGNIZE_PATH, content=pack_job(job()), timeout=TIMEOUT_S
            ) as accepted:
                server.stop()
                *_, last = [line async for line in accepted.aiter_lines()]
            end = unpack_message(last.encode())
            assert isinstance(end, Failed)
            assert end.code == "draining"
            assert await server.ended() == CLEAN

    asyncio.run(story())


def test_an_app_of_its_own_can_be_had() -> None:
    """`create_instance_app` gives the same routes to servers of one's own."""
    from harken.server.instance import create_instance_app

    paths = {getattr(route, "path", "") for route in create_instance_app(stub_config(), load_quickly).routes}
    assert "/wire/v5/recognize" in paths


def test_segments_are_recognised_while_ready() -> None:
    """The state counts what is in flight and forgets it afterwards."""

    async def story() -> None:
        async with running(stub_instance()) as server:
            await server.wait_state("ready")
            (end,) = await server.recognize(job())
            assert isinstance(end, Done)
            assert (await server.state()).in_flight == 0

    asyncio.run(story())
