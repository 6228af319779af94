"""Is `/health` there in time, while the gateway has all it can do?

    python -m benchmarks.health                      # half a minute of load
    python -m benchmarks.health --clients 50 --hours 0

Two hundred clients upload six-second clips to a gateway before two instances, one after the other without a pause;
beside them a few upload recordings of an hour each. Meanwhile each of `/health`, `/health/live` and `/health/ready` is
asked fifty times a second, over a connection of its own each time, as load balancers do; a probe's time counts from the
moment it was due. Clients are a process of their own, so that their work does not hold up the probes, but they do share
the machine's cores with the server. The same without load stands beside it: it is what the machine alone costs.
Writes benchmarks/results/health.json with machine and commit.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import multiprocessing
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.dispatch.client import post, read_reply
from benchmarks.dispatch.servers import House, Server
from benchmarks.dispatch.tape import Tape, make_tape
from benchmarks.machine import commit, machine
from benchmarks.quantile import quantile

RESULTS = Path(__file__).parent / "results" / "health.json"
PATHS = ("/health", "/health/live", "/health/ready")
GOAL_MS = 50.0

_CLIP_S = 6.0
_TIMEOUT_S = 600.0
_PROBES_PER_S = 10.0
_PROBE_TIMEOUT_S = 30.0
_WARM_UP_S = 3.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """What probes of one path took; milliseconds from the moment they were due."""

    load: str
    path: str
    probes: int
    failures: int
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, kw_only=True)
class Load:
    """What the clients do.

    Attributes:
        url: of the gateway.
        clients: uploading short clips.
        hours: uploading recordings of an hour, each again and again.
        hour_s: how long "an hour" is.
        seconds: of all that.
    """

    url: str
    clients: int
    hours: int
    hour_s: float
    seconds: float


async def _upload(load: Load, tape: Tape, audio_s: float, numbers: itertools.count[int], until: float) -> list[int]:
    statuses = []
    while time.monotonic() < until:
        clip = tape.cut(number := next(numbers), audio_s, number)
        reply = await post(load.url, clip.wav(), clip.size, timeout_s=_TIMEOUT_S)
        statuses.append(reply.status)
    return statuses


async def _upload_all(load: Load, tape: Tape) -> list[int]:
    numbers = itertools.count(1)
    until = time.monotonic() + load.seconds
    lengths = [_CLIP_S] * load.clients + [load.hour_s] * load.hours
    uploads = [_upload(load, tape, audio_s, numbers, until) for audio_s in lengths]
    return [status for statuses in await asyncio.gather(*uploads) for status in statuses]


def clients(load: Load, tape_file: Path, told: multiprocessing.Queue[list[int]]) -> None:
    """The clients' process: tells the statuses that they got."""
    tape = make_tape(tape_file, seconds=load.hour_s + 600, longest_s=load.hour_s, seed=1)
    told.put([0])  # ready
    told.put(asyncio.run(_upload_all(load, tape)))


async def _probe(url: str, path: str, due: float) -> tuple[float, bool]:
    """Ask once; how long it took from when it was due, in ms, and whether it was answered with 200."""
    await asyncio.sleep(max(0.0, due - time.perf_counter()))
    address = urlsplit(url)
    is_good = False
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(_PROBE_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            with contextlib.closing(writer):
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode())
                is_good = (await read_reply(reader)).status == 200
    return (time.perf_counter() - due) * 1000, is_good


async def probe_all(url: str, seconds: float, name: str) -> list[Row]:
    """Ask for all paths in turn, each when it is due, whether the one before was answered or not."""
    begin = time.perf_counter()
    asked = [(path, n / _PROBES_PER_S) for n in range(int(seconds * _PROBES_PER_S)) for path in PATHS]
    answers = await asyncio.gather(*(_probe(url, path, begin + after_s) for path, after_s in asked))
    rows = []
    for path in PATHS:
        took = [answer for (asked_path, _), answer in zip(asked, answers, strict=True) if asked_path == path]
        times = [took_ms for took_ms, _ in took]
        rows.append(
            Row(
                load=name,
                path=path,
                probes=len(took),
                failures=sum(not is_good for _, is_good in took),
                p50_ms=round(quantile(times, 0.5), 2),
                p99_ms=round(quantile(times, 0.99), 2),
                max_ms=round(max(times), 2),
            )
        )
    return rows


def measure(given: argparse.Namespace) -> list[Row]:
    """Start everything, without load first and then with it."""
    with House() as house:
        instances = [house.instance(f"asr-{n}", rtfx=given.rtfx, slots=32, in_flight=8) for n in (1, 2)]
        gateway = house.gateway(instances)
        rows = asyncio.run(probe_all(gateway.url, given.seconds / 3, "none"))
        load = Load(
            url=gateway.url,
            clients=given.clients,
            hours=given.hours,
            hour_s=given.hour_s,
            seconds=given.seconds + _WARM_UP_S,
        )
        return rows + _under(load, gateway, house.folder / "tape", given.seconds)


def _under(load: Load, gateway: Server, tape: Path, seconds: float) -> list[Row]:
    spawning = multiprocessing.get_context("spawn")
    told: multiprocessing.Queue[list[int]] = spawning.Queue()
    process = spawning.Process(target=clients, args=(load, tape, told))
    process.start()
    told.get()
    time.sleep(_WARM_UP_S)  # until everybody is in the middle of something
    cpu_s = gateway.cpu_s()
    rows = asyncio.run(probe_all(gateway.url, seconds, f"{load.clients} clips, {load.hours} hours"))
    cpu_s = gateway.cpu_s() - cpu_s
    statuses = told.get()
    process.join()
    good = statuses.count(200)
    print(f"{good} recordings transcribed, {len(statuses) - good} not; gateway: {cpu_s / seconds:.2f} cores")
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; exit code 1 where a 99th percentile under load is above the goal."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.health", description="Health answers under load.")
    parser.add_argument("--seconds", type=float, default=30.0, help="of load")
    parser.add_argument("--clients", type=int, default=200, help="who upload clips of six seconds")
    parser.add_argument("--hours", type=int, default=3, help="who upload recordings of an hour")
    parser.add_argument("--hour-s", type=float, default=3600.0, help="how long such a recording is")
    parser.add_argument("--rtfx", type=float, default=500.0, help="speed of the instances")
    parser.add_argument("--no-write", action="store_true", help="print only")
    given = parser.parse_args(arguments)
    rows = measure(given)
    for row in rows:
        print(
            f"{row.load:22} {row.path:15} p50 {row.p50_ms:7.2f} ms  p99 {row.p99_ms:7.2f} ms  "
            f"max {row.max_ms:7.2f} ms  {row.failures} of {row.probes} failed"
        )
    if not given.no_write:
        result = {
            "machine": machine(),
            "commit": commit(),
            "goal_p99_ms": GOAL_MS,
            "rows": [asdict(row) for row in rows],
        }
        RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return int(any(row.p99_ms > GOAL_MS for row in rows if row.load != "none"))


if __name__ == "__main__":
    sys.exit(main())
