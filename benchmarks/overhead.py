"""What the gateway adds to a short clip, beside nginx as a plain proxy before the same instance.

    python -m benchmarks.overhead                        # about two minutes
    python -m benchmarks.overhead --clips 200 --waiting 0

One instance that needs no time to recognise (a stub of a million times real time), and three ways to it: directly,
through nginx, through the gateway. A 6-second WAV, one at a time and a few at once, over connections that stay open.
The ways take turns in short rounds, so that a noisy moment of the machine meets them all; what is added is added to
nginx's figure. CPU is that of the way's own processes; what the instance spends is listed beside it, because the
gateway decodes and listens in the instance's stead. Then a thousand clips wait before an instance that takes 12 s for
each: what does one of them cost in memory?
Writes benchmarks/results/overhead.json with machine and commit.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.dispatch.client import form, read_reply
from benchmarks.dispatch.nginx import GUIDE_TIMEOUT_S
from benchmarks.dispatch.servers import House, Server
from benchmarks.dispatch.tape import Tape, make_tape
from benchmarks.machine import commit, machine
from benchmarks.quantile import quantile
from benchmarks.waiting_memory import CLIP_S, PLAIN, Waiting, pile_up
from harken.config import CacheConfig

RESULTS = Path(__file__).parent / "results"
_WARM_UP = 30


@dataclass(frozen=True, kw_only=True)
class Way:
    """How clips get to the instance.

    Attributes:
        name: for the table.
        url: where they are sent.
        servers: what stands in between; () for nothing.
    """

    name: str
    url: str
    servers: tuple[Server, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way at one concurrency; times in ms (added: to nginx's), CPU in ms per clip."""

    way: str
    concurrency: int
    clips: int
    p50_ms: float
    p99_ms: float
    added_p50_ms: float
    added_p99_ms: float
    clips_per_s: float
    way_cpu_ms: float
    instance_cpu_ms: float
    client_cpu_ms: float
    clips_per_s_per_core: float


@dataclass(kw_only=True)
class Seen:
    """What was measured of one way so far; seconds."""

    took_s: list[float]
    wall_s: float = 0.0
    way_cpu_s: float = 0.0
    instance_cpu_s: float = 0.0
    client_cpu_s: float = 0.0


async def send(url: str, tape: Tape, numbers: Sequence[int]) -> list[float]:
    """Send clips one after another over one connection; returns the seconds that each took."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    took = []
    for number in numbers:
        clip = tape.cut(number, CLIP_S, number)
        request = b"".join(form(clip.wav(), clip.size, path="/asr", host=address.netloc, keeps=True))
        began = time.perf_counter()
        writer.write(request)
        reply = await read_reply(reader)
        took.append(time.perf_counter() - began)
        heard = json.loads(reply.body)["text"] if reply.status == 200 else reply.body
        if heard != f"stub {clip.checksum():08x} {CLIP_S:.2f}s":
            raise RuntimeError(f"{url}: {reply.status} {heard!r}")
    writer.close()
    return took


async def measure(way: Way, instance: Server, requests: Sequence[Sequence[int]], tape: Tape, seen: Seen) -> None:
    """One round: each list of numbers goes over a connection of its own."""
    way_cpu = sum(server.cpu_s() for server in way.servers)
    instance_cpu, client_cpu, began = instance.cpu_s(), time.process_time(), time.perf_counter()
    for took in await asyncio.gather(*(send(way.url, tape, numbers) for numbers in requests)):
        seen.took_s += took
    seen.wall_s += time.perf_counter() - began
    seen.client_cpu_s += time.process_time() - client_cpu
    seen.instance_cpu_s += instance.cpu_s() - instance_cpu
    seen.way_cpu_s += sum(server.cpu_s() for server in way.servers) - way_cpu


async def compare(ways: Sequence[Way], instance: Server, tape: Tape, *, concurrency: int, clips: int) -> list[Row]:
    """All ways in turns of 50 clips, until each has had `clips`."""
    seen = {way.name: Seen(took_s=[]) for way in ways}
    fresh = itertools.count(concurrency * 10_000_000)

    def turn(size: int) -> list[list[int]]:
        return [list(itertools.islice(fresh, size // concurrency)) for _ in range(concurrency)]

    for way in ways:
        await measure(way, instance, turn(_WARM_UP), tape, Seen(took_s=[]))
    size = max(50, 10 * concurrency)
    for _ in range(-(-clips // size)):
        for way in ways:
            await measure(way, instance, turn(size), tape, seen[way.name])
    nginx = seen["nginx"]
    return [_row(way, concurrency, seen[way.name], nginx) for way in ways]


def _row(way: Way, concurrency: int, seen: Seen, nginx: Seen) -> Row:
    clips = len(seen.took_s)
    p50, p99 = quantile(seen.took_s, 0.5), quantile(seen.took_s, 0.99)
    return Row(
        way=way.name,
        concurrency=concurrency,
        clips=clips,
        p50_ms=round(p50 * 1e3, 2),
        p99_ms=round(p99 * 1e3, 2),
        added_p50_ms=round((p50 - quantile(nginx.took_s, 0.5)) * 1e3, 2),
        added_p99_ms=round((p99 - quantile(nginx.took_s, 0.99)) * 1e3, 2),
        clips_per_s=round(clips / seen.wall_s, 1),
        way_cpu_ms=round(seen.way_cpu_s / clips * 1e3, 2),
        instance_cpu_ms=round(seen.instance_cpu_s / clips * 1e3, 2),
        client_cpu_ms=round(seen.client_cpu_s / clips * 1e3, 2),
        clips_per_s_per_core=round(clips / seen.way_cpu_s, 1) if seen.way_cpu_s > 0.05 else 0.0,
    )


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=600, help="clips per way and concurrency")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--waiting", type=int, default=1000, help="clips that wait; 0 leaves that part out")
    parser.add_argument("--no-save", action="store_true")
    options = parser.parse_args()
    rows: list[Row] = []
    with House() as house:
        tape = make_tape(house.folder / "tape.pcm", seconds=120, longest_s=CLIP_S, seed=1)
        instance = house.instance("asr-1", rtfx=1e6, slots=32, in_flight=8)
        nginx = house.nginx([instance], PLAIN, timeout_s=GUIDE_TIMEOUT_S)
        # With its cache, as in service: no clip comes twice, so what is measured is the price of looking.
        gateway = house.gateway([instance], cache_bytes=str(CacheConfig().bytes))
        ways = (
            Way(name="direct", url=instance.url),
            Way(name="nginx", url=nginx.url, servers=(nginx,)),
            Way(name="gateway", url=gateway.url, servers=(gateway,)),
        )
        for concurrency in options.concurrency:
            found = asyncio.run(compare(ways, instance, tape, concurrency=concurrency, clips=options.clips))
            rows += found
            for row in found:
                print(row, flush=True)
        for server in (gateway, nginx, instance):
            house.end(server)
        waiting: list[Waiting] = []
        for is_nginx in (False, True) if options.waiting else ():
            waiting.append(asyncio.run(pile_up(house, tape, options.waiting, is_nginx=is_nginx)))
            print(waiting[-1], flush=True)
    if not options.no_save:
        result = {
            "machine": machine(),
            "commit": commit(),
            "rows": [asdict(row) for row in rows],
            "waiting": [asdict(row) for row in waiting],
        }
        (RESULTS / "overhead.json").write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
