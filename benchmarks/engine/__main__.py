"""Command line of the engine's benchmark.

    python -m benchmarks.engine                                       # 0.6B with random weights, on the CPU
    python -m benchmarks.engine --model 1.7b --device cuda
    python -m benchmarks.engine --model digits --only throughput,rival
    python -m benchmarks.engine --model tiny --quick                  # a minute: does all of it work here?

Prints the tables and writes benchmarks/results/engine-<model>-<device>.json and .md after every row; a part that was
not run keeps what an earlier run found. --quick writes nothing unless --out says where.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from benchmarks.engine.arithmetic import Clip
from benchmarks.engine.checkpoint import SIZES, find_model
from benchmarks.engine.forced import KINDS
from benchmarks.engine.parts import Bench, Load, Part, Plan
from benchmarks.engine.report import PARTS, as_markdown, combine
from benchmarks.engine.rounds import Pace
from benchmarks.machine import commit, machine
from harken.engine.load import choose_device
from harken.qwen3_asr.card import read_card
from harken.qwen3_asr.config import read_config
from harken.qwen3_asr.native.library import library

RESULTS = Path(__file__).parents[1] / "results"

_ON_CPU = (Load(clip=Clip.of(10.0), at_a_time=(8, 1, 2, 4, 16), rival_at_a_time=(8, 1)),)
_ON_GPU = (
    Load(clip=Clip.of(30.0), at_a_time=(128,), rival_at_a_time=(32, 64, 16)),
    Load(clip=Clip.of(8.0), at_a_time=(8, 1), rival_at_a_time=(64, 1)),
    Load(clip=Clip.of(30.0), at_a_time=(32, 8, 1), rival_at_a_time=(8, 1)),
    Load(clip=Clip.of(8.0), at_a_time=(2, 4), rival_at_a_time=(32, 16, 8)),
)
"""What the goals are about comes first: a part may have too little time for the rest."""

_QUICK_S = 2.0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="0.6b", help=f"{', '.join(SIZES)} (random weights), a folder, or a name")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only", type=_names(PARTS), default=PARTS, help=f"of {', '.join(PARTS)}")
    parser.add_argument("--kinds", type=_names(KINDS), help=f"of weights: {', '.join(KINDS)}; the last on CPUs alone")
    parser.add_argument("--at-a-time", type=_counts, help="segments in flight, instead of the usual numbers")
    parser.add_argument("--rival-at-a-time", type=_counts, help="the same of transformers' batches")
    parser.add_argument("--seconds", type=float, help="of each clip, instead of the usual lengths")
    parser.add_argument("--rounds", type=int, default=2, help="of each level; the median counts")
    parser.add_argument("--batches", type=int, default=2, help="of each round, at least")
    parser.add_argument("--duration", type=float, default=5.0, help="seconds of each round, at least")
    parser.add_argument("--budget", type=float, help="seconds after which a part begins no other row")
    parser.add_argument("--threads", type=int, default=0, help="0 for one on each core")
    parser.add_argument("--work", type=Path, help="where random checkpoints are kept; default: nowhere")
    parser.add_argument("--out", type=Path, help=f"where results go; default: {RESULTS.name}/")
    parser.add_argument("--quick", action="store_true", help="clips of two seconds, few of everything")
    return parser.parse_args()


def _names(known: tuple[str, ...]) -> Any:
    def read(text: str) -> tuple[str, ...]:
        names = tuple(part for part in text.split(",") if part)
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
        return tuple(name for name in known if name in names)

    return read


def _counts(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def plan(options: argparse.Namespace, folder: Path) -> Plan:
    """What is measured, of what the command line says."""
    device = choose_device(options.device)
    is_gpu, is_quick = device.startswith("cuda"), options.quick
    longest_s = read_card(folder).max_segment_s
    usual = _ON_GPU if is_gpu else _ON_CPU
    if is_quick:
        usual = (Load(clip=Clip.of(_QUICK_S), at_a_time=(1, 2), rival_at_a_time=(1, 2)),)
    lengths = [options.seconds] if options.seconds else [load.clip.audio_s for load in usual]
    loads = tuple(
        Load(
            clip=Clip.of(min(audio_s, longest_s)),
            at_a_time=options.at_a_time or load.at_a_time,
            rival_at_a_time=options.rival_at_a_time or load.rival_at_a_time,
        )
        for audio_s, load in zip(lengths, usual, strict=False)
    )
    pace = Pace(rounds=options.rounds, batches=options.batches, duration_s=options.duration)
    return Plan(
        folder=folder,
        device=device,
        kinds=options.kinds or (KINDS[:-1] if is_gpu else KINDS),
        rival_kinds=("bfloat16",) if is_gpu else ("bfloat16", "float32"),
        loads=loads,
        pace=Pace(rounds=1, batches=1, duration_s=0.0) if is_quick else pace,
        budget_s=options.budget,
        threads=options.threads or len(os.sched_getaffinity(0)),
        limit_s=0.1 if is_quick else 1.0,
        strings=5 if is_quick else 150,
        followed=1 if is_quick else 4,
    )


def about(run: str, device: str, threads: int) -> dict[str, Any]:
    """What a part is measured on, now."""
    return {
        "run": run,
        "machine": machine(),
        "commit": commit(),
        "gpu": torch.cuda.get_device_name(device) if device.startswith("cuda") else "",
        "torch": torch.__version__,
        "transformers": _version("transformers"),
        "threads": threads,
        "has_kernels": library() is not None,
        "load": round(os.getloadavg()[0], 2),
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def measure(options: argparse.Namespace, work: Path) -> int:
    """Run all parts, print and write; the number of parts with something that could not be measured for a defect."""
    folder = find_model(options.model, work)
    config, wanted = read_config(folder), plan(options, folder)
    name = options.model if options.model in SIZES else read_card(folder).name.replace("/", "--")
    out = options.out or (None if options.quick else RESULTS)
    path = None if out is None else out / f"engine-{name}-{wanted.device.replace(':', '')}.json"
    result: dict[str, Any] = {"benchmark": "engine", "model": name, "device": wanted.device, "parts": {}}
    if path is not None and path.is_file():
        result["parts"] = json.loads(path.read_text(encoding="utf-8")).get("parts", {})
    run = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    abouts: dict[str, Any] = {}
    last: dict[str, Any] = {}

    def note(part_name: str, part: Part) -> None:
        result["parts"][part_name] = {"about": abouts[part_name], "rows": part.rows, "notes": part.notes}
        combine(result, config)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            path.with_suffix(".md").write_text(as_markdown(result), encoding="utf-8")
        if part.rows and part.rows[-1] is not last.get("row"):
            last["row"] = part.rows[-1]
            print(part_name, last["row"], file=sys.stderr, flush=True)

    bench, defects = Bench(wanted, note), 0
    # The machine once more at the end: what it can do does not hang on who else was busy at the beginning.
    for part_name in (*options.only, *(name for name in options.only if name == "limit")):
        abouts.setdefault(part_name, about(run, wanted.device, wanted.threads))
        notes = bench.run(part_name).notes
        defects += any(line.startswith(f"{part_name} ended with") for line in notes)
    print(as_markdown(result))
    return defects


def main() -> int:
    """Measure what was asked for; 1 where a part ended early for a defect."""
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="harken-engine-") as folder:
        return int(measure(options, options.work or Path(folder)) > 0)


if __name__ == "__main__":
    sys.exit(main())
