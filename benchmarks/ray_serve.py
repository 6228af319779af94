"""Why instances are Ray actors behind our dispatcher, and not replicas behind Ray Serve's router: what each way costs.

    pip install 'ray[serve]'
    python -m benchmarks.ray_serve              # about two minutes

The same work both ways: 5 s of float32 samples in, the stub's text out, over two processes that recognise.

 - "dispatcher": an HTTP door with our `Dispatcher` behind it, to two `harken serve --model stub` over the wire; as in a
   gateway, but without what a gateway does besides (forms, decoding, voice activity, stitching): Serve does none of it
 - "serve": Ray Serve's HTTP proxy and router, to two replicas that hold the same stub engine
 - "gateway": all of `harken up`, with the samples as a WAV file, to see what those other things cost

CPU is that of all processes of the way (of Ray: proxy, replicas, controller, raylet, head), without the client. Writes
benchmarks/results/ray_serve.json.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import psutil
import soundfile

from benchmarks.machine import commit, machine

RESULTS = Path(__file__).parent / "results" / "ray_serve.json"
SECONDS = 5.0
MODEL = "stub:rtfx=10000"
WIDTHS = (1, 4, 16)
REPLICAS = 2
AT_ONCE = 16
SETTLE_S = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One measurement; times in milliseconds.

    Attributes:
        way: "dispatcher", "serve" or "gateway".
        at_once: requests at the same time.
        p50_ms: of the latency.
        p95_ms: of the latency.
        per_s: requests per second.
        cpu_ms: CPU of each request, in all processes of the way.
        failures: answers that were not 200.
    """

    way: str
    at_once: int
    p50_ms: float
    p95_ms: float
    per_s: float
    cpu_ms: float
    failures: int


def samples(number: int) -> Any:
    """Five seconds of something, different each time: nothing may be answered from a cache."""
    return np.random.default_rng(number).uniform(-0.5, 0.5, int(SECONDS * 16_000)).astype(np.float32)


def raw(number: int) -> bytes:
    """The samples as they are."""
    return bytes(samples(number).tobytes())


def wav(number: int) -> bytes:
    """The samples as a file."""
    file = io.BytesIO()
    soundfile.write(file, samples(number), 16_000, format="WAV", subtype="FLOAT")
    return file.getvalue()


async def measure(way: str, url: str, root: int, *, is_file: bool, requests: int) -> list[Row]:
    """Ask at each width, one client process for all."""
    bodies = [(wav if is_file else raw)(number) for number in range(64)]
    rows = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(number: int) -> tuple[float, bool]:
            body: Any = bodies[number % len(bodies)]
            if is_file:
                body = aiohttp.FormData()
                body.add_field("audio", bodies[number % len(bodies)], filename="a.wav")
            began = time.perf_counter()
            async with session.post(url, data=body) as answer:
                await answer.read()
                return time.perf_counter() - began, answer.status == 200

        for at_once in WIDTHS:
            await asyncio.gather(*(ask(number) for number in range(2 * at_once)))
            await asyncio.sleep(SETTLE_S)
            left = iter(range(requests))
            done: list[tuple[float, bool]] = []

            async def client(left: Iterator[int], done: list[tuple[float, bool]]) -> None:
                for number in left:
                    done.append(await ask(number))  # noqa: PERF401 - one after another is what is measured

            cpu, began = cpu_s(root), time.perf_counter()
            await asyncio.gather(*(client(left, done) for _ in range(at_once)))
            took_s, spent_s = time.perf_counter() - began, cpu_s(root) - cpu
            latencies = sorted(1000 * latency for latency, _ in done)
            row = Row(
                way=way,
                at_once=at_once,
                p50_ms=round(statistics.median(latencies), 2),
                p95_ms=round(latencies[int(0.95 * len(latencies))], 2),
                per_s=round(len(done) / took_s, 1),
                cpu_ms=round(1000 * spent_s / len(done), 2),
                failures=sum(not is_good for _, is_good in done),
            )
            print(row, flush=True)
            rows.append(row)
    return rows


def cpu_s(root: int) -> float:
    """What a process and all below it have used so far; none of them ends meanwhile."""
    total = 0.0
    for process in (psutil.Process(root), *psutil.Process(root).children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


@contextlib.contextmanager
def way_of(*command: str) -> Iterator[tuple[str, int]]:
    """Run a way; yield its address and its process."""
    env = {
        **os.environ,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "disabled",
        "HARKEN_CACHE_BYTES": "0",
        "HARKEN_LOG_LEVEL": "error",
    }
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    yield json.loads(line)["url"], process.pid
                    break
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()


async def dispatcher_door() -> None:
    """Be the "dispatcher" way: a plain HTTP door, our dispatcher, two instances."""
    import uvicorn

    from harken.config import Config, DispatchConfig, FleetConfig, InstanceConfig, LimitsConfig, LogConfig
    from harken.dispatch.dispatcher import Dispatcher
    from harken.fleet.local import LocalFleet
    from harken.server.port import listen
    from harken.types import Options, Segment

    limits = LimitsConfig()
    dispatcher = Dispatcher(limits, FleetConfig(), DispatchConfig())

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        body = bytearray()
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        segment = Segment(samples=np.frombuffer(bytes(body), np.float32), request_id="bench")
        text = (await dispatcher.recognize(segment, Options())).text
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": text.encode()})

    config = Config(
        fleet=FleetConfig(instances=REPLICAS, first_port=0),
        instance=InstanceConfig(model=MODEL, slots=AT_ONCE, device="cpu", threads=1),
        log=LogConfig(level="error"),
    )
    listener = listen("127.0.0.1", 0)
    async with dispatcher, LocalFleet(config, dispatcher) as fleet:
        for name in fleet.names():
            await dispatcher.wait_in_service(name)
        print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}/"}), flush=True)
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", access_log=False, log_level="error"))
        await server.serve(sockets=[listener])


def serve_door() -> None:
    """Be the "serve" way: Ray Serve's proxy and router, two replicas with the same stub."""
    import ray
    from ray import serve
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse

    from harken.engine.stub import StubEngine
    from harken.engine.stub_options import parse_stub
    from harken.types import Options, Segment

    @serve.deployment(num_replicas=REPLICAS, max_ongoing_requests=AT_ONCE, ray_actor_options={"num_cpus": 0.5})
    class Replica:
        def __init__(self) -> None:
            self.engine = StubEngine(parse_stub(MODEL), slots=AT_ONCE, waiting=256)

        async def __call__(self, request: Request) -> PlainTextResponse:
            segment = Segment(samples=np.frombuffer(await request.body(), np.float32), request_id="bench")
            return PlainTextResponse((await self.engine.recognize(segment, Options())).text)

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": 18_431}, logging_config={"enable_access_log": False})
    serve.run(Replica.bind())  # type: ignore[attr-defined]
    print(json.dumps({"url": "http://127.0.0.1:18431/"}), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(60)


def main() -> int:
    """Measure all ways, one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--be", choices=("dispatcher", "serve"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.be == "dispatcher":
        asyncio.run(dispatcher_door())
        return 0
    if given.be == "serve":
        serve_door()
        return 0
    own = (sys.executable, "-m", "benchmarks.ray_serve", "--be")
    flags = ("--port", "0", "--first-port", "0", "--instances", str(REPLICAS), "--slots", str(AT_ONCE))
    up = (sys.executable, "-m", "harken", "up", "--model", MODEL, "--device", "cpu", "--threads", "1", *flags)
    rows: list[Row] = []
    load_before = psutil.getloadavg()
    ways = (("dispatcher", (*own, "dispatcher"), ""), ("serve", (*own, "serve"), ""), ("gateway", up, "/asr"))
    for way, command, path in ways:
        with way_of(*command) as (url, pid):
            if path:
                _wait_ready(url)
            rows += asyncio.run(measure(way, url + path, pid, is_file=bool(path), requests=given.requests))
    about = {"machine": machine(), "commit": commit(), "load_average_before": load_before}
    RESULTS.write_text(json.dumps({**about, "rows": [asdict(row) for row in rows]}, indent=2) + "\n", encoding="utf-8")
    return 0


def _wait_ready(url: str) -> None:
    import urllib.request

    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health") as answer:
            if json.loads(answer.read())["status"] == "healthy":
                return
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
