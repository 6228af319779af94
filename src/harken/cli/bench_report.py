"""What `harken bench` prints for people: the same figures as in its JSON.

The invariant: what servers say of themselves is shown as text, never as markup.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from harken.bench.load.figures import Figures, Rates
from harken.bench.load.run import Run
from harken.cli.screen import Screen

_PIPE_WIDTH = 120
_NARROW = 100
_PARTS = re.compile(r".*?[,;:] +|.+$")


def print_report(run: Run) -> None:
    """Print the figures, then classes, servers, instances and steps, each where there are several."""
    console = report_screen()
    main = run.main
    if run.is_sweep:
        console.print(_sweep_table(run))
        console.print(_sweep_line(run))
    table = Table(box=None, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    rows = _rows(run, main.figures)
    room = console.width - max(len(name) for name, _ in rows) - 4
    for name, value in rows:
        table.add_row(name, escape(broken(value, room)))
    console.print(table)
    classes = main.by("kind")
    parts = (
        ("class", {kind: classes[kind] for kind in main.kinds()}),
        ("server", main.by("server") if len(run.about.models) > 1 else {}),
        ("instance", main.by_instance()),
    )
    for name, figures in parts:
        if len(figures) > 1:
            console.print(_parts_table(name, figures, is_narrow=console.width < _NARROW))


def report_screen() -> Screen:
    """Open the terminal; a pipe is wider than one."""
    is_wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Screen(highlight=False, width=_PIPE_WIDTH if is_wide else None)


def broken(value: str, room: int) -> str:
    """Break a line between its parts where it has to be, never between a number and its unit.

    Args:
        value: parts with commas, semicolons or colons between.
        room: characters in a line.
    """
    lines = [""]
    for part in _PARTS.findall(value):
        if lines[-1] and len(lines[-1]) + len(part.rstrip()) > room:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def _rows(run: Run, whole: Figures) -> list[tuple[str, str]]:
    cut = (f" of {run.wanted:,}" if run.wanted else "") + ", then cut off" if run.is_cut else ""
    rows = [
        ("requests", f"{whole.requests:,}{cut}"),
        ("successes", f"{whole.successes:,} ({whole.success_rate:.2%})"),
    ]
    if whole.right is not None:
        rows.append(("right text", f"{whole.right:,} of {whole.right + (whole.wrong or 0):,}"))
    if whole.rates is not None:
        rows.append(("error rate", _rates(whole.rates)))
    if whole.errors:
        rows.append(("errors", _counts(whole.errors) + (f"; refused {whole.refused:,}" if whole.refused else "")))
        known = [code for code in whole.errors if run.reasons.get(code)]
        rows += [("reason" if place == 0 else "", f"{code}: {run.reasons[code]}") for place, code in enumerate(known)]
    if whole.mean_s is not None and whole.max_s is not None:
        name = "final text" if run.by == "live" else "response time"
        rows.append((name, _times({"mean": whole.mean_s, **_short(whole.quantiles), "max": whole.max_s})))
    if whole.first_text:
        rows.append(("first text", _times(_short(whole.first_text))))
    if whole.after_commit:
        rows.append(("after the commit", _times(_short(whole.after_commit))))
    if whole.updates_per_s is not None:
        broken_off = f"; {whole.reconnects:,} connections broke" if whole.reconnects else ""
        rows.append(("updates", f"{whole.updates_per_s:.1f} in a second of speech{broken_off}"))
    if run.by != "concurrency":
        unit = "a second" if run.by == "rate" else "live streams"
        late = f"{run.main.level:g} {unit}; the latest went out {whole.late_s:.3f} s after its time"
        rows.append(("sent", late))
    rows += [
        ("throughput", f"{whole.requests_per_s:.1f} requests/s, {whole.rtfx:.1f} times real time"),
        ("took", f"{whole.elapsed_s:.2f} s for {whole.audio_s:.0f} s of audio"),
    ]
    if target := run.main.target:
        goodput = f"{whole.goodput_per_s:.1f} requests/s, {whole.goodput_rtfx:.1f} times real time"
        rows.append(("goodput", f"{goodput}: {whole.within:.2%} within {target}"))
    if whole.cached:
        rows.append(("from a cache", f"{whole.cached:,}"))
    if whole.instances:
        rows.append(("by instance", _counts(whole.instances)))
    return rows


_COLUMNS: dict[str, Callable[[Figures], float | None]] = {
    "mean": lambda part: part.mean_s,
    "p50": lambda part: part.quantiles.get("p50_s"),
    "p95": lambda part: part.quantiles.get("p95_s"),
    "p99": lambda part: part.quantiles.get("p99_s"),
    "max": lambda part: part.max_s,
}


def _parts_table(name: str, parts: Mapping[str, Figures], *, is_narrow: bool) -> Table:
    table = Table(box=None, header_style="dim", collapse_padding=is_narrow)
    table.add_column(name, overflow="fold")
    has_rates = any(part.rates for part in parts.values())
    for column in ("sent", "failed", *(f"{column} s" for column in _COLUMNS), *["WER"] * has_rates):
        table.add_column(column, justify="right", no_wrap=True)  # where it gets narrow, names are broken
    for each, part in parts.items():
        shown = [_seconds(read(part)).removesuffix(" s") for read in _COLUMNS.values()]
        shown += [_rate(part.rates)] * has_rates
        table.add_row(escape(each), f"{part.requests:,}", f"{part.requests - part.successes:,}", *shown)
    return table


def _sweep_table(run: Run) -> Table:
    table = Table(box=None, header_style="dim")
    level = {"concurrency": "at once", "rate": "a second"}.get(run.by, "streams")
    for column in (level, "sent", "good/s", "RTFx", "p50 s", "p95 s", "p99 s", "within", "failed", ""):
        table.add_column(column, justify="right", no_wrap=True)
    knee = run.knee
    for place, (step, verdict) in enumerate(zip(run.steps, run.verdicts, strict=True)):
        figures = step.figures
        table.add_row(
            f"{step.level:g}",
            f"{figures.requests:,}",
            f"{figures.goodput_per_s:.1f}",
            f"{figures.goodput_rtfx:.1f}",
            *(_seconds(figures.quantiles.get(name)).removesuffix(" s") for name in ("p50_s", "p95_s", "p99_s")),
            f"{figures.within:.1%}",
            f"{figures.requests - figures.successes:,}",
            "knee" if place == knee else verdict.value,
        )
    return table


def _sweep_line(run: Run) -> str:
    if run.knee is None:
        return "\nNo step holds. The last one:"
    return f"\nThe knee is at {run.by} {run.main.level:g}:"


def _short(quantiles: Mapping[str, float]) -> dict[str, float]:
    return {name.removesuffix("_s"): value for name, value in quantiles.items()}


def _times(times: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f} s" for name, value in times.items())


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f} s"


def _rate(rates: Rates | None) -> str:
    return "" if rates is None or rates.word_error_rate is None else f"{rates.word_error_rate:.2%}"


def _rates(rates: Rates) -> str:
    if rates.word_error_rate is None or rates.char_error_rate is None:
        return f"{rates.insertions:,} words where nothing is said"
    words = f"words {rates.word_error_rate:.2%} of {rates.words:,}"
    kinds = f"{rates.substitutions:,} others, {rates.deletions:,} missing, {rates.insertions:,} too many"
    return f"{words} ({kinds}); characters {rates.char_error_rate:.2%} of {rates.characters:,}"


def _counts(counts: Mapping[str, int]) -> str:
    shown: Sequence[tuple[str, int]] = list(counts.items())[:20]
    rest = sum(counts.values()) - sum(count for _, count in shown)
    more = f", and {len(counts) - 20:,} more kinds {rest:,}" if rest else ""
    return ", ".join(f"{name} {count:,}" for name, count in shown) + more
