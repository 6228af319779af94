"""A job of 200 files on the digits model while an instance and then the gateway are killed with SIGKILL.

    python -m benchmarks.crash_job

Speaks 200 digit strings by voices that were never trained on (espeak-ng), some of them long, sends them as one job to
`harken up --model digits --instances 2`, kills an instance after about 40 finished files and the gateway after about
80, starts the same command again, and compares what came back: how many results, whether any came twice, whether any
recognised piece was recognised again, and whether each text is what the same cluster says of the same file when it is
sent alone, without any crash. Exit status 1 where something is missing, doubled or different.
"""

from __future__ import annotations

import io
import json
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import psutil
import soundfile

from harken.types import SAMPLE_RATE
from tests.cluster import Cluster, assert_gone, running_cluster
from training.espeak import Espeak
from training.test_sets import strings

FILES = 200
PATIENCE_S = 300.0


def speak() -> list[bytes]:
    """Two hundred FLAC files, every sixth of them twelve strings long."""
    espeak = Espeak()
    single = strings(espeak, "job/en", "English", FILES, (1, 10)) + strings(espeak, "job/zh", "Chinese", FILES, (1, 10))
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    made = []
    for number in range(FILES):
        count = 12 if number % 6 == 0 else 1
        parts = [single[(2 * number + place) % len(single)].samples for place in range(count)]
        file = io.BytesIO()
        soundfile.write(file, np.concatenate([x for part in parts for x in (part, pause)]), SAMPLE_RATE, format="FLAC")
        made.append(file.getvalue())
    return made


def wait_until(is_so: Callable[[], bool]) -> None:
    """Look every 20 ms until it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)


def alone(cluster: Cluster, audio: list[bytes]) -> list[str]:
    """The texts of the files as requests of their own."""
    with httpx.Client(timeout=120) as client:
        url = f"{cluster.url}/v1/audio/transcriptions"
        return [client.post(url, files={"file": ("one.flac", one)}).raise_for_status().json()["text"] for one in audio]


def pieces(log: Path) -> list[tuple[int, int]]:
    """Every piece that a gateway wrote down as recognised: file and first sample."""
    lines = (
        json.loads(line) for line in log.read_text().splitlines() if '"jobs.piece_kept"' in line and line[-1] == "}"
    )
    return [(line["file"], line["start"]) for line in lines]


def main() -> int:
    """Run it once."""
    audio = speak()
    with tempfile.TemporaryDirectory() as folder:
        state, first, second = Path(folder) / "state", Path(folder) / "first.log", Path(folder) / "second.log"
        flags = ["--model", "digits", "--instances", "2", "--log-level", "debug", "--set", f"state.folder={state}"]
        flags += ["--set", "jobs.lease_s=3"]

        def count(question: str) -> int:
            with sqlite3.connect(f"file:{state}/harken.db?mode=ro", uri=True, timeout=10) as connection:
                number: int = connection.execute(question).fetchone()[0]
            connection.close()
            return number

        def done() -> int:
            return count("SELECT count(*) FROM files WHERE state = 'done'")

        with first.open("wb") as log, running_cluster(*flags, log=log) as cluster:
            ready = cluster.wait_ready(2)
            body = [("file", (f"{number}.flac", one)) for number, one in enumerate(audio)]
            job = httpx.post(f"{cluster.url}/v1/jobs", files=body, timeout=120).raise_for_status().json()["id"]
            wait_until(lambda: done() >= 40)
            psutil.Process(ready["instances"][0]["pid"]).kill()
            print(f"{done()} files done: kill -9 of an instance", flush=True)
            wait_until(lambda: done() >= 80 and count("SELECT count(*) FROM pieces") >= 3)
            cluster.process.send_signal(signal.SIGKILL)
            cluster.process.wait(10)
            assert_gone(cluster.seen)
            kept = count("SELECT count(*) FROM pieces")
            print(f"{done()} files done, {kept} pieces of unfinished files kept: kill -9 of the gateway", flush=True)
        with second.open("wb") as log, running_cluster(*flags, log=log) as cluster:
            wait_until(lambda: count("SELECT count(*) FROM jobs WHERE state IN ('done', 'failed')") == 1)
            shown = httpx.get(f"{cluster.url}/v1/jobs/{job}", timeout=30).json()
            answer = httpx.get(f"{cluster.url}/v1/jobs/{job}/results", timeout=60).text
            cluster.wait_ready(2)
            expected = alone(cluster, audio)
        results = [json.loads(line) for line in answer.splitlines()]
        again = [piece for piece, times in Counter(pieces(first) + pieces(second)).items() if times > 1]
    numbers = Counter(result["number"] for result in results)
    different = [number for number, result in enumerate(results) if result["result"]["text"] != expected[number]]
    print(f"counts: {shown['counts']}")
    print(f"results: {len(results)}, of distinct files: {len(numbers)}, twice: {sum(n > 1 for n in numbers.values())}")
    print(f"pieces recognised again after they were kept: {len(again)}")
    print(f"texts that differ from the same file sent alone: {len(different)}")
    return 0 if len(results) == len(numbers) == FILES and not again and not different else 1


if __name__ == "__main__":
    sys.exit(main())
