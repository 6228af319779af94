"""The gateway, with instances of this very process behind it, and as a process of its own."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import numpy as np
import pytest
import soundfile
import uvicorn
from numpy.typing import NDArray

from harken.config import CacheConfig, Config, FleetConfig, GatewayConfig, InstanceConfig
from harken.dispatch.dispatcher import Dispatcher
from harken.engine.stub import stub_text
from harken.server.ending import CLEAN, Ending
from harken.server.gateway import Gateway
from harken.server.instance import Instance
from harken.server.port import listen, url_of
from harken.testing.sounds import speech_like
from harken.types import InstanceHealth, ModelInfo, Segment
from harken.wire import InstanceState, pack_state
from tests.server.running import TIMEOUT_S, Running, load_quickly, running

FAST = FleetConfig(probe_interval_s=0.02, probe_timeout_s=0.5, probe_failures=2)


class FakeFleet:
    """Instances served by this test; the verdict is the test's too."""

    is_asleep = False
    operators = None

    def __init__(self, urls: list[str]) -> None:
        self.urls = urls
        self.replaced: list[str] = []
        self.broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.is_stopped = False
        self.dispatcher: Dispatcher | None = None

    @asynccontextmanager
    async def opened(self, dispatcher: Dispatcher) -> AsyncIterator[FakeFleet]:
        """Report the addresses as a real fleet does."""
        self.dispatcher = dispatcher
        for number, url in enumerate(self.urls, 1):
            dispatcher.add_target(f"asr-{number}", url)
        yield self
        self.is_stopped = True

    def instances(self) -> tuple[InstanceHealth, ...]:
        """Processes of nobody."""
        return tuple(
            InstanceHealth(name=f"asr-{number}", url=url, state="starting", restarts=number)
            for number, url in enumerate(self.urls, 1)
        )

    def replace(self, name: str, why: str = "") -> None:
        """Note who is silent, and take it out of service at once, as a real fleet does."""
        assert self.dispatcher is not None
        self.replaced.append(name)
        self.dispatcher.remove_target(name)

    async def wait_broken(self) -> str:
        """The test's verdict."""
        return await self.broken


@asynccontextmanager
async def gateway(fleet: FakeFleet, *, drain_timeout_s: float = 10.0, cache_bytes: int = 0) -> AsyncIterator[Running]:
    """A gateway over a fleet."""
    # The same recording is sent again and again, and each is meant to be recognised.
    config = Config(
        fleet=FAST, gateway=GatewayConfig(drain_timeout_s=drain_timeout_s), cache=CacheConfig(bytes=cache_bytes)
    )
    async with running(Gateway(config, fleet.opened)) as server:
        server.client.timeout = httpx.Timeout(TIMEOUT_S)
        yield server


@asynccontextmanager
async def instance(model: str = "stub") -> AsyncIterator[str]:
    """An instance in the same event loop; signals belong to the gateway, so it is stopped by its server's flag."""
    own = Instance(Config(instance=InstanceConfig(model=model, name="asr-1")), load_quickly)
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(own.app, log_config=None, access_log=False, lifespan="on"))
    serving = asyncio.create_task(server._serve(sockets=[listener]))
    try:
        yield url_of(listener, "127.0.0.1")
    finally:
        server.should_exit = True
        await asyncio.wait_for(serving, TIMEOUT_S)


async def until(server: Running, condition: Callable[[httpx.Response], bool]) -> httpx.Response:
    """Wait until /health is as wanted."""
    async with asyncio.timeout(TIMEOUT_S):
        while not condition(answer := await server.client.get("/health")):
            await asyncio.sleep(0.005)
    return answer


def is_ready(answer: httpx.Response) -> bool:
    """Status 200, and the model is known."""
    return answer.status_code == 200 and answer.json()["model"] != ""


def wav(samples: NDArray[np.float32]) -> bytes:
    """A recording, without loss."""
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="WAV", subtype="FLOAT")
    return file.getvalue()


@pytest.mark.slow
def test_a_recording_goes_through_the_gateway_to_an_instance() -> None:
    """The same call as to an instance; the answer says who did it; /health has both views."""

    async def story() -> None:
        samples = speech_like(1.0)
        async with instance() as url, gateway(FakeFleet([url])) as server:
            health = (await until(server, is_ready)).json()
            answer = await server.client.post("/asr", files={"audio": ("a.wav", wav(samples))})
        assert answer.json()["text"] == stub_text(Segment(samples=samples, request_id=""))
        assert answer.headers["x-harken-instance"] == "asr-1"
        assert (health["status"], health["instance"], health["model"]) == ("healthy", "gateway", "stub")
        assert (health["instances"][0]["state"], health["instances"][0]["restarts"]) == ("ready", 1)

    asyncio.run(story())


@pytest.mark.slow
def test_the_gateway_has_the_same_recording_recognised_once() -> None:
    """Asked at once or later; what is known is answered even when nobody could recognise it any more."""

    async def story() -> None:
        file = {"audio": ("a.wav", wav(speech_like(1.0)))}
        fleet: FakeFleet
        async with instance() as url, gateway(fleet := FakeFleet([url]), cache_bytes=1_000_000) as server:
            await until(server, is_ready)
            answers = await asyncio.gather(*(server.client.post("/asr", files=file) for _ in range(5)))
            assert sorted(answer.headers["x-harken-cache"] for answer in answers) == ["hit"] * 4 + ["miss"]
            fleet.replace("asr-1")
            late = await server.client.post("/asr", files=file)
        assert late.json() == answers[0].json()
        assert (late.headers["x-harken-cache"], late.headers["x-harken-instance"]) == ("hit", "asr-1")

    asyncio.run(story())


@pytest.mark.slow
def test_a_request_that_comes_before_the_first_instance_is_held() -> None:
    """Nobody is refused only because instances are still starting."""

    async def story() -> None:
        fleet = FakeFleet([])
        async with instance() as url, gateway(fleet) as server:
            await until(server, lambda answer: answer.status_code == 503)
            files = {"audio": ("a.wav", wav(speech_like(0.5)))}
            early = asyncio.create_task(server.client.post("/asr", files=files))
            await until(server, lambda _: fleet.dispatcher is not None)
            assert fleet.dispatcher is not None
            fleet.dispatcher.add_target("asr-1", url)
            assert (await early).status_code == 200

    asyncio.run(story())


def _inside(answer: httpx.Response) -> float:
    """Clips of half a second that run or wait: a new target begins with one at a time."""
    health = answer.json()
    return float(health["instances"][0]["in_flight"] + health["queued_audio_s"] / 0.5)


@pytest.mark.slow
def test_sigterm_loses_no_accepted_request() -> None:
    """Eight run or wait while SIGTERM comes: all are answered; later ones are refused by name; then the fleet stops."""

    async def story() -> None:
        async with instance("stub:rtfx=1") as url:
            fleet = FakeFleet([url])
            async with gateway(fleet) as server:
                await until(server, is_ready)
                recordings = [wav(speech_like(0.5, seed=seed)) for seed in range(8)]
                accepted = [
                    asyncio.create_task(server.client.post("/asr", files={"audio": ("a.wav", one)}))
                    for one in recordings
                ]
                await until(server, lambda answer: _inside(answer) == 8)
                server.stop()
                await until(server, lambda answer: answer.json()["status"] == "draining")
                late = await server.client.post("/asr", files={"audio": ("a.wav", recordings[0])})
                assert (late.status_code, late.json()["code"]) == (503, "draining")
                assert not fleet.is_stopped
                assert [answer.status_code for answer in await asyncio.gather(*accepted)] == [200] * 8
                assert await server.ended() == CLEAN
            assert fleet.is_stopped

    asyncio.run(story())


@pytest.mark.slow
def test_a_broken_fleet_ends_the_gateway_and_every_wait() -> None:
    """Who waits for the first instance is told why; exit code 3 with the reason."""

    async def story() -> None:
        fleet = FakeFleet([])
        async with gateway(fleet) as server:
            waiting = asyncio.create_task(server.client.post("/asr", files={"audio": ("a.wav", wav(speech_like(0.5)))}))
            await until(server, lambda answer: answer.status_code == 503)
            fleet.broken.set_result("asr-1: no weights")
            answer = await waiting
            assert answer.status_code == 503
            assert await server.ended() == Ending(code=3, reason="asr-1: no weights")

    asyncio.run(story())


@pytest.mark.slow
def test_a_defect_behind_the_door_ends_the_gateway() -> None:
    """Not a zombie that says for ever that it is leaving: exit code 5, so that whoever keeps it starts another."""

    async def story() -> None:
        fleet = FakeFleet([])
        async with gateway(fleet) as server:
            waiting = asyncio.create_task(server.client.post("/asr", files={"audio": ("a.wav", wav(speech_like(0.5)))}))
            await until(server, lambda answer: answer.status_code == 503)
            fleet.broken.set_exception(ValueError("year 10000 is out of range"))
            assert (await waiting).status_code == 503
            ending = await server.ended()
            assert (ending.code, ending.reason.split(":")[0]) == (5, "defect")

    asyncio.run(story())


@pytest.mark.slow
def test_who_waits_for_a_slot_is_told_why_the_fleet_is_broken() -> None:
    """The instance told its model and then failed its canary: the request is in the queue, and gets the reason."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        model = ModelInfo(name="stub", revision="1", max_segment_s=30.0, languages=("English",), slots=1)
        body = pack_state(InstanceState(name="asr-1", state="warming", model=model, in_flight=0))
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    async def story() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as instance_server:
            port = instance_server.sockets[0].getsockname()[1]
            fleet = FakeFleet([f"http://127.0.0.1:{port}"])
            async with gateway(fleet) as server:
                files = {"audio": ("a.wav", wav(speech_like(0.5)))}
                waiting = asyncio.create_task(server.client.post("/asr", files=files))
                await until(server, lambda answer: answer.json()["queued_audio_s"] > 0)
                fleet.broken.set_result("asr-1: canary_failed: wrong text")
                refused = await waiting
                assert (refused.status_code, refused.json()["code"]) == (503, "no_ready_instance")
                assert "canary_failed" in refused.json()["error"]
                assert (await server.ended()).code == 3

    asyncio.run(story())


@pytest.mark.slow
def test_a_silent_instance_is_reported_to_the_fleet() -> None:
    """It was ready and then answers nothing: the fleet is told its name, once, and all of it ends in the end."""

    async def story() -> None:
        is_silent = False

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            model = ModelInfo(name="stub", revision="1", max_segment_s=30.0, languages=("English",), slots=1)
            body = pack_state(InstanceState(name="asr-1", state="ready", model=model, in_flight=0))
            try:
                while await reader.readuntil(b"\r\n\r\n"):
                    if is_silent:
                        await reader.read()
                        break
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            except asyncio.IncompleteReadError:
                pass
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as instance_server:
            port = instance_server.sockets[0].getsockname()[1]
            fleet = FakeFleet([f"http://127.0.0.1:{port}"])
            async with gateway(fleet) as server:
                await until(server, is_ready)
                is_silent = True
                async with asyncio.timeout(TIMEOUT_S):
                    while not fleet.replaced:
                        await asyncio.sleep(0.005)
        assert fleet.replaced == ["asr-1"]

    asyncio.run(story())


PROCESS = """
import sys
from contextlib import asynccontextmanager
from harken.config import Config
from harken.server.announce import announce_to
from harken.server.gateway import Gateway
from harken.server.run import run

class NoFleet:
    is_asleep = False
    operators = None
    def instances(self): return ()
    def replace(self, name): pass
    async def wait_broken(self):
        import asyncio
        await asyncio.get_running_loop().create_future()

@asynccontextmanager
async def no_fleet(dispatcher):
    yield NoFleet()

announce = announce_to(sys.stdout, as_json=True)
code = run(lambda url: Gateway(Config(), no_fleet), host="127.0.0.1", port=0, name="gateway", announce=announce)
print([name for name in ("torch", "onnxruntime", "transformers", "av", "soundfile") if name in sys.modules])
sys.exit(code)
"""


@pytest.mark.slow
def test_a_gateway_process_is_up_quickly_and_needs_no_torch() -> None:
    """From the start of the process to the first answer; the time is printed, not judged."""
    began = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", PROCESS], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            assert httpx.get(f"{url}/health/live", timeout=TIMEOUT_S, trust_env=False).status_code == 200
            sys.stdout.write(f"\ngateway: first answer {time.monotonic() - began:.2f} s after the start\n")
            process.send_signal(signal.SIGTERM)
            loaded = process.stdout.read()
            assert process.wait(TIMEOUT_S) == 0
        finally:
            process.kill()
    assert "torch" not in loaded
    assert "transformers" not in loaded


STOPPED_AT_ONCE = PROCESS.replace(
    "announce = announce_to(sys.stdout, as_json=True)",
    "import os, signal\nannounce = lambda _: os.kill(os.getpid(), signal.SIGTERM)",
)


@pytest.mark.slow
def test_whoever_stops_it_as_soon_as_it_is_announced_sees_a_clean_end() -> None:
    """The signal comes in the very moment; it is heeded, and no death."""
    assert "signal.SIGTERM)" in STOPPED_AT_ONCE
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_AT_ONCE], check=False, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_importing_the_gateway_loads_no_torch() -> None:
    """Nor anything that only decoding needs."""
    script = (
        "import sys, harken.server.gateway;"
        "print([name for name in ('torch', 'onnxruntime', 'transformers', 'av', 'soundfile', 'soxr') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
