"""`harken simulate`: the dispatcher's decisions compared without a cluster, as a table, JSON and a picture."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from harken.bench.faults import read_fault
from harken.bench.plot import draw
from harken.bench.score import Row
from harken.bench.simulation import NGINX_LEAST, NGINX_WEIGHTED, Scenario, capacity, run_arm
from harken.bench.trace import read_trace
from harken.bench.workload import Drawn, Workload
from harken.cli.screen import Screen, drawn
from harken.cli.simulated_part import SimulatedPart
from harken.config import Config
from harken.dispatch.targets.choice import POLICY_NAMES, policy_named
from harken.errors import ConfigError
from harken.fleet.upstreams import parse_weights

_BAR = 24

_RTFX, _LOAD = (0.1, 1e6), (0.001, 100.0)
"""What can be simulated in a time that anybody waits."""

_QUEUE_LEAST_S = 30.0
"""The least that may wait, in seconds of the whole fleet's work: the default bound is made for a few instances, and to
a thousand it is the work of an instant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the person wants to see.

    Attributes:
        instances: how many.
        slots: of each.
        rtfx: audio-seconds per second of one segment alone on an instance.
        requests: recordings to draw; ignored with a trace.
        load: audio that comes, as a part of what the fleet can do at best; ignored with a trace.
        seed: of the drawing.
        trace: a file of recordings to play instead.
        policies: Harken's arms, by name; empty for all.
        has_nginx: whether nginx's arms are simulated too.
        faults: what happens to instances.
        restart_s: how long a lost instance takes to be back.
        plot: an SVG file to write.
        as_json: print JSON instead of a table.
    """

    instances: int
    slots: int
    rtfx: float
    requests: int
    load: float
    seed: int
    trace: Path | None
    policies: Sequence[str]
    has_nginx: bool
    faults: Sequence[str]
    restart_s: float
    plot: Path | None
    as_json: bool


def run(config: Config, asked: Asked) -> int:
    """Simulate, print, and return the exit code.

    Raises:
        ConfigError: something asked for is not there or makes no sense.
    """
    for flag, value, (least, most) in (("--rtfx", asked.rtfx, _RTFX), ("--load", asked.load, _LOAD)):
        if not least <= value <= most:
            raise ConfigError(f"{flag} must be from {least:g} to {most:g}, not {value:g}.")
    scenario = _scenario(config, asked)
    names = _arms(asked)
    if asked.plot is not None:
        _write(asked.plot, "")  # now, and not when all has been simulated
    rows = []
    with SimulatedPart(arms=len(names), recordings=len(scenario.workload)) as part:
        for name in names:
            part.begin(name)
            rows.append(run_arm(scenario, name, on_arrival=part.come))
    title = _title(scenario, asked)
    if asked.plot is not None:
        _write(asked.plot, draw(rows, title))
    if asked.as_json:
        print(json.dumps({"title": title, "rows": [_as_json(row) for row in rows]}, indent=2))
    else:
        print_table(rows, title)
    return 0


def _scenario(config: Config, asked: Asked) -> Scenario:
    best = capacity(instances=asked.instances, slots=asked.slots, rtfx=asked.rtfx)
    workload: Workload
    if asked.trace is not None:
        workload = read_trace(asked.trace)
        last_s = workload[-1].at_s
    else:
        workload = Drawn(count=asked.requests, audio_s_per_s=asked.load * best, seed=asked.seed)
        last_s = workload.last_s
    return Scenario(
        workload=workload,
        instances=asked.instances,
        slots=asked.slots,
        rtfx=asked.rtfx,
        faults=tuple(read_fault(fault, instances=asked.instances) for fault in asked.faults),
        weights=parse_weights(config.fleet.weights, asked.instances) if config.fleet.weights.strip() else (),
        restart_s=asked.restart_s,
        # A fleet begins empty, and every instance slowly: a tenth of the time, but no more than a minute.
        warm_up_s=min(0.1 * last_s, 60.0),
        limits=dataclasses.replace(
            config.limits, queue_audio_s=max(config.limits.queue_audio_s, _QUEUE_LEAST_S * best)
        ),
        fleet=config.fleet,
        dispatch=config.dispatch,
    )


def _arms(asked: Asked) -> list[str]:
    for name in asked.policies:
        policy_named(name)
    nginx = [NGINX_WEIGHTED, NGINX_LEAST] if asked.has_nginx else []
    return [*nginx, *dict.fromkeys(asked.policies or POLICY_NAMES)]


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error}") from error


def _title(scenario: Scenario, asked: Asked) -> str:
    what = f"trace {asked.trace.name}" if asked.trace is not None else f"{asked.load:.0%} of capacity"
    faults = "".join(f", {fault}" for fault in asked.faults)
    return (
        f"{len(scenario.workload):,} recordings, {asked.instances} instances of {scenario.slots} slots, {what}{faults}"
    )


def _as_json(row: Row) -> dict[str, object]:
    return {**dataclasses.asdict(row), "decisions_per_s": round(row.decisions_per_s)}


def print_table(rows: Sequence[Row], title: str) -> None:
    """Print the arms side by side; latencies in seconds."""
    table = Table(title=title, box=None, header_style="dim", title_justify="left")
    table.add_column("arm", no_wrap=True, min_width=max((len(row.name) for row in rows), default=0))
    for column in (
        "short p50", "p95", "p99", "30 s-5 min p95", "long p95", "failed", "longest queue", "decisions/s",
    ):  # fmt: skip
        table.add_column(column, justify="right")
    table.add_column("short p99")
    worst = max((row.short_p99_s or 0.0 for row in rows), default=0.0)
    for row in rows:
        seconds = (row.short_p50_s, row.short_p95_s, row.short_p99_s, row.medium_p95_s, row.long_p95_s)
        table.add_row(
            escape(row.name),
            *("" if value is None else f"{value:.2f}" for value in seconds),
            f"[red]{row.failures}[/]" if row.failures else "0",
            f"{row.queue_max_audio_s:,.0f} s",
            f"{row.decisions_per_s:,.0f}",
            _bar(row.short_p99_s, worst),
        )
    Screen().print(table)


def _bar(value: float | None, worst: float) -> str:
    return "" if not value or not worst else drawn("█") * max(1, round(_BAR * value / worst))
