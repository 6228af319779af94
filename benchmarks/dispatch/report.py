"""From what was seen to rows and tables. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.dispatch.play import Played
from benchmarks.dispatch.trace import Kind, Trace
from benchmarks.quantile import quantile

WARM_UP = 0.4
"""Of the time of arrivals: what is sent before is not in the quantiles (its failures count)."""

_QUANTILES = {Kind.SHORT: (0.5, 0.95, 0.99), Kind.MEDIUM: (0.95,), Kind.LONG: (0.95,)}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One run.

    Attributes:
        load: of the capacity.
        arm: its name.
        label: its words.
        fault: what was done to the instances; "" for nothing.
        requests: sent.
        failed: answers that were not right.
        problems: how often each thing was wrong, the three most frequent.
        quantiles_s: "short_p99" and the like → seconds from the intended start; None of nothing.
        seconds: that the arrivals filled.
        wall_s: until the last answer.
        cpu_share: of all cores during the arrivals; cpu_peak of the busiest 5 s.
        cpu_ms_per_audio_s: "front", "instances", "client" → CPU that each spent on a second of audio.
        late_p99_ms: of the client, behind its own schedule; late_max_ms at worst.
    """

    load: float
    arm: str
    label: str
    fault: str
    requests: int
    failed: int
    problems: dict[str, int]
    quantiles_s: dict[str, float | None]
    seconds: float
    wall_s: float
    cpu_share: float
    cpu_peak: float
    cpu_ms_per_audio_s: dict[str, float]
    late_p99_ms: float
    late_max_ms: float


def summarise(played: Played, trace: Trace, *, load: float, arm: str, label: str, fault: str = "") -> Row:
    """Make the row of a run; failed requests have no time and stay out of the quantiles."""
    seconds, audio_s = trace.seconds, trace.audio_s
    problems = Counter(seen.problem for seen in played.seen if seen.problem)
    late_ms = [seen.late_s * 1e3 for seen in played.seen]
    counted = [seen for seen in played.seen if not seen.problem and seen.at_s >= WARM_UP * seconds]
    quantiles: dict[str, float | None] = {}
    for kind, shares in _QUANTILES.items():
        took = [seen.took_s for seen in counted if seen.kind is kind]
        for share in shares:
            quantiles[f"{kind}_p{share * 100:.0f}"] = round(quantile(took, share), 3) if took else None
    return Row(
        load=load,
        arm=arm,
        label=label,
        fault=fault,
        requests=len(played.seen),
        failed=problems.total(),
        problems=dict(problems.most_common(3)),
        quantiles_s=quantiles,
        seconds=round(seconds, 1),
        wall_s=round(played.wall_s, 1),
        cpu_share=round(played.cpu_share, 3),
        cpu_peak=round(played.cpu_peak, 3),
        cpu_ms_per_audio_s={who: round(spent_s / audio_s * 1e3, 3) for who, spent_s in played.cpu_s.items()},
        late_p99_ms=round(quantile(late_ms, 0.99), 1),
        late_max_ms=round(max(late_ms), 1),
    )


def differing(runs: Iterable[Played]) -> int:
    """Requests whose texts were not the same in all runs of one trace; answers that were wrong anyway do not count."""
    texts: dict[int, set[int]] = {}
    for played in runs:
        for number, seen in enumerate(played.seen):
            if not seen.problem:
                texts.setdefault(number, set()).add(seen.digest)
    return sum(len(found) > 1 for found in texts.values())


def as_markdown(result: Mapping[str, Any]) -> str:
    """Write the tables; `result` is what is written as JSON: its parts may come from different runs."""
    lines = [
        "# The gateway beside nginx",
        "",
        "What is compared, and how: docs/reference/benchmarks.md. Latencies in seconds from the intended start; in",
        "brackets: how many times Harken's.",
    ]
    for load, part in sorted(result.get("loads", {}).items()):
        lines += ["", f"## At {float(load):.0%} of the capacity", "", *_about(part["about"])]
        lines += [f"- arrivals: {part['rows'][0]['seconds']:.0f} s for each arm", "", *_table(part["rows"]), ""]
        lines += [f"Requests whose text was not the same in all arms: {part['differing']}."]
    if faults := result.get("faults"):
        lines += ["", "## When instances fail", "", *_about(faults["about"])]
        lines += [
            f"- arrivals: {faults['rows'][0]['seconds']:.0f} s for each arm, at {faults['rows'][0]['load']:.0%}",
            "",
        ]
        lines += _fault_table(faults["rows"])
    return "\n".join(lines) + "\n"


def _about(about: Mapping[str, Any]) -> list[str]:
    return [
        f"- machine: {about['machine']}; commit: {about['commit']}",
        f"- instances: 4, each {about['rtfx']:g} times real time alone, {about['slots']} slots; together"
        f" {about['capacity']:.0f} audio-seconds per second at most; servers listen {about['listens']}",
    ]


_COLUMNS = {
    "short_p50": "clips p50",
    "short_p95": "p95",
    "short_p99": "p99",
    "medium_p95": "0.5–3 min p95",
    "long_p95": "≥ 10 min p95",
}


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    head = ["arm", *_COLUMNS.values(), "failed", "CPU", "client late p99"]
    lines = [_line(head), _line(["---"] * len(head))]
    ours: Mapping[str, float | None] = next((row["quantiles_s"] for row in rows if row["arm"] == "harken"), {})
    for row in rows:
        cells = [_cell(row["quantiles_s"][name], ours.get(name)) for name in _COLUMNS]
        failed = f"{row['failed']} of {row['requests']}"
        use = f"{row['cpu_share']:.0%} (peak {row['cpu_peak']:.0%})"
        lines.append(_line([row["label"], *cells, failed, use, f"{row['late_p99_ms']:g} ms"]))
    return lines


def _fault_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    head = ["what happens", "arm", "failed", "why", "clips p50", "p99"]
    lines = [_line(head), _line(["---"] * len(head))]
    for row in rows:
        why = ", ".join(f"{count} × {problem}" for problem, count in row["problems"].items())
        figures = [_cell(row["quantiles_s"][name], None) for name in ("short_p50", "short_p99")]
        lines.append(_line([row["fault"], row["label"], f"{row['failed']} of {row['requests']}", why, *figures]))
    return lines


def _cell(value: float | None, ours: float | None) -> str:
    if value is None:
        return ""
    is_ratio = ours and value != ours
    return f"{value:.2f}" + (f" ({value / ours:.1f}×)" if is_ratio and ours else "")


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
