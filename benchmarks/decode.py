"""Threads or processes for decoding? Forty clips of mixed kinds, two workers, and a loop that must stay responsive.

All decode the same clips with the same code. A process has to send its samples back; a thread shares Python's lock
with the event loop. The third way is what the server does: streams of pieces, voice activity and cutting included. The
lag is how late a 5 ms sleep on the loop wakes up. Writes benchmarks/results/decode.json and .md.

Usage: python benchmarks/decode.py [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from harken.audio import Audio, AudioReader, SpeechDetector, decode, load_detector
from harken.testing.recordings import Kind, encode, tone

WORKERS = 2
CLIPS = 40
RESULTS = Path(__file__).parent / "results"
KINDS = (
    Kind(format="WAV", codec="PCM_16", rate=44_100, channels=2),
    Kind(format="FLAC", codec="PCM_16", rate=48_000),
    Kind(format="MP3", codec="MPEG_LAYER_III", rate=44_100, channels=2),
    Kind(format="OGG", codec="OPUS", rate=48_000),
    Kind(format="ipod", codec="aac", rate=44_100, channels=2, by="av"),
    Kind(format="webm", codec="libopus", rate=48_000, by="av"),
    Kind(format="asf", codec="wmav2", rate=44_100, by="av"),
    Kind(format="amr", codec="libopencore_amrnb", rate=8_000, by="av"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One way of working: the best round's throughput and the lag of the loop in that round."""

    way: str
    wall_s: float
    clips_per_s: float
    audio_s_per_s: float
    lag_p50_ms: float
    lag_p99_ms: float
    lag_max_ms: float


def clips() -> list[bytes]:
    """Forty clips of 5 to 60 s, noisy so that codecs have something to do."""
    chance = np.random.default_rng(7)
    made = []
    for index in range(CLIPS):
        kind = KINDS[index % len(KINDS)]
        sound = tone(float(chance.uniform(5, 60)), kind.rate, channels=kind.channels)
        sound += chance.standard_normal(sound.shape, np.float32) * 0.05
        made.append(encode(sound, kind))
    return made


async def lag(samples_ms: list[float]) -> None:
    """Note how late each sleep of 5 ms ends, until cancelled."""
    while True:
        start = time.perf_counter()
        await asyncio.sleep(0.005)
        samples_ms.append((time.perf_counter() - start - 0.005) * 1000)


async def measure(way: str, work: Callable[[bytes], Awaitable[float]], uploads: list[bytes]) -> Result:
    """Decode all uploads, each by `work`, which tells its seconds, while the loop keeps time."""
    lags: list[float] = []
    ticker = asyncio.create_task(lag(lags))
    start = time.perf_counter()
    audio_s = await asyncio.gather(*(work(upload) for upload in uploads))
    wall_s = time.perf_counter() - start
    ticker.cancel()
    return Result(
        way=way,
        wall_s=round(wall_s, 3),
        clips_per_s=round(len(uploads) / wall_s, 1),
        audio_s_per_s=round(sum(audio_s) / wall_s),
        lag_p50_ms=round(float(np.percentile(lags, 50)), 2),
        lag_p99_ms=round(float(np.percentile(lags, 99)), 2),
        lag_max_ms=round(max(lags), 2),
    )


def run(way: str, executor: Executor, uploads: list[bytes], rounds: int) -> Result:
    """Warm the workers up, then keep the fastest round."""

    async def work(upload: bytes) -> float:
        audio: Audio = await asyncio.get_running_loop().run_in_executor(executor, decode, upload)
        return audio.audio_s

    with executor:
        list(executor.map(decode, uploads[: 2 * len(KINDS)]))
        return min((asyncio.run(measure(way, work, uploads)) for _ in range(rounds)), key=lambda result: result.wall_s)


async def run_streams(uploads: list[bytes], rounds: int) -> Result:
    """The same through the reader."""
    async with AudioReader(workers=WORKERS) as reader:

        async def work(upload: bytes) -> float:
            async with reader.open(upload) as stream:
                async for _ in stream:
                    pass
                return stream.decoded_s

        await asyncio.gather(*(work(upload) for upload in uploads[: 2 * len(KINDS)]))
        results = [await measure("streams of pieces (threads)", work, uploads) for _ in range(rounds)]
    return min(results, key=lambda result: result.wall_s)


def detect_s(detector: SpeechDetector) -> float:
    """Seconds that voice activity takes for ten minutes of audio."""
    samples = (np.random.default_rng(0).standard_normal(600 * 16_000) * 0.1).astype(np.float32)
    start = time.perf_counter()
    detector.probabilities(samples)
    return time.perf_counter() - start


def machine() -> str:
    """CPU model and number of CPUs."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.processor()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"


def commit() -> str:
    """The commit that was measured."""
    return subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], text=True).strip()


def report(facts: dict[str, object], results: list[Result]) -> str:
    """The figures as a Markdown page."""
    head = (
        "| way | wall s | clips/s | audio-s/s | lag p50 ms | lag p99 ms | lag max ms |\n|---|---|---|---|---|---|---|\n"
    )
    rows = "".join("| " + " | ".join(str(value) for value in asdict(result).values()) + " |\n" for result in results)
    notes = "".join(f"- {key}: {value}\n" for key, value in facts.items())
    return f"# Decoding: threads or processes\n\n{head}{rows}\n{notes}"


def main() -> None:
    """Measure both ways and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    uploads = clips()
    results = [
        run("threads", ThreadPoolExecutor(WORKERS), uploads, rounds),
        run("processes", ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")), uploads, rounds),
        asyncio.run(run_streams(uploads, rounds)),
    ]
    facts: dict[str, object] = {
        "machine": machine(),
        "load average at the end": round(os.getloadavg()[0], 2),
        "commit": commit(),
        "clips": f"{CLIPS} of 5 to 60 s, {len(KINDS)} kinds, {sum(map(len, uploads)) / 1e6:.1f} MB",
        "workers": WORKERS,
        "rounds": f"best of {rounds}",
        "voice activity, one thread": f"{600 / detect_s(load_detector()):.0f} times real time",
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "decode.md").write_text(report(facts, results))
    (RESULTS / "decode.json").write_text(
        json.dumps({"facts": facts, "results": [asdict(result) for result in results]}, indent=2) + "\n"
    )
    print(report(facts, results))


if __name__ == "__main__":
    main()
