"""What a gateway costs with 10, 100 and 1,000 instances: at rest, watched, and at work.

    python -m benchmarks.many_instances [--counts 10,100,1000]

One process plays all instances (an address of 127.0.0.0/8 each, one port): it answers looks as an instance does,
figures included, and each segment at once, so that what is measured is the gateway. For each size: its CPU at rest,
with its looks (two a second for each instance); its memory; the size and the time of /health, /cluster and /metrics;
and its CPU for each clip of 5 s, less what it takes at rest. Then, with ten instances, its CPU for each second of long
recordings: decoded, searched for pauses, cut, sent. Writes benchmarks/results/many_instances.json with machine and
commit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import soundfile

from benchmarks.machine import commit, machine
from harken.testing.sounds import speech_like
from harken.types import SAMPLE_RATE, Figures, Finish, ModelInfo, Transcript
from harken.wire import Done, InstanceState, pack_message, pack_state

RESULTS = Path(__file__).parent / "results" / "many_instances.json"
PATIENCE_S = 120.0
REST_S, CLIPS, AT_ONCE = 10.0, 800, 8

_MODEL = ModelInfo(name="stub", revision="1", max_segment_s=30.0, languages=("English",), slots=8)
_FIGURES = Figures(device="cuda:0", memory_bytes=1 << 30, gpu_memory_bytes=5 << 30, busy_s=9.5, audio_s=999.0, tokens=7)


def address(number: int) -> str:
    """Of one instance."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


async def play(count: int, port: int) -> None:
    """Be so many instances; says "ready" on standard output."""
    state = pack_state(
        InstanceState(name="i", state="ready", model=_MODEL, in_flight=0, uptime_s=1.0, figures=_FIGURES)
    )
    transcript = Transcript(text="one two", language="English", audio_s=5.0, tokens=4, finish=Finish.STOP, instance="i")
    done = pack_message(Done(transcript=transcript))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"POST"):
                    length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
                    await reader.readexactly(int(length.split(b":")[1]))
                    body = done
                else:
                    body = state
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    for number in range(count):
        await asyncio.start_server(serve, address(number), port)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


@contextmanager
def running(command: list[str], **env: str) -> Iterator[subprocess.Popen[str]]:
    """A process that is gone afterwards."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **env}) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Gateway:
    """The one that is measured.

    Attributes:
        process: its own.
        url: its address.
    """

    process: psutil.Process
    url: str

    def cpu(self) -> np.ndarray:
        """Seconds that it has used: in all, and on its event loop, which is one thread and so ends at one core."""
        times = self.process.cpu_times()
        (loop,) = (one for one in self.process.threads() if one.id == self.process.pid)
        return np.array([times.user + times.system, loop.user_time + loop.system_time])

    def work(self, recording: Path, requests: int, at_once: int, rest: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        """Send a recording some times; return what that took of CPU without what its rest takes, and bench's report."""
        before, began = self.cpu(), time.monotonic()
        command = [sys.executable, "-m", "harken", "bench", str(recording), "--server", self.url, "--json"]
        flags = ["--requests", str(requests), "--concurrency", str(at_once)]
        done = subprocess.run([*command, *flags], capture_output=True, text=True, check=True)
        return self.cpu() - before - rest * (time.monotonic() - began), json.loads(done.stdout)


def timed(client: httpx.Client, path: str) -> dict[str, float]:
    """Size and time of an answer, the median of five."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        answer = client.get(path)
        times.append(time.perf_counter() - began)
    return {"kilobytes": round(len(answer.content) / 1000, 1), "ms": round(1000 * sorted(times)[2], 1)}


def measure(count: int, folder: Path, clip: Path) -> dict[str, Any]:
    """One size."""
    port = 7861
    players = [sys.executable, "-m", "benchmarks.many_instances", "--play", str(count)]
    upstreams = " ".join(f"http://{address(number)}:{port}#name=i{number}" for number in range(count))
    up = [sys.executable, "-m", "harken", "up", "--port", "0", "--log-level", "error", "--set", "fleet.instances=0"]
    env = {"HARKEN_FLEET_UPSTREAMS": upstreams, "HARKEN_STATE_FOLDER": str(folder / "state"), "HARKEN_CACHE_BYTES": "0"}
    with running(players) as player, running(up, **env) as started:
        assert player.stdout is not None
        assert started.stdout is not None
        player.stdout.readline()
        url = json.loads(started.stdout.readline())["url"]
        gateway = Gateway(process=psutil.Process(started.pid), url=url)
        with httpx.Client(base_url=url, timeout=60) as client:
            began = time.monotonic()
            while sum(one["state"] == "ready" for one in client.get("/health").json()["instances"]) < count:
                assert time.monotonic() - began < PATIENCE_S
                time.sleep(0.2)  # between two looks
            ready_s = time.monotonic() - began
            before = gateway.cpu()
            time.sleep(REST_S)
            rest = (gateway.cpu() - before) / REST_S
            pages = {path: timed(client, path) for path in ("/health", "/cluster", "/metrics")}
            spent_s, report = gateway.work(clip, CLIPS, AT_ONCE, rest)
            long = {} if count > 10 else {one.name: costs(gateway, one, rest) for one in folder.glob("long.*")}
        return {
            "instances": count,
            "ready_s": round(ready_s, 1),
            "cpu_share_at_rest": round(float(rest[0]), 3),
            "ms_per_look": round(1000 * float(rest[0]) / (2 * count), 3),
            "memory_mb": round(gateway.process.memory_info().rss / 1e6),
            "pages": pages,
            "cpu_ms_per_clip": shown(spent_s / CLIPS),
            "clips_per_s": round(report["requests_per_s"], 1),
            "p95_ms": round(1000 * report["p95_s"], 1),
            "failed": report["requests"] - report["successes"],
            "cpu_ms_per_audio_s": long,
        }


def costs(gateway: Gateway, recording: Path, rest: np.ndarray) -> dict[str, float]:
    """The gateway's CPU for each second of a long recording, in milliseconds."""
    spent_s, report = gateway.work(recording, 6, 2, rest)
    return shown(spent_s / float(report["audio_s"]))


def shown(seconds: np.ndarray) -> dict[str, float]:
    """As milliseconds with names."""
    whole, loop = (round(1000 * float(value), 3) for value in seconds)
    return {"all": whole, "event_loop": loop}


def main() -> int:
    """Measure and write down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="10,100,1000")
    parser.add_argument("--play", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.play:
        asyncio.run(play(asked.play, 7861))
        return 0
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.wav"
        soundfile.write(clip, speech_like(5.0, seed=1).astype(np.float32), SAMPLE_RATE)
        speech = np.concatenate([speech_like(4.0, seed=seed) for seed in range(120)]).astype(np.float32)
        for kind in ("flac", "mp3", "wav"):
            soundfile.write(Path(folder) / f"long.{kind}", speech, SAMPLE_RATE)
        for count in map(int, asked.counts.split(",")):
            rows.append(measure(count, Path(folder), clip))
            sys.stdout.write(json.dumps(rows[-1]) + "\n")
            sys.stdout.flush()
    RESULTS.write_text(json.dumps({"machine": machine(), "commit": commit(), "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
