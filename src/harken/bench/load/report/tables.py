"""The tables and figures of a report as HTML: the same words as in the terminal. Pure.

The invariant: every name that came from outside is escaped, and stripped of what no page may hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harken.bench.load.figures import Figures
from harken.bench.load.report.charts import text
from harken.bench.load.run import Run


def tiles(run: Run) -> str:
    """The figures that are looked at first."""
    figures = run.main.figures
    shown = {
        "requests": f"{figures.requests:,}",
        "succeeded": f"{figures.success_rate:.2%}",
        "requests a second": f"{figures.requests_per_s:.1f}",
        "times real time": f"{figures.rtfx:.1f}",
        "mean": _time(figures.mean_s),
        **{name: _time(figures.quantiles.get(f"{name}_s")) for name in ("p50", "p95", "p99")},
        "longest": _time(figures.max_s),
    }
    if run.main.target:
        shown["within the target"] = f"{figures.within:.2%}"
        shown["goodput a second"] = f"{figures.goodput_per_s:.1f}"
    if figures.first_text:
        shown["first text, p50"] = _time(figures.first_text["p50_s"])
        shown["first text, p95"] = _time(figures.first_text["p95_s"])
    if figures.after_commit:
        shown["after the commit, p95"] = _time(figures.after_commit["p95_s"])
    if figures.updates_per_s is not None:
        shown["updates a second of speech"] = f"{figures.updates_per_s:.1f}"
    if figures.reconnects:
        shown["connections that broke"] = f"{figures.reconnects:,}"
    if figures.rates is not None and figures.rates.word_error_rate is not None:
        shown["word error rate"] = f"{figures.rates.word_error_rate:.2%}"
        shown["character error rate"] = _share(figures.rates.char_error_rate)
    items = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in shown.items())
    return f'<dl class="tiles">{items}</dl>'


def parts(name: str, figures: Mapping[str, Figures]) -> str:
    """A row for each class, server or instance."""
    has_first = any(each.first_text for each in figures.values())
    has_rates = any(each.rates for each in figures.values())
    head = [name, "requests", "succeeded", "mean", "p50", "p95", "p99", "max", "within"]
    head += ["1st text p50", "p95"] * has_first + ["WER", "CER"] * has_rates
    rows = []
    for each, part in figures.items():
        row = [each, f"{part.requests:,}", f"{part.success_rate:.2%}", _time(part.mean_s)]
        row += [_time(part.quantiles.get(which)) for which in ("p50_s", "p95_s", "p99_s")]
        row += [_time(part.max_s), f"{part.within:.1%}"]
        row += [_time(part.first_text.get(which)) for which in ("p50_s", "p95_s")] * has_first
        if has_rates:
            row += [_share(part.rates.word_error_rate), _share(part.rates.char_error_rate)] if part.rates else ["", ""]
        rows.append(row)
    return table(head, rows)


def sweep(run: Run) -> str:
    """A row for each step, the knee marked."""
    head = [
        "streams" if run.by == "live" else run.by,
        "requests",
        "goodput a second",
        "times real time",
        "p50",
        "p95",
        "p99",
        "within",
        "failed",
        "",
    ]
    knee, rows = run.knee, []
    for place, (step, verdict) in enumerate(zip(run.steps, run.verdicts, strict=True)):
        part = step.figures
        row = [f"{step.level:g}", f"{part.requests:,}", f"{part.goodput_per_s:.1f}", f"{part.goodput_rtfx:.1f}"]
        row += [_time(part.quantiles.get(which)) for which in ("p50_s", "p95_s", "p99_s")]
        row += [f"{part.within:.1%}", f"{part.requests - part.successes:,}"]
        rows.append([*row, "knee" if place == knee else verdict.value])
    return table(head, rows, marked=knee)


def errors(figures: Figures, reasons: Mapping[str, str]) -> str:
    """How many of each kind, and why the first one failed."""
    rows = [
        [code, f"{count:,}", f"{count / figures.requests:.2%}", reasons.get(code, "")]
        for code, count in figures.errors.items()
    ]
    return table(["error", "requests", "of all", "the first one"], rows)


def facts(rows: Mapping[str, object]) -> str:
    """Names and values; those without a value are left out."""
    body = "".join(
        f'<tr><th scope="row">{text(name)}</th><td>{text(value)}</td></tr>' for name, value in rows.items() if value
    )
    return f'<table class="facts">{body}</table>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, marked: int | None = None) -> str:
    """Any table; one of its rows may be marked."""
    names = "".join(f'<th scope="col">{text(name)}</th>' for name in head)
    body = ""
    for place, row in enumerate(rows):
        cells = "".join(f"<td>{text(cell)}</td>" for cell in row)
        mark = ' class="knee"' if place == marked else ""
        body += f"<tr{mark}>{cells}</tr>"
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>'


def _time(value: float | None) -> str:
    return "" if value is None else f"{value:.3f} s"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"
