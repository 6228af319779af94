"""From the rows of all parts to one result and its tables. Pure.

A result is what is written as JSON: each part with what it was measured on and its rows. Parts may come from different
runs; a ratio is told only between parts of one run, on one machine in one state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from benchmarks.engine.arithmetic import Clip, limit_rtfx
from benchmarks.engine.goals import found_in, goals_of
from benchmarks.engine.limit import Row as LimitRow
from benchmarks.engine.limit import machine_of
from harken.qwen3_asr.config import NetworkConfig

Rows = Sequence[Mapping[str, Any]]

PARTS = ("limit", "throughput", "rival", "quantization", "startup")
"""In the order in which they are measured."""

_TITLES = {
    "limit": "The machine", "throughput": "Throughput", "rival": "transformers' generate",
    "quantization": "Quantised weights", "startup": "Start",
}  # fmt: skip


def combine(result: dict[str, Any], config: NetworkConfig) -> None:
    """Add to each row of the throughput its limit, its share of that, and how many times the rival it is."""
    parts = result["parts"]
    ours = parts.get("throughput")
    if ours is None:
        return
    run = ours["about"]["run"]
    limits, rival = (_rows_of_run(parts, name, run) for name in ("limit", "rival"))
    machine = machine_of([LimitRow(**row) for row in limits], result["device"])
    for row in ours["rows"]:
        if machine is not None:
            clip = Clip(audio_s=row["audio_s"], tokens=row["tokens"])
            row["limit_rtfx"] = round(limit_rtfx(config, clip, row["at_a_time"], row["kind"], machine), 1)
            row["limit_share"] = round(row["rtfx"] / row["limit_rtfx"], 3)
        if theirs := best_rival(rival, row["audio_s"], row["at_a_time"]):
            row["times_rival"] = round(row["rtfx"] / theirs, 2)


def _rows_of_run(parts: Mapping[str, Any], name: str, run: str) -> Rows:
    part = parts.get(name)
    return part["rows"] if part is not None and part["about"]["run"] == run else []


def best_rival(rows: Rows, audio_s: float, at_a_time: int) -> float | None:
    """What one clip is held against is the rival's best with one clip; several, its best with any number of them."""
    fitting = [row["rtfx"] for row in rows if row["audio_s"] == audio_s and (at_a_time > 1 or row["at_a_time"] == 1)]
    return max(fitting, default=None)


def as_markdown(result: Mapping[str, Any]) -> str:
    """Write all tables."""
    lines = [
        f"# The engine: {result['model']} on {result['device']}",
        "",
        "What is measured, and how: docs/reference/benchmarks.md.",
    ]
    parts = result["parts"]
    if "throughput" in parts:
        lines += _goals(result, parts["throughput"]["rows"])
    for name in PARTS:
        if name in parts:
            part = parts[name]
            lines += ["", f"## {_TITLES[name]}", "", *_about(part["about"]), ""]
            lines += _table(
                _COLUMNS[name], _in_order(part["rows"]) if name in ("throughput", "rival") else part["rows"]
            )
            lines += [line for note in part["notes"] for line in ("", f"Not measured: {note}")]
    return "\n".join(lines) + "\n"


def _goals(result: Mapping[str, Any], rows: Rows) -> list[str]:
    goals = goals_of(result["model"], result["device"])
    if not goals:
        return []
    head = ("weights", "clips", "at a time", "figure", "goal", "measured", "met")
    lines = ["", "## Goals", "", _line(head), _line(["---"] * len(head))]
    for goal in goals:
        found = found_in(rows, goal)
        bound = f"{'≤' if goal.is_bound else '≥'} {goal.value:g}"
        met = "" if found is None else "yes" if goal.is_met(found) else "no"
        cells = (goal.kind, f"{goal.audio_s:g} s", f"{goal.at_a_time}", goal.figure, bound, _plain(found), met)
        lines.append(_line(cells))
    return lines


def _about(about: Mapping[str, Any]) -> list[str]:
    gpu = f"; {about['gpu']}" if about["gpu"] else ""
    return [
        f"- machine: {about['machine']}{gpu}; commit: {about['commit']}; run: {about['run']}",
        f"- torch {about['torch']}, transformers {about['transformers']}, {about['threads']} threads, CPU kernels"
        f" {'there' if about['has_kernels'] else 'not there'}, load average {about['load']:g}",
    ]


def _in_order(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: (-row["audio_s"], row["kind"], row["at_a_time"]))


Column = tuple[str, Callable[[Mapping[str, Any]], str]]


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"


def _field(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: _plain(row.get(name))


def _share(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: "" if row.get(name) is None else f"{row[name]:.1%}"


_LEVEL: tuple[Column, ...] = (
    ("weights", lambda row: str(row["kind"])),
    ("clips", lambda row: f"{row['audio_s']:g} s, {row['tokens']} tokens"),
    ("at a time", _field("at_a_time")),
    ("RTFx", _field("rtfx")),
)
_COLUMNS: dict[str, tuple[Column, ...]] = {
    "limit": (
        ("what", lambda row: str(row["what"])),
        ("numbers", lambda row: str(row["kind"])),
        ("G/s (bytes or operations)", lambda row: _plain(row["per_s"] / 1e9)),
    ),
    "throughput": (
        *_LEVEL,
        ("segments/s", _field("segments_per_s")),
        ("p50 s", _field("latency_p50_s")),
        ("p95 s", _field("latency_p95_s")),
        ("first token p50 s", _field("first_token_p50_s")),
        ("tokens/s", _field("tokens_per_s")),
        ("busy", _share("busy")),
        ("limit RTFx", _field("limit_rtfx")),
        ("of the limit", _share("limit_share")),
        ("× transformers", _field("times_rival")),
    ),
    "rival": (
        *_LEVEL,
        ("with features", _field("rtfx_with_features")),
        ("p50 s of a batch", _field("latency_p50_s")),
    ),
    "quantization": (
        ("weights", lambda row: str(row["kind"])),
        ("MiB", lambda row: f"{row['weight_bytes'] / 2**20:,.0f}"),
        ("RTFx at 1", _field("rtfx_1")),
        ("RTFx at 8", _field("rtfx_8")),
        ("tokens as bfloat16", _share("agreement")),
        ("digits wrong", _share("digit_error_rate")),
        ("digits' texts as bfloat16", _share("same_texts")),
    ),
    "startup": (
        ("what", lambda row: str(row["what"])),
        ("weights", lambda row: str(row["kind"])),
        ("s until", lambda row: ", ".join(f"{name} {seconds:.2f}" for name, seconds in row["stages_s"].items())),
        ("1st request s", lambda row: _plain(row["latencies_s"][0])),
        ("2nd", lambda row: _plain(row["latencies_s"][1])),
        ("10th", lambda row: _plain(row["latencies_s"][-1])),
        ("slowest of the ten", lambda row: _plain(max(row["latencies_s"]))),
    ),
}


def _table(columns: Sequence[Column], rows: Rows) -> list[str]:
    lines = [_line(name for name, _ in columns), _line(["---"] * len(columns))]
    return lines + [_line(cell(row) for _, cell in columns) for row in rows]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
