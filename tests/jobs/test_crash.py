"""kill -9 of an instance, then of the gateway, during a job of 200 files: nothing is lost, nothing is repeated."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
import soundfile

from harken.audio import AudioReader, decode
from harken.config import LimitsConfig
from harken.engine.stub import StubEngine
from harken.engine.stub_options import parse_stub
from harken.jobs.signing import sign
from harken.transcribe.ask import Ask
from harken.transcribe.transcriber import Transcriber
from tests.cluster import assert_gone, running_cluster
from tests.jobs.receiver import Receiver, receiving

FILES = 200
LONG = range(60, 120, 6)
"""These have a dozen pieces each, so that a kill finds some of them half done."""

STUB = "stub:rtfx=8,max_segment_s=3"
LEASE_S = 2.0
PATIENCE_S = 60.0


def recordings() -> list[bytes]:
    """Two hundred recordings of speech, no two alike."""
    names = ("english-01.wav", "english-02.wav", "chinese-01.wav", "chinese-02.wav")
    samples = [decode((files("harken") / "samples" / name).read_bytes()).samples for name in names]
    pause = np.zeros(8_000, np.float32)
    found = []
    for number in range(FILES):
        parts = [samples[(number + k) % 4] for k in range(12 if number in LONG else 1)]
        audio = np.concatenate([part for pair in zip(parts, [pause] * len(parts), strict=True) for part in pair])
        file = io.BytesIO()
        soundfile.write(file, audio * np.float32(0.5 + number / 500), 16_000, format="FLAC")
        found.append(file.getvalue())
    return found


def expected(audio: list[bytes]) -> list[str]:
    """What the stub says of each, asked in this process without any crash."""

    async def ask() -> list[str]:
        stub = StubEngine(parse_stub(STUB.replace("rtfx=8", "rtfx=100000")), slots=64, waiting=10_000)
        async with stub as engine, AudioReader() as reader:
            transcriber = Transcriber(engine, reader, LimitsConfig())
            results = await asyncio.gather(*(transcriber.transcribe(one, Ask(), "expected") for one in audio))
            return [result.text for result in results]

    return asyncio.run(ask())


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Look again and again until it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.03)  # between two looks


def count(database: Path, question: str) -> int:
    """Ask the gateway's own database; it goes on meanwhile."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10) as connection:
        number: int = connection.execute(question).fetchone()[0]
    connection.close()
    return number


def kept(log: Path) -> list[tuple[int, int]]:
    """Every piece that a gateway wrote down as recognised: file and first sample."""
    lines = (
        json.loads(line) for line in log.read_text().splitlines() if '"jobs.piece_kept"' in line and line.endswith("}")
    )
    return [(line["file"], line["start"]) for line in lines]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_job_of_200_files_survives_kills_of_an_instance_and_of_the_gateway(tmp_path: Path) -> None:
    """200 results, all right, none twice; no finished piece is recognised again; the webhook hears of it."""
    audio = recordings()
    database = tmp_path / "state" / "harken.db"
    flags = [
        *("--model", STUB, "--instances", "2", "--log-level", "debug"),
        *("--set", f"state.folder={tmp_path / 'state'}", "--set", f"jobs.lease_s={LEASE_S}"),
        *("--set", "jobs.files_in_flight=8", "--set", "jobs.allows_private_webhooks=true"),
    ]
    first_log, second_log = tmp_path / "first.log", tmp_path / "second.log"
    with receiving() as receiver:
        with first_log.open("wb") as log, running_cluster(*flags, log=log) as cluster:
            ready = cluster.wait_ready(2)
            body = [("file", (f"{number}.flac", one)) for number, one in enumerate(audio)]
            sent = httpx.post(f"{cluster.url}/v1/jobs", files=body, data={"webhook": receiver.url}, timeout=60)
            assert sent.status_code == 201, sent.text
            job_id = sent.json()["id"]

            wait_until(lambda: count(database, "SELECT count(*) FROM files WHERE state = 'done'") >= 25, "25 done")
            psutil.Process(ready["instances"][0]["pid"]).kill()
            wait_until(
                lambda: (
                    count(database, "SELECT count(*) FROM files WHERE state = 'done'") >= 60
                    and count(database, "SELECT count(*) FROM pieces") >= 5
                ),
                "60 done and others half done",
            )
            cluster.process.send_signal(signal.SIGKILL)
            cluster.process.wait(10)
            # Its instances leave with it, so that nothing of the first life works on unseen.
            assert_gone(cluster.seen)
        done_before = count(database, "SELECT count(*) FROM files WHERE state = 'done'")
        pieces_before = count(database, "SELECT count(*) FROM pieces")
        assert 60 <= done_before < FILES
        assert pieces_before >= 1  # between the look and the kill some of the five may have become results

        with second_log.open("wb") as log, running_cluster(*flags, log=log) as cluster:
            wait_until(
                lambda: count(database, "SELECT count(*) FROM jobs WHERE state IN ('done', 'failed')") == 1, "the end"
            )
            shown = httpx.get(f"{cluster.url}/v1/jobs/{job_id}", timeout=30).json()
            lines = httpx.get(f"{cluster.url}/v1/jobs/{job_id}/results", timeout=60).text.splitlines()
            receiver.wait(1)
            wait_until(lambda: count(database, "SELECT count(*) FROM webhooks WHERE due_at IS NULL") == 1, "delivery")

    assert shown["counts"] == {"queued": 0, "running": 0, "done": FILES, "failed": 0, "cancelled": 0, "total": FILES}
    # A try that died with its server counts only where it had finished no piece.
    assert max(file["attempts"] for file in shown["files"]) <= 2
    results = [json.loads(line) for line in lines]
    assert [result["number"] for result in results] == list(range(FILES))
    assert [result["result"]["text"] for result in results] == expected(audio)
    assert count(database, "SELECT count(*) FROM files WHERE result IS NOT NULL") == FILES
    assert not list((tmp_path / "state" / "recordings").glob("job_*"))

    twice = [piece for piece, times in Counter(kept(first_log) + kept(second_log)).items() if times > 1]
    assert not twice, f"recognised again: {twice}"
    check_webhook(receiver, job_id, (tmp_path / "state" / "webhook-secret").read_text().strip())


def check_webhook(receiver: Receiver, job_id: str, secret: str) -> None:
    """Delivered at least once, always the same message, and signed."""
    assert len({headers["webhook-id"] for headers, _ in receiver.calls}) == 1
    for headers, body in receiver.calls:
        message = json.loads(body)
        assert (message["data"]["id"], message["data"]["state"]) == (job_id, "done")
        signature = sign(secret, headers["webhook-id"], int(headers["webhook-timestamp"]), body)
        assert headers["webhook-signature"] == signature
