"""The simulator's table for 4, 64 and 1,000 instances, and how long it takes.

    python -m benchmarks.simulate                    # all three: a quarter of an hour on two cores
    python -m benchmarks.simulate --sizes 4,64 --jobs 1

Each arm is simulated in a process of its own, `--jobs` at a time, as `harken simulate` does it by default: 32 slots,
90 % load, the benchmark's mix; 40,000, 200,000 and a million recordings. The large fleets have fewer arms, because the
policies are told apart by the small one. Writes benchmarks/results/simulate.json and .md with machine and commit.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from benchmarks.machine import commit, machine
from harken.bench.score import Row
from harken.bench.simulation import NGINX_LEAST, NGINX_WEIGHTED, Scenario, capacity, run_arm
from harken.bench.workload import Drawn
from harken.config import LimitsConfig
from harken.dispatch.targets.choice import POLICY_NAMES

RESULTS = Path(__file__).parent / "results"

_SLOTS, _RTFX, _LOAD, _SEED = 32, 100.0, 0.9, 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """A fleet, what it gets, and who places it."""

    instances: int
    recordings: int
    arms: tuple[str, ...]


_LARGE = (NGINX_WEIGHTED, NGINX_LEAST, "auto", "power_of_two")
SIZES = (
    Size(instances=4, recordings=40_000, arms=(NGINX_WEIGHTED, NGINX_LEAST, *POLICY_NAMES)),
    Size(instances=64, recordings=200_000, arms=_LARGE),
    Size(instances=1000, recordings=1_000_000, arms=_LARGE),
)


def simulate(size: Size, arm: str) -> Row:
    """Run one arm, in a process of its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    best = capacity(instances=size.instances, slots=_SLOTS, rtfx=_RTFX)
    workload = Drawn(count=size.recordings, audio_s_per_s=_LOAD * best, seed=_SEED)
    scenario = Scenario(
        workload=workload,
        instances=size.instances,
        slots=_SLOTS,
        rtfx=_RTFX,
        warm_up_s=min(0.1 * workload.last_s, 60.0),
        limits=LimitsConfig(queue_audio_s=max(LimitsConfig().queue_audio_s, 30.0 * best)),
    )
    return run_arm(scenario, arm)


def table(size: Size, rows: Sequence[Row]) -> list[str]:
    """One fleet's table in Markdown."""
    lines = [
        f"## {size.instances:,} instances, {size.recordings:,} recordings",
        "",
        "| arm | short p50 | short p95 | short p99 | 30 s to 5 min p95 | long p95 | failed | took | placements per s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        seconds = (row.short_p50_s, row.short_p95_s, row.short_p99_s, row.medium_p95_s, row.long_p95_s)
        cells = " | ".join("-" if value is None else f"{value:.2f} s" for value in seconds)
        lines.append(f"| {row.name} | {cells} | {row.failures} | {row.took_s:.0f} s | {row.decisions_per_s:,.0f} |")
    return [*lines, ""]


def main() -> None:
    """Simulate, print and record."""
    parser = argparse.ArgumentParser(description="The simulator's table for several fleets.")
    parser.add_argument("--sizes", default="4,64,1000", help="numbers of instances")
    parser.add_argument("--jobs", type=int, default=2, help="arms at the same time")
    asked = parser.parse_args()
    wanted = {int(each) for each in asked.sizes.split(",")}
    sizes = [size for size in SIZES if size.instances in wanted]
    lines = ["# The simulator", "", f"{machine()}; commit {commit()}; {_LOAD:.0%} load, {_SLOTS} slots.", ""]
    found = []
    with ProcessPoolExecutor(max_workers=asked.jobs, max_tasks_per_child=1) as pool:
        runs = [(size, [pool.submit(simulate, size, arm) for arm in size.arms]) for size in sizes]
        for size, futures in runs:
            rows = [future.result() for future in futures]
            found.append({"instances": size.instances, "rows": [asdict(row) for row in rows]})
            lines += table(size, rows)
            print("\n".join(table(size, rows)), flush=True)
    result = {"machine": machine(), "commit": commit(), "load": _LOAD, "slots": _SLOTS, "fleets": found}
    (RESULTS / "simulate.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "simulate.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
