"""How long a start takes, and whether the first request after it is as fast as the tenth.

The digits model is started as people start it, `harken serve` as a process: it is ready when it says so, with its
canary recognised. Random weights have no canary, so a process of ours loads them and enters an engine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import wave
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engine.start import COUNT
from harken.engine.canary import read_canary
from harken.engine.resolve import resolve_model
from harken.qwen3_asr.card import read_card
from harken.server.announce import News, parse_line
from harken.types import SAMPLE_RATE

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One start.

    Attributes:
        stages_s: seconds from the start of the process until each stage was done, in order; "ready" is the last.
        latencies_s: of the first ten requests, one after another.
    """

    what: str
    kind: str
    stages_s: dict[str, float]
    latencies_s: list[float]


def start_random(folder: Path, kind: str, *, device: str, audio_s: float) -> Row:
    """Start an engine over a checkpoint in a process of its own."""
    command = (sys.executable, "-m", "benchmarks.engine.start", str(folder), kind, device, str(audio_s))
    began = time.monotonic()
    done = subprocess.run(
        (*command, str(began)), cwd=_ROOT, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
    )
    if done.returncode:
        raise RuntimeError(f"a start ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return _row(f"engine, {folder.name}, {audio_s:g}-s clips", kind, told["stages"], told["latencies"])


def start_digits(*, device: str, kind: str) -> Row:
    """Start `harken serve` with the digits model, and send it its canary's recording ten times."""
    flags = ("--model", "digits", "--port", "0", "--device", device, "--aligner", "none", "--log-level", "error")
    weights = ("--dtype", kind) if kind in ("bfloat16", "float32") else ("--quantize", kind)
    with tempfile.TemporaryDirectory(prefix="harken-start-") as state:
        env = {key: value for key, value in os.environ.items() if not key.startswith("HARKEN_")}
        env |= {"HARKEN_STATE_FOLDER": state, "HARKEN_JOBS_IS_ENABLED": "false", "HARKEN_AUTH_KEYS": "off"}
        env |= {"HARKEN_CACHE_BYTES": "0"}
        command = (sys.executable, "-m", "harken", "serve", *flags, *weights)
        log = Path(state) / "log"
        with log.open("w") as errors:
            began = time.monotonic()
            process = subprocess.Popen(
                command, cwd=_ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        try:
            stages, url = _until_ready(process, began)
            latencies = _ask(url)
        except RuntimeError as error:
            raise RuntimeError(f"{error}: {log.read_text()[-400:]}") from error
        finally:
            process.terminate()
            process.wait(30)
    return _row("harken serve, digits, its canary", kind, stages, latencies)


def _until_ready(process: subprocess.Popen[str], began: float) -> tuple[dict[str, float], str]:
    """Read what it announces: when it listened, when it was ready, and where."""
    assert process.stdout is not None
    stages: dict[str, float] = {}
    for line in process.stdout:
        told = parse_line(line)
        if told is not None:
            stages[told.news.value] = time.monotonic() - began
            if told.news is News.READY:
                return stages, told.url
    raise RuntimeError(f"the instance ended with {process.wait()} before it was ready")


def _ask(url: str) -> list[float]:
    """Upload the recording again and again over one connection; no two uploads are the same to a cache."""
    import httpx

    found = read_card(resolve_model("digits")).canary
    assert found is not None, "the packaged model has a canary"
    samples = read_canary(found.file, found.text, found.language).samples
    latencies = []
    with httpx.Client(base_url=url, timeout=60) as client:
        client.get("/health")  # the connection
        for number in range(COUNT):
            content = _wav(np.concatenate([samples, np.zeros(number, np.float32)]))
            before = time.perf_counter()
            answer = client.post("/asr", files={"audio": ("speech.wav", content, "audio/wav")})
            latencies.append(time.perf_counter() - before)
            answer.raise_for_status()
    return latencies


def _wav(samples: np.ndarray[Any, Any]) -> bytes:
    file = BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(SAMPLE_RATE)
        written.writeframes((samples * 32767).astype(np.int16).tobytes())
    return file.getvalue()


def _row(what: str, kind: str, stages: dict[str, float], latencies: list[float]) -> Row:
    return Row(
        what=what,
        kind=kind,
        stages_s={name: round(seconds, 3) for name, seconds in stages.items()},
        latencies_s=[round(seconds, 4) for seconds in latencies],
    )
