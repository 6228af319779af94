"""The autoscaler's table: invented days for it and its rivals, under a virtual clock.

    python -m benchmarks.autoscaling               # some minutes on one core
    python -m benchmarks.autoscaling --kinds small

The days are those of `benchmarks.autoscaling_days`, in the work of an instance, so that both kinds of instances get the
same load. Each row is what `harken autoscale --replay` would print for such a file. Writes
benchmarks/results/autoscaling.json and .md with machine and commit; the figures do not depend on the machine.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.autoscaling_days import HOUR_S, draw, huge_file, night, office, ramp, spike, square
from benchmarks.machine import commit, machine
from harken.bench.workload import Arrival
from harken.fleet.day_score import Row
from harken.fleet.rival_days import run_all
from harken.fleet.scaling_day import Day
from harken.fleet.virtual_fleet import Kind

RESULTS = Path(__file__).parent / "results"

KINDS = {
    "small": Kind(pace=10.0, slots=8, start_s=20.0),
    "large": Kind(pace=100.0, slots=32, start_s=60.0),
}
"""On the scale of a 0.6B on a few CPU cores, and of a 1.7B on a GPU."""

_SEED = 1


def days(kind: Kind) -> Iterator[tuple[str, Sequence[Arrival]]]:
    """All invented days with their names."""
    for name, load, hours in (
        ("an office day: peaks of 5 and 4 instances' work", office, 24),
        ("a night", night, 8),
        ("ten times as much for five minutes", spike, 3),
        ("a slow ramp to 7 instances' work and back", ramp, 6),
        ("on and off every 310 s", square(620.0), 6),
        ("on and off every 30 s", square(60.0), 6),
    ):
        yield name, draw(load, lasts_s=hours * HOUR_S, pace=kind.pace, seed=_SEED)
    yield "one file of ten hours", huge_file()


def table(name: str, count: int, rows: Sequence[Row]) -> list[str]:
    """One day in Markdown."""
    lines = [
        f"### {name[:1].upper()}{name[1:]} ({count:,} recording{'s' if count > 1 else ''})",
        "",
        "| who decides | instance-hours | wait p50 | p95 | p99 | longest | refused | timed out | changes | last |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        waits = (row.wait_p50_s, row.wait_p95_s, row.wait_p99_s, row.wait_max_s)
        cells = " | ".join("-" if value is None else f"{value:.1f} s" for value in waits)
        lines.append(
            f"| {row.name} | {row.instance_hours:.1f} | {cells} | {row.refused:,} | {row.timed_out:,} | {row.changes} "
            f"| {row.last} |"
        )
    return [*lines, ""]


def main() -> None:
    """Simulate, print and record."""
    parser = argparse.ArgumentParser(description="The autoscaler beside its rivals.")
    parser.add_argument("--kinds", default="small,large", help="of instances")
    asked = parser.parse_args()
    lines = ["# The autoscaler", "", f"`python -m benchmarks.autoscaling`; {machine()}; commit {commit()}.", ""]
    found = []
    for kind_name in asked.kinds.split(","):
        kind = KINDS[kind_name]
        head = f"## A {kind_name} instance: pace {kind.pace:g}, {kind.slots} slots, {kind.start_s:g} s to start"
        lines += [head, ""]
        print(head, flush=True)
        for name, arrivals in days(kind):
            rows = run_all(Day(arrivals=arrivals, kind=kind))
            lines += table(name, len(arrivals), rows)
            print("\n".join(table(name, len(arrivals), rows)), flush=True)
            plain = [{key: value for key, value in asdict(row).items() if key != "entries"} for row in rows]
            found.append({"kind": kind_name, "day": name, "recordings": len(arrivals), "rows": plain})
    result = {"machine": machine(), "commit": commit(), "seed": _SEED, "days": found}
    (RESULTS / "autoscaling.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "autoscaling.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
