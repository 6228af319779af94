"""How fast the engine is: audio-seconds per second at 1, 2, 4, 8, … segments at a time.

    python benchmarks/engine.py                                        # the packaged digits model, on the CPU
    python benchmarks/engine.py --model Qwen/Qwen3-ASR-1.7B --device cuda
    python benchmarks/engine.py --random 1.7b --device cuda            # full size without a download

Each level keeps so many segments in flight for a fixed time, after a warm-up of one segment each. With random weights
the text is noise, so the tokens are forced to four per second of audio, which is about how fast people speak. Prints
a table and writes benchmarks/results/engine-<model>-<device>.json with machine and commit.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import math
import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harken.engine.canary import read_canary
from harken.engine.engine import Engine
from harken.engine.load import choose_device
from harken.engine.resolve import resolve_model
from harken.engine.stopping import token_cap
from harken.languages import NAMES
from harken.qwen3_asr.config import DecoderConfig, EncoderConfig, NetworkConfig
from harken.qwen3_asr.model import Qwen3ASR
from harken.qwen3_asr.network import Network
from harken.qwen3_asr.prompt import AUDIO_PAD
from harken.qwen3_asr.tokenizer import load_tokenizer
from harken.testing import speech_like
from harken.types import SAMPLE_RATE, ModelInfo, Options, Segment

RESULTS = Path(__file__).parent / "results"
TOKENS_PER_S = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """What differs between the published models: encoder layers, width, heads, ffn; decoder width, ffn."""

    layers: int
    width: int
    heads: int
    ffn: int
    text_width: int
    text_ffn: int


SIZES = {
    "0.6b": Size(layers=18, width=896, heads=14, ffn=3584, text_width=1024, text_ffn=3072),
    "1.7b": Size(layers=24, width=1024, heads=16, ffn=4096, text_width=2048, text_ffn=6144),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """One row of the table."""

    concurrency: int
    rtfx: float
    segments_per_s: float
    latency_p50_s: float
    latency_p95_s: float
    tokens_per_s: float


class Wordless(Qwen3ASR):
    """A random network never stops by itself and writes tokens that mean nothing."""

    def detokenize(self, ids: Sequence[int]) -> str:
        """Nothing: most of its tokens are not in the small tokenizer that it borrows."""
        return ""


def random_model(name: str, device: str, dtype: torch.dtype) -> Wordless:
    """A network of a published size, filled with noise; prompts are written with the digits tokenizer."""
    size, tokenizer = SIZES[name], load_tokenizer(resolve_model("digits"))
    config = NetworkConfig(
        encoder=EncoderConfig(
            mels=128, layers=size.layers, width=size.width, heads=size.heads, ffn=size.ffn, channels=480,
            output=size.text_width, chunk_frames=100, window_chunks=8,
        ),
        decoder=DecoderConfig(
            vocabulary=151_936, width=size.text_width, ffn=size.text_ffn, layers=28, heads=16, kv_heads=8, head_dim=128,
            rope_theta=1e6, norm_eps=1e-6, max_positions=65_536, is_tied=True,
        ),
        audio_token=tokenizer.id_of(AUDIO_PAD),
        languages=NAMES,
    )  # fmt: skip
    with torch.device("meta"):
        network = Network(config)
    generator = torch.Generator(device=device).manual_seed(0)
    state = {
        key: torch.empty(tensor.shape, device=device, dtype=dtype).normal_(0, 0.02, generator=generator)
        for key, tensor in network.state_dict().items()
        if key != "lm_head.weight"
    }
    state["lm_head.weight"] = state["language_model.embed_tokens.weight"]
    network.load_state_dict(state, strict=True, assign=True)
    info = ModelInfo(name=f"random-{name}", revision="0", max_segment_s=30.0, languages=NAMES)
    return Wordless(network.requires_grad_(False).eval(), tokenizer, info=info, stop_ids=frozenset())


def forced_cap(audio_s: float) -> int:
    """Tokens of a segment whose model never stops by itself."""
    return math.ceil(TOKENS_PER_S * audio_s)


def sound_of(model: Qwen3ASR, seconds: float) -> NDArray[np.float32]:
    """A recording of that length, [n] float32: the model's canary over and over, else something like speech."""
    if model.canary is None:
        return speech_like(seconds)
    once = read_canary(model.canary.file, model.canary.text, model.canary.language).samples
    return np.resize(once, round(seconds * SAMPLE_RATE))


async def measure(engine: Engine, sound: NDArray[np.float32], concurrency: int, duration_s: float) -> Level:
    """Keep so many segments in flight for that time; those that are under way at its end still count."""
    latencies: list[float] = []
    tokens = 0

    async def client(number: int, ends: float) -> None:
        nonlocal tokens
        while time.perf_counter() < ends:
            segment = Segment(samples=sound, request_id=f"bench-{concurrency}-{number}", index=len(latencies))
            began = time.perf_counter()
            tokens += (await engine.recognize(segment, Options())).tokens
            latencies.append(time.perf_counter() - began)

    async def all_clients(seconds: float) -> float:
        began = time.perf_counter()
        await asyncio.gather(*(client(number, began + seconds) for number in range(concurrency)))
        return time.perf_counter() - began

    await all_clients(1e-9)  # a warm-up: one segment each
    latencies.clear()
    tokens = 0
    wall_s = await all_clients(duration_s)
    return Level(
        concurrency=concurrency,
        rtfx=round(len(latencies) * len(sound) / SAMPLE_RATE / wall_s, 1),
        segments_per_s=round(len(latencies) / wall_s, 2),
        latency_p50_s=round(float(np.percentile(latencies, 50)), 4),
        latency_p95_s=round(float(np.percentile(latencies, 95)), 4),
        tokens_per_s=round(tokens / wall_s, 1),
    )


async def run(
    model: Qwen3ASR, levels: Sequence[int], cap: Callable[[float], int], seconds: float, duration_s: float
) -> list[Level]:
    """All levels, each with as many slots as segments, as they come."""
    sound = sound_of(model, seconds)
    rows = []
    print("at a time    RTFx  segments/s  p50 s   p95 s   tokens/s", flush=True)
    for concurrency in levels:
        async with Engine(model, slots=concurrency, waiting=0, cap=cap) as engine:
            row = await measure(engine, sound, concurrency, duration_s)
        rows.append(row)
        print(
            f"{row.concurrency:9} {row.rtfx:7.1f}  {row.segments_per_s:10.2f}  {row.latency_p50_s:6.3f}  "
            f"{row.latency_p95_s:6.3f}  {row.tokens_per_s:8.1f}",
            flush=True,
        )
    return rows


def machine(device: str) -> dict[str, Any]:
    """What it ran on."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line for line in cpuinfo.read_text().splitlines() if "model name" in line] if cpuinfo.exists() else []
    return {
        "cpu": names[0].split(":", 1)[1].strip() if names else platform.processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "gpu": torch.cuda.get_device_name(device) if device.startswith("cuda") else "",
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
    }


def commit() -> str:
    """The commit that was measured; "" outside a repository."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="digits", help="digits, a folder, or a hub name")
    parser.add_argument("--random", choices=SIZES, help="random weights of this size instead of a model")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto", choices=["auto", "float32", "bfloat16"])
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 for torch's own choice")
    parser.add_argument("--at-a-time", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--seconds", type=float, default=0.0, help="length of each segment; 0 for the longest, ≤ 10")
    parser.add_argument("--duration", type=float, default=5.0, help="seconds to measure each level")
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write the results."""
    args = arguments()
    if args.threads:
        torch.set_num_threads(args.threads)
    device = choose_device(args.device)
    cap = token_cap
    if args.random:
        is_float32 = args.dtype == "float32" or (args.dtype == "auto" and device == "cpu")
        model: Qwen3ASR = random_model(args.random, device, torch.float32 if is_float32 else torch.bfloat16)
        cap = forced_cap
    else:
        model = Qwen3ASR.load(resolve_model(args.model), device=device, dtype=args.dtype)
    seconds = args.seconds or min(model.info.max_segment_s, 10.0)
    rows = asyncio.run(run(model, args.at_a_time, cap, seconds, args.duration))
    facts = {
        "benchmark": "engine",
        "model": model.info.name,
        "revision": model.info.revision,
        "device": device,
        "dtype": str(model.network.dtype).removeprefix("torch."),
        "segment_s": seconds,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(device),
        "levels": [asdict(row) for row in rows],
    }
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"engine-{model.info.name.replace('/', '--')}-{device.replace(':', '')}.json"
    file.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(file)


if __name__ == "__main__":
    main()
