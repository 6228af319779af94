"""Command line of the dispatcher's benchmark.

    python -m benchmarks.dispatch                                # the long run: about two hours
    python -m benchmarks.dispatch --quick                        # three minutes, one load
    python -m benchmarks.dispatch --loads '' --faults all        # only what goes wrong: half an hour

Writes benchmarks/results/dispatch.json and .md after every row; a load that was not run keeps what an earlier run
found, and --quick writes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx

from benchmarks.dispatch.arms import ARMS, SLOTS, Arm, capacity, start_front, start_instances
from benchmarks.dispatch.faults import LABELS, Fault, Mischief
from benchmarks.dispatch.play import Played, play
from benchmarks.dispatch.report import Row, as_markdown, differing, summarise
from benchmarks.dispatch.servers import House, Server
from benchmarks.dispatch.tape import Tape, make_tape
from benchmarks.dispatch.trace import LONGEST_S, Trace, make_trace, requests_for
from benchmarks.machine import commit, machine

RESULTS = Path(__file__).parents[1] / "results"
_FAULT_LOAD = 0.7
_TAPE_S = 300.0
"""How much more tape there is than the longest recording needs: where recordings may begin."""


class Bench:
    """One run of the benchmark.

    Args:
        options: of the command line.
        house: where its servers live.
        tape: what recordings are cut from.
    """

    def __init__(self, options: argparse.Namespace, house: House, tape: Tape) -> None:
        self._options = options
        self._house = house
        self._tape = tape
        self._about = describe(options)
        self._loads: list[Row] = []
        self._faults: list[Row] = []
        self._played: dict[float, list[Played]] = {}

    def trace(self, load: float, seconds: float) -> Trace:
        """The arrivals of a load; --requests of them, or as many as fill the seconds."""
        rate = capacity(self._options.rtfx) * load
        return make_trace(
            self._options.requests or requests_for(seconds, rate), audio_s_per_s=rate, seed=self._options.seed
        )

    def compare(self) -> None:
        """All loads and arms; arms whose instances are the same share their very processes."""
        for pieces in (1, 8):
            arms = [ARMS[name] for name in self._options.arms if ARMS[name].pieces == pieces]
            if arms and self._options.loads:
                instances = start_instances(self._house, arms[0], self._options.rtfx)
                for load in self._options.loads:
                    for arm in arms:
                        if not arm.has_one_load or load == self._main_load:
                            self._run(arm, instances, load)
                for instance in instances:
                    self._house.end(instance)

    @property
    def _main_load(self) -> float:
        return float(min(self._options.loads, key=lambda load: abs(load - 0.9)))

    def _run(self, arm: Arm, instances: Sequence[Server], load: float) -> None:
        trace = self.trace(load, self._options.seconds)
        front = start_front(self._house, arm, instances, self._options.rtfx)
        played = self._play(trace, front, instances)
        self._played.setdefault(load, []).append(played)
        self._house.end(front)
        _wait_idle(instances)
        self._note(self._loads, summarise(played, trace, load=load, arm=arm.name, label=arm.label))

    def break_things(self) -> None:
        """Every fault, for the guide's nginx and the gateway; instances of their own for each."""
        trace = self.trace(_FAULT_LOAD, self._options.fault_seconds)
        for fault in self._options.faults:
            for arm in (ARMS[name] for name in self._options.fault_arms):
                instances = start_instances(self._house, arm, self._options.rtfx, slow=fault is Fault.HALF)
                front = start_front(self._house, arm, instances, self._options.rtfx)
                mischief = Mischief(fault=fault, house=self._house, instances=instances, seconds=trace.seconds)
                played = self._play(trace, front, instances, mischief)
                for server in (front, *instances):
                    self._house.end(server)
                row = summarise(played, trace, load=_FAULT_LOAD, arm=arm.name, label=arm.label, fault=LABELS[fault])
                self._note(self._faults, row)

    def _note(self, rows: list[Row], row: Row) -> None:
        print(row, flush=True)
        rows.append(row)
        if not self._options.no_save:
            save(self.result())

    def result(self) -> dict[str, Any]:
        """What was found so far."""
        found: dict[str, Any] = {}
        loads: dict[str, Any] = {}
        for row in self._loads:
            count = differing(self._played[row.load])
            part = loads.setdefault(f"{row.load:g}", {"about": self._about, "differing": count, "rows": []})
            part["rows"].append(asdict(row))
        if loads:
            found["loads"] = loads
        if self._faults:
            found["faults"] = {"about": self._about, "rows": list(map(asdict, self._faults))}
        return found

    @property
    def failed(self) -> int:
        """Requests that the gateway failed."""
        return sum(row.failed for row in (*self._loads, *self._faults) if row.arm == "harken")

    def _play(
        self, trace: Trace, front: Server, instances: Sequence[Server], mischief: Mischief | None = None
    ) -> Played:
        meters = {"front": front.cpu_s, "instances": lambda: sum(instance.cpu_s() for instance in instances)}
        run = play(
            trace,
            self._tape,
            front.url,
            timeout_s=self._options.patience,
            meters=meters,
            meanwhile=mischief.meanwhile() if mischief else None,
        )
        return asyncio.run(run)


def _wait_idle(instances: Sequence[Server]) -> None:
    """Between two arms: until no instance has anything left."""
    deadline = time.monotonic() + 60
    while any(_in_flight(instance) for instance in instances):
        if time.monotonic() > deadline:
            raise RuntimeError("instances still work a minute after the last answer")
        time.sleep(0.2)


def _in_flight(instance: Server) -> int:
    health = httpx.get(f"{instance.url}/health", timeout=10).json()
    return sum(one["in_flight"] for one in health["instances"])


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loads", type=_numbers, default=(0.7, 0.9, 0.97), help="of the capacity; '' for none")
    parser.add_argument("--arms", type=_names, default=tuple(ARMS), help=f"of {', '.join(ARMS)}")
    parser.add_argument("--faults", type=_faults, default=(), help=f"'all', or of {', '.join(Fault)}")
    parser.add_argument("--fault-arms", type=_names, default=("guide", "harken"), help="who meets the faults")
    parser.add_argument("--seconds", type=float, default=360.0, help="of arrivals for each arm and load")
    parser.add_argument("--fault-seconds", type=float, default=120.0, help="of arrivals for each arm and fault")
    parser.add_argument("--requests", type=int, default=0, help="as many instead of --seconds")
    parser.add_argument("--rtfx", type=float, default=30.0, help="of one segment alone on one instance")
    parser.add_argument("--listens-fully", action="store_true", help="keep the speech detector: 2 ms CPU per audio-s")
    parser.add_argument("--patience", type=float, default=3600.0, help="seconds that a client waits for its answer")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--quick", action="store_true", help="90 %% load, three arms, 40 s each, no results")
    parser.add_argument("--no-save", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.loads, options.arms, options.seconds = (0.9,), ("guide", "least_conn", "harken"), 40.0
        options.no_save = True
    return options


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(",") if part)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(part for part in text.split(",") if part)
    if unknown := set(names) - set(ARMS):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}")
    return names


def _faults(text: str) -> tuple[Fault, ...]:
    return tuple(Fault) if text == "all" else tuple(Fault(part) for part in text.split(",") if part)


def main() -> int:
    """Run what was asked for; 1 when the gateway failed a request."""
    options = _read_options()
    with House(listens_lightly=not options.listens_fully) as house:
        tape = make_tape(house.folder / "tape.pcm", seconds=LONGEST_S + _TAPE_S, longest_s=LONGEST_S, seed=options.seed)
        bench = Bench(options, house, tape)
        bench.compare()
        bench.break_things()
    print(as_markdown(bench.result()))
    return int(bench.failed > 0)


def describe(options: argparse.Namespace) -> dict[str, Any]:
    """What was measured, and on what."""
    return {
        "machine": machine(),
        "commit": commit(),
        "listens": "fully" if options.listens_fully else "by loudness",
        "rtfx": options.rtfx,
        "slots": SLOTS,
        "capacity": round(capacity(options.rtfx), 1),
        "seed": options.seed,
    }


def save(result: dict[str, Any]) -> None:
    """Write both files, and keep the loads and the faults of an earlier run that were not run now."""
    path = RESULTS / "dispatch.json"
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    result = {**earlier, **result, "loads": {**earlier.get("loads", {}), **result.get("loads", {})}}
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(as_markdown(result), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
