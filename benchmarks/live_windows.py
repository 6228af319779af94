"""Does a clip that grows meet its finished windows in the encoder's cache, and what is that worth?

A live draft sends all sound since its anchor, half a second more each time. For every such update the front end and the
encoder run twice, with the cache and without; windows of 8 s that are finished can be found, unless something louder
came since. CPU time counts, of the best round: what else runs on the machine only adds. The sound is speech: the
packaged recordings of digits in one row, and sentences of two synthesisers where those are installed. Writes
benchmarks/results/live_windows.md and .json.

Usage: python -m benchmarks.live_windows [--model digits] [--seconds 30] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks.engine.checkpoint import find_model
from benchmarks.machine import commit, machine
from benchmarks.speech import RATE, SENTENCES, VOICES
from harken.audio import decode
from harken.qwen3_asr.clip import make_clip
from harken.qwen3_asr.encoder_cache import EncoderCache
from harken.qwen3_asr.model import Qwen3ASR

RESULTS = Path(__file__).parent / "results"
UPDATE_S = 0.5
DRAFT_S = 12.0
"""How far back a draft's anchor lies at most."""

_SPOKEN = ("flite-slt", "espeak-en-us")
_CACHE_BYTES = 1 << 28


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    """One update of one growing clip: milliseconds are of the best round."""

    sound: str
    seconds: float
    finished: int
    found: int
    is_louder: bool
    with_ms: float
    without_ms: float


def digits_in_a_row(language: str, seconds: float) -> NDArray[np.float32]:
    """The packaged recordings of one language, one behind the other, again from the first where they end."""
    folder = Path(str(files("harken"))) / "samples"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    names = [entry["file"] for entry in manifest if entry["language"] == language]
    pause = np.zeros(RATE // 3, np.float32)
    parts = [part for name in names for part in (decode((folder / name).read_bytes()).samples, pause)]
    row = np.concatenate(parts)
    whole: NDArray[np.float32] = np.resize(row, round(seconds * RATE))
    return whole


def spoken(voice: str, seconds: float) -> NDArray[np.float32]:
    """Sentences of a synthesiser, with short pauses."""
    command, parts, length = VOICES[voice], list[NDArray[np.float32]](), 0
    with tempfile.TemporaryDirectory() as folder:
        for text in filter(None, SENTENCES.read_text(encoding="utf-8").split("\n")):
            path = Path(folder) / "one.wav"
            subprocess.run([*command, str(path), *(("-t", text) if command[0] == "flite" else (text,))], check=True)
            samples, rate = soundfile.read(path, dtype="float32")
            parts += [soxr.resample(samples, rate, RATE), np.zeros(RATE // 2, np.float32)]
            length += sum(map(len, parts[-2:]))
            if length >= seconds * RATE:
                break
    found: NDArray[np.float32] = np.concatenate(parts)[: round(seconds * RATE)]
    return found


def sounds(seconds: float) -> dict[str, NDArray[np.float32]]:
    """All kinds that this machine can make."""
    found = {f"digits, {language}": digits_in_a_row(language, seconds) for language in ("English", "Chinese")}
    return found | {voice: spoken(voice, seconds) for voice in _SPOKEN if shutil.which(VOICES[voice][0])}


def heard_ms(model: Qwen3ASR, samples: NDArray[np.float32], cache: EncoderCache) -> float:
    """Milliseconds of CPU time from samples to embeddings; of wall clock they would tell of who else is at work."""
    network = model.network
    network.encoder_cache = cache
    began = time.process_time()
    clip = make_clip(samples, window_frames=network.config.encoder.window_frames if cache.is_on else 0)
    network.hear([clip])
    return (time.process_time() - began) * 1000


def grow(model: Qwen3ASR, sound: str, whole: NDArray[np.float32], rounds: int) -> list[Update]:
    """Let a clip grow, `rounds` times from the beginning, each time with an empty cache."""
    window_s = model.network.config.encoder.window_frames / 100
    took: dict[float, list[tuple[float, float]]] = {}
    counts: dict[float, tuple[int, bool]] = {}
    ends = [UPDATE_S * (number + 1) for number in range(round(len(whole) / RATE / UPDATE_S))]
    for _ in range(rounds):
        cache, off, loudest = EncoderCache(_CACHE_BYTES), EncoderCache(0), 0.0
        for end in ends:
            samples = whole[: round(end * RATE)]
            hits = cache.hits
            pair = heard_ms(model, samples, cache), heard_ms(model, samples, off)
            took.setdefault(end, []).append(pair)
            peak = model.network.features([make_clip(samples)]).peaks.item()
            counts[end] = cache.hits - hits, peak > loudest
            loudest = peak
    return [
        Update(
            sound=sound,
            seconds=end,
            finished=int(end // window_s),
            found=counts[end][0],
            is_louder=counts[end][1],
            with_ms=round(min(pair[0] for pair in took[end]), 2),
            without_ms=round(min(pair[1] for pair in took[end]), 2),
        )
        for end in ends
    ]


def report(facts: dict[str, object], updates: list[Update]) -> str:
    """The figures as a Markdown page."""
    head = (
        "| sound | clip, s | updates | finished windows | found | rate | louder than before | CPU ms with | without |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
    )
    rows = []
    seconds = max(one.seconds for one in updates)
    bands = ((0.0, 8.0), (8.0, DRAFT_S), (DRAFT_S, 20.0), (20.0, seconds))
    for sound in dict.fromkeys(one.sound for one in updates):
        for low, high in bands:
            band = [one for one in updates if one.sound == sound and low < one.seconds <= high]
            if not band:
                continue
            finished, found = sum(one.finished for one in band), sum(one.found for one in band)
            rate = f"{found / finished:.0%}" if finished else ""
            louder = sum(one.is_louder for one in band)
            with_ms = statistics.mean(one.with_ms for one in band)
            without_ms = statistics.mean(one.without_ms for one in band)
            rows.append(
                f"| {sound} | {low:g} to {high:g} | {len(band)} | {finished} | {found} | {rate} | {louder} "
                f"| {with_ms:.1f} | {without_ms:.1f} |\n"
            )
    notes = "".join(f"- {key}: {value}\n" for key, value in facts.items())
    return f"# Live drafts and the encoder's windows\n\n{head}{''.join(rows)}\n{notes}"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="digits", help="digits, a folder, or a size with random weights (0.6b)")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS / "live_windows.md")
    given = parser.parse_args()
    before = os.getloadavg()[0]
    model = Qwen3ASR.load(find_model(given.model, Path(tempfile.gettempdir()) / "harken-live-windows"))
    model.open_cache(slots=1, max_tokens=64)  # as an engine does; it settles torch's threads
    heard_ms(model, np.zeros(RATE * 10, np.float32), EncoderCache(0))
    updates = [one for sound, whole in sounds(given.seconds).items() for one in grow(model, sound, whole, given.rounds)]
    facts: dict[str, object] = {
        "model": f"{given.model} (its encoder; samples to embeddings, without the decoder)",
        "machine": machine(),
        "load average": f"{before:.2f} before, {os.getloadavg()[0]:.2f} after; 1 would be this benchmark alone",
        "commit": commit(),
        "update": f"every {UPDATE_S} s of sound; CPU ms: means of updates, each the least of {given.rounds} rounds",
        "not found": "a window at the update that finishes it; at the next one where the clip had ended with it, for "
        "its last frame looked into the mirror there; all of them when something louder came",
    }
    given.out.parent.mkdir(exist_ok=True)
    given.out.write_text(report(facts, updates), encoding="utf-8")
    found = {"facts": facts, "updates": [asdict(one) for one in updates]}
    given.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(report(facts, updates))


if __name__ == "__main__":
    main()
