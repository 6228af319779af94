"""A thousand requests for ten clips: how often does a model have to run?

    python -m benchmarks.cache                            # about a minute
    python -m benchmarks.cache --requests 1000 --clips 10 --concurrency 100

One instance that needs 0.6 s for a clip (a stub of ten times real time), and before it: a gateway without a cache, a
gateway with one, two gateways that share a Redis and are asked in turn, and a third one that begins with that Redis
when nobody else is left. Recognitions are counted on the wire in front of the instance, not told by those who are
measured. Every text is compared with what the stub says of the clip's samples.
Writes benchmarks/results/cache.json with machine and commit.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.dispatch.client import Reply, post
from benchmarks.dispatch.servers import House, Server
from benchmarks.dispatch.tape import Recording, make_tape
from benchmarks.machine import commit, machine
from benchmarks.quantile import quantile

RESULTS = Path(__file__).parent / "results"
_CLIP_S = 6.0
_RTFX = 10.0
_ASKS = b"/recognize HTTP/1.1\r\n"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One arrangement; times in ms."""

    name: str
    requests: int
    clips: int
    concurrency: int
    failures: int
    recognitions: int
    hit_ratio: float
    requests_per_s: float
    p50_ms: float
    p99_ms: float


class Counter:
    """Passes bytes on to the instance, and counts the recognitions among them.

    Args:
        url: of the instance.
    """

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)
        self.recognitions = 0

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Its own address."""
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward, back = await asyncio.open_connection(self._address.hostname, self._address.port)
        with contextlib.closing(writer), contextlib.closing(back):
            ways = {
                asyncio.create_task(self._pass(reader, back, counts=True)),
                asyncio.create_task(self._pass(onward, writer, counts=False)),
            }
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counts: bool) -> None:
        tail = b""
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 18):
                if counts:
                    self.recognitions += (tail + data).count(_ASKS)
                    tail = (tail + data)[-len(_ASKS) + 1 :]
                writer.write(data)
                await writer.drain()


async def ask_all(urls: Sequence[str], clips: Sequence[Recording], requests: int, concurrency: int) -> list[float]:
    """Send so many requests, the clips and the gateways in turn; seconds of each, -1 for one that failed."""
    free = asyncio.Semaphore(concurrency)
    expected = [f"stub {clip.checksum():08x} {_CLIP_S:.2f}s" for clip in clips]

    async def one(number: int) -> float:
        clip = clips[number % len(clips)]
        async with free:
            began = time.perf_counter()
            reply = await post(urls[number % len(urls)], clip.wav(), clip.size, timeout_s=120)
            took = time.perf_counter() - began
        return took if _text(reply) == expected[number % len(clips)] else -1.0

    return await asyncio.gather(*(one(number) for number in range(requests)))


def _text(reply: Reply) -> str:
    return str(json.loads(reply.body)["text"]) if reply.status == 200 else ""


@contextlib.contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """A Redis of our own; gives its URL."""
    address = folder / "redis.sock"
    command = ("redis-server", "--port", "0", "--unixsocket", str(address), "--save", "", "--dir", str(folder))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if not any("ready to accept connections" in line.lower() for line in process.stdout):
                raise RuntimeError("redis-server did not start")
            yield f"unix://{address}"
        finally:
            process.kill()


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all arrangements have in common."""

    house: House
    instance: Server
    clips: Sequence[Recording]
    requests: int
    concurrency: int

    async def measure(self, name: str, gateways: int, **settings: str) -> Row:
        """Start the gateways, ask, end them."""
        counter = Counter(self.instance.url)
        async with counter.listening() as url:
            started = [await asyncio.to_thread(self.house.gateway_over, [url], **settings) for _ in range(gateways)]
            began = time.perf_counter()
            took = await ask_all([one.url for one in started], self.clips, self.requests, self.concurrency)
            wall_s = time.perf_counter() - began
            for one in started:
                await asyncio.to_thread(self.house.end, one)
        return Row(
            name=name,
            requests=self.requests,
            clips=len(self.clips),
            concurrency=self.concurrency,
            failures=sum(one < 0 for one in took),
            recognitions=counter.recognitions,
            hit_ratio=round(1 - counter.recognitions / self.requests, 4),
            requests_per_s=round(self.requests / wall_s, 1),
            p50_ms=round(quantile(took, 0.5) * 1000, 2),
            p99_ms=round(quantile(took, 0.99) * 1000, 2),
        )


async def run(bench: Bench, redis: str) -> list[Row]:
    """All arrangements, one after another."""
    memory, shared = {"cache_bytes": "67108864"}, {"cache_bytes": "67108864", "cache_url": redis}
    return [
        await bench.measure("no cache", 1),
        await bench.measure("one gateway, memory", 1, **memory),
        await bench.measure("two gateways, one Redis", 2, **shared),
        await bench.measure("a new gateway, the same Redis", 1, **shared),
    ]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--concurrency", type=int, default=100)
    given = parser.parse_args()
    if shutil.which("redis-server") is None:
        raise SystemExit("redis-server is needed: scripts/install-system-packages.sh")
    with House() as house, running_redis(house.folder) as redis:
        tape = make_tape(house.folder / "tape", seconds=120, longest_s=_CLIP_S, seed=4)
        clips = [tape.cut(number, _CLIP_S, number) for number in range(given.clips)]
        instance = house.instance("asr-1", rtfx=_RTFX, slots=32, in_flight=8)
        bench = Bench(
            house=house, instance=instance, clips=clips, requests=given.requests, concurrency=given.concurrency
        )
        rows = asyncio.run(run(bench, redis))
    for row in rows:
        print(row)
    result = {"machine": machine(), "commit": commit(), "rows": [asdict(row) for row in rows]}
    (RESULTS / "cache.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
