"""Live transcription, measured from outside: delays under load, the cost of an update, and final text against files.

    python -m benchmarks.live [--part load,cost,equal,kill] [--levels 1,4,8,16,32] [--seconds 60] [--recordings 200]

Everything goes through a real `harken up --model digits` in processes of its own, over sockets; what is said are
strings of digits with pauses by voices that no training heard (espeak-ng), so it is known when each word begins.

- load: N clients, each playing recordings at the pace of speech with pauses of 1 to 3 s between, the server finding the
  turns. From the first word to the first text, from the last word to the final text (p50, p95), updates a second of
  speech, CPU of gateway and instances for each stream. Stops after two levels whose p95 is not below a second.
- cost: one turn of 75 s of digits without a pause, committed by hand; CPU of the instance, time and sound of each draft
  around second 5 and around second 60.
- equal: each recording as a file and live: committed by hand against the file alone, turns of the server against
  `chunking_strategy` with the same figures, and against the file alone; how many texts are the same.
- kill: 20 clients, and `kill -9` of one of two instances in the middle.

Each part writes its figures into benchmarks/results/live.json, beside those of the others, and live.md is written anew.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.live_cost import cost
from benchmarks.live_equal import equal
from benchmarks.live_kill import kill
from benchmarks.live_load import load
from benchmarks.live_page import page
from benchmarks.live_world import Wanted
from benchmarks.machine import commit, machine
from harken.server.descriptors import raise_descriptor_limit

RESULTS = Path(__file__).parent / "results" / "live.json"

PARTS = {"load": load, "cost": cost, "equal": equal, "kill": kill}


def levels(text: str) -> tuple[int, ...]:
    """Read whole numbers from 1 on, with commas between."""
    found = tuple(int(part) for part in text.split(","))
    if min(found) < 1:
        raise ValueError(text)
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--part", default=",".join(PARTS), help="of load, cost, equal, kill")
    parser.add_argument("--levels", type=levels, default=(1, 4, 8, 16, 32, 48, 64, 96, 128), help="streams at once")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each level")
    parser.add_argument("--recordings", type=int, default=200, help="that are compared")
    parser.add_argument("--at-once", type=int, default=6, help="recordings that are compared at a time")
    parser.add_argument("--sessions", type=int, default=20, help="in the middle of which an instance is killed")
    parser.add_argument("--repeats", type=int, default=5, help="of the turn whose updates are measured")
    parser.add_argument("--instances", type=int, default=2, help="behind the gateway")
    parser.add_argument("--set", action="append", default=[], help="of the server, SECTION.KEY=VALUE")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the JSON file; the page is beside it")
    return parser.parse_args()


def main() -> int:
    """Run the parts that are wanted, one after the other."""
    raise_descriptor_limit()
    asked = _arguments()
    names = asked.part.split(",")
    if unknown := set(names) - set(PARTS):
        sys.exit(f"There is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}.")
    found: dict[str, Any] = json.loads(asked.results.read_text("utf-8")) if asked.results.exists() else {}
    is_good = True
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            flags = ["--instances", str(asked.instances), *itertools.chain(*(("--set", each) for each in asked.set))]
            wanted = Wanted(
                levels=asked.levels, seconds=asked.seconds, recordings=asked.recordings, at_once=asked.at_once,
                sessions=asked.sessions, repeats=asked.repeats, flags=flags, folder=Path(folder),
            )  # fmt: skip
            figures = asyncio.run(PARTS[name](wanted))
        found[name] = {"machine": machine(), "commit": commit(), "instances": asked.instances, **figures}
        is_good = is_good and figures.get("is_good", True)
        asked.results.parent.mkdir(parents=True, exist_ok=True)
        asked.results.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        asked.results.with_suffix(".md").write_text(page(found), encoding="utf-8")
        print(json.dumps({name: figures}, ensure_ascii=False)[:4000], flush=True)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
