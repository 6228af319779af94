"""What `harken bench` prints: the same figures for people and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harken.bench.outcomes import Figures, Outcome, figures_of
from harken.ops.address import without_user


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchRun:
    """A run that is over.

    Attributes:
        wanted: requests that were to be sent.
        rate: requests a second; None in a closed loop.
        outcomes: of those that ended.
        elapsed_s: from the first request to the last answer.
        models: by server, what it says that it serves.
        is_cut: a person ended it before its end.
    """

    wanted: int
    rate: float | None
    outcomes: Sequence[Outcome]
    elapsed_s: float
    models: Mapping[str, str]
    is_cut: bool

    @property
    def whole(self) -> Figures:
        """Of all requests."""
        return figures_of(self.outcomes, self.elapsed_s)

    def part(self, server: str) -> Figures:
        """Of one server's requests."""
        return figures_of([one for one in self.outcomes if one.server == server], self.elapsed_s)


def as_dict(run: BenchRun) -> dict[str, Any]:
    """The figures as JSON has them; seconds are rounded to tenths of milliseconds."""
    servers = [
        {"server": without_user(name), "model": model, **_figures(run.part(name))} for name, model in run.models.items()
    ]
    return {"is_cut": run.is_cut, **_figures(run.whole), "servers": servers}


def print_report(run: BenchRun) -> None:
    """Print a table, and one of the servers where there are several."""
    table = Table(box=None, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in _rows(run, run.whole):
        table.add_row(name, escape(value))
    console = Console(highlight=False)
    console.print(table)
    if len(run.models) > 1:
        console.print(_servers_table(run))


def _rows(run: BenchRun, whole: Figures) -> list[tuple[str, str]]:
    cut = f" of {run.wanted:,}, then cut off" if run.is_cut else ""
    rows = [
        ("requests", f"{whole.requests:,}{cut}"),
        ("successes", f"{whole.successes:,} ({whole.success_rate:.2%})"),
    ]
    if whole.right is not None:
        rows.append(("right text", f"{whole.right:,} of {whole.right + (whole.wrong or 0):,}"))
    if whole.errors:
        rows.append(("errors", _counts(whole.errors)))
    if whole.mean_s is not None and whole.max_s is not None:
        times = {"mean": whole.mean_s, **{name[:-2]: value for name, value in whole.quantiles.items()}}
        times["max"] = whole.max_s
        rows.append(("response time", ", ".join(f"{name} {value:.3f} s" for name, value in times.items())))
    if run.rate is not None:
        rows.append(("sent", f"{run.rate:g} a second; the latest went out {whole.late_s:.3f} s after its time"))
    rows += [
        ("throughput", f"{whole.requests_per_s:.1f} requests/s, {whole.rtfx:.1f} times real time"),
        ("took", f"{whole.elapsed_s:.2f} s for {whole.audio_s:.0f} s of audio"),
    ]
    if whole.cached:
        rows.append(("from a cache", f"{whole.cached:,}"))
    if whole.instances:
        rows.append(("by instance", _counts(dict(sorted(whole.instances.items())))))
    return rows


def _servers_table(run: BenchRun) -> Table:
    table = Table(box=None, header_style="dim")
    table.add_column("server", overflow="fold")
    for column in ("requests", "successes", "mean", "p50", "p95", "max", "errors"):
        table.add_column(column, justify="right")
    for server in run.models:
        part = run.part(server)
        times = (part.mean_s, part.quantiles.get("p50_s"), part.quantiles.get("p95_s"), part.max_s)
        shown = ("" if value is None else f"{value:.3f} s" for value in times)
        table.add_row(
            escape(without_user(server)),
            f"{part.requests:,}",
            f"{part.successes:,}",
            *shown,
            escape(_counts(part.errors)),
        )
    return table


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _figures(figures: Figures) -> dict[str, Any]:
    fields = dataclasses.asdict(figures)
    quantiles = fields.pop("quantiles")
    return {
        name: round(value, 4) if isinstance(value, float) else value for name, value in (fields | quantiles).items()
    }
