"""A recording of hours, known digit by digit: is all of it there, in order, and what does it cost?

    python -m benchmarks.long                           # 3 hours on 1, 2 and 4 instances of the digits model
    python -m benchmarks.long --hours 0.1 --instances 2

Speaks digit strings in both languages by voices that were never trained on (espeak-ng), with pauses of 0.3 to 2 s and
now and then one of 10 s, and writes them as one WAV. Each number of instances gets a cluster of its own and the file in
one request. Reported: wall time, RTFx, the gateway's and the instances' peak resident memory, digit errors, the longest
run of lost digits, and the rate of the same strings sent one by one to the same cluster, as the short ones' rate.
Writes benchmarks/results/long.json with machine and commit.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.machine import commit, machine
from harken.types import SAMPLE_RATE
from tests.cluster import Cluster, running_cluster
from training.espeak import Espeak
from training.test_sets import Spoken, strings
from training.vocabulary import CHINESE_DIGITS, ENGLISH_DIGITS

RESULTS = Path(__file__).parent / "results"
_CLIENTS = 16
_BLOCK = 25
"""Strings of one language in a row."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one cluster did with the recording; rates are of digits, times in seconds, memory in MiB."""

    instances: int
    wall_s: float
    rtfx: float
    gateway_before_mib: float
    gateway_peak_mib: float
    instance_peak_mib: float
    segments: int
    digits: int
    wrong: int
    rate: float
    longest_loss: int
    short_wrong: int
    short_rate: float
    is_complete: bool
    warnings: int


def speak(hours: float, seed: str) -> tuple[list[Spoken], list[float]]:
    """Return strings that fill so many hours with the pause in seconds behind each."""
    rng, espeak = random.Random(f"pauses/{seed}"), Espeak()
    spoken: list[Spoken] = []
    pauses: list[float] = []
    length_s, block = 0.0, 0
    while length_s < hours * 3600:
        language = ("English", "Chinese")[block % 2]
        for one in strings(espeak, f"{seed}/{block}", language, _BLOCK, (1, 10)):
            pause_s = 10.0 if rng.random() < 0.01 else rng.uniform(0.3, 2.0)
            spoken.append(one)
            pauses.append(pause_s)
            length_s += len(one.samples) / SAMPLE_RATE + pause_s
        block += 1
    return spoken, pauses


def write(path: Path, spoken: Sequence[Spoken], pauses: Sequence[float]) -> float:
    """Write all of it as one file of 16-bit samples; returns its length in seconds."""
    noise = np.random.default_rng(1)
    written = 0
    with soundfile.SoundFile(path, "w", samplerate=SAMPLE_RATE, channels=1, subtype="PCM_16") as file:
        for one, pause_s in zip(spoken, pauses, strict=True):
            pause = noise.normal(0, 1e-4, int(pause_s * SAMPLE_RATE)).astype(np.float32)
            for part in (one.samples, pause):
                file.write(part)
                written += len(part)
    return written / SAMPLE_RATE


def alignment(said: NDArray[np.int8], heard: NDArray[np.int8]) -> tuple[int, int]:
    """Return the edit distance, and the longest run of said digits that an optimal alignment deletes.

    Row by row (Wagner and Fischer, 1974); the insertions of a row are one running minimum. Steps are kept as one byte
    a cell and walked back from the end.
    """
    width = len(heard) + 1
    places = np.arange(width, dtype=np.int32)
    row = places.copy()
    steps = np.zeros((len(said) + 1, width), np.uint8)
    for i, digit in enumerate(said, start=1):
        substituted = row[:-1] + (heard != digit)
        deleted = row + 1
        best = deleted.copy()
        best[1:] = np.minimum(best[1:], substituted)
        row = np.minimum.accumulate(best - places) + places
        steps[i] = 2  # inserted
        steps[i][row == deleted] = 1
        steps[i][1:][row[1:] == substituted] = 0
        steps[i][0] = 1
    i, j, run, longest = len(said), len(heard), 0, 0
    while i > 0:
        step = steps[i, j]
        run = run + 1 if step == 1 else 0 if step == 0 else run
        longest = max(longest, run)
        i, j = (i - 1, j - 1) if step == 0 else (i - 1, j) if step == 1 else (i, j - 1)
    return int(row[-1]), longest


def digits_of(text: str) -> NDArray[np.int8]:
    """The digits of a text that may change its language; a word that is no digit is -1."""
    spaced = "".join(f" {c} " if c in CHINESE_DIGITS else c for c in text)
    values = {word: digit for words in (CHINESE_DIGITS, ENGLISH_DIGITS) for digit, word in enumerate(words)}
    return np.array([values.get(word, -1) for word in spaced.split()], np.int8)


def memory_mib(pid: int, field: str) -> float:
    """Read a line of /proc/PID/status: VmHWM is the peak of the resident memory, VmRSS what it is now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return round(int(line.split()[1]) / 1024, 1)
    raise LookupError(field)


async def transcribe(session: aiohttp.ClientSession, url: str, content: Any, name: str, form: str) -> Any:
    """Send one file; returns the answer's JSON."""
    body = aiohttp.FormData()
    body.add_field("file", content, filename=name)
    body.add_field("response_format", form)
    async with session.post(f"{url}/v1/audio/transcriptions", data=body) as answer:
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {await answer.text()}")
        return await answer.json()


async def one_by_one(session: aiohttp.ClientSession, url: str, spoken: Sequence[Spoken]) -> int:
    """Send every string as a request of its own; returns the wrong digits of all."""
    gate = asyncio.Semaphore(_CLIENTS)

    async def wrong(one: Spoken) -> int:
        file = io.BytesIO()
        soundfile.write(file, one.samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
        async with gate:
            answer = await transcribe(session, url, file.getvalue(), "one.wav", "json")
        return alignment(np.array(one.digits, np.int8), digits_of(answer["text"]))[0]

    return sum(await asyncio.gather(*map(wrong, spoken)))


async def measure(cluster: Cluster, path: Path, audio_s: float, spoken: Sequence[Spoken], instances: int) -> Row:
    """Have one cluster transcribe the recording, and then its strings."""
    gateway = cluster.process.pid
    before = memory_mib(gateway, "VmRSS")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3600)) as session:
        began = time.monotonic()
        with path.open("rb") as file:
            answer = await transcribe(session, cluster.url, file, path.name, "verbose_json")
        wall_s = time.monotonic() - began
        peak = memory_mib(gateway, "VmHWM")
        instance_peak = max(memory_mib(one["pid"], "VmHWM") for one in cluster.health()["instances"])
        short_wrong = await one_by_one(session, cluster.url, spoken)
    said = np.array([digit for one in spoken for digit in one.digits], np.int8)
    heard = digits_of(answer["text"])
    wrong, longest = alignment(said, heard)
    warnings = answer.get("warnings", [])
    return Row(
        instances=instances,
        wall_s=round(wall_s, 2),
        rtfx=round(audio_s / wall_s, 1),
        gateway_before_mib=before,
        gateway_peak_mib=peak,
        instance_peak_mib=instance_peak,
        segments=len(answer["segments"]),
        digits=len(said),
        wrong=wrong,
        rate=round(wrong / len(said), 5),
        longest_loss=longest,
        short_wrong=short_wrong,
        short_rate=round(short_wrong / len(said), 5),
        is_complete=abs(answer["duration"] - audio_s) < 0.01 and not warnings,
        warnings=len(warnings),
    )


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--instances", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seed", default="2028")
    parser.add_argument("--no-save", action="store_true")
    options = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        spoken, pauses = speak(options.hours, options.seed)
        audio_s = write(path, spoken, pauses)
        size_mib = path.stat().st_size / 2**20
        print(f"{audio_s:.0f} s, {len(spoken)} strings, {size_mib:.0f} MiB", flush=True)
        for instances in options.instances:
            with running_cluster("--model", "digits", "--instances", str(instances), "--log-level", "error") as cluster:
                cluster.wait_ready(instances)
                rows.append(asyncio.run(measure(cluster, path, audio_s, spoken, instances)))
            print(rows[-1], flush=True)
    if not options.no_save:
        result = {
            "machine": machine(),
            "commit": commit(),
            "audio_s": round(audio_s, 2),
            "file_mib": round(size_mib),
            "rows": list(map(asdict, rows)),
        }
        (RESULTS / "long.json").write_text(json.dumps(result, indent=2) + "\n")
    return 0 if all(row.is_complete for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
