"""`harken bench --compare`: two saved runs side by side, and an exit code for whoever builds on it.

It reads what `--save` wrote and nothing else. The invariant: a file that is no such report is an error that names it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from harken.bench.load.compare import Difference, Saved, differences, unlike
from harken.bench.load.saved import FORM
from harken.cli.bench_report import report_screen
from harken.errors import ConfigError


def run(before: Path, after: Path, *, fail_above: float | None, as_json: bool) -> int:
    """Print the differences; the exit code is 1 where one is worse by more than `fail_above`, and not by chance.

    Raises:
        ConfigError: a file cannot be read, or is no report of ours; or the share is none.
    """
    if fail_above is not None and not 0 <= fail_above < float("inf"):
        raise ConfigError(f"--fail-above is a share such as 0.1 for a tenth, not {fail_above:g}.")
    old, new = read_saved(before), read_saved(after)
    found, others = differences(old, new), unlike(old, new)
    failing = [] if fail_above is None else [one for one in found if one.fails(fail_above)]
    if as_json:
        print(json.dumps(_as_dict(found, others, failing), indent=2))
    else:
        _print(found, others, failing)
    return int(bool(failing))


def read_saved(path: Path) -> Saved:
    """Read a saved run.

    Raises:
        ConfigError: it cannot be read, or is no report of ours.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is not JSON.") from error
    if not isinstance(raw, dict) or raw.get("object") != FORM:
        raise ConfigError(f"{path}: is no report of harken bench; write one with --save FILE.")
    try:
        return _saved(path.name, raw)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: is not as harken bench writes it: {error}.") from error


def _saved(name: str, raw: dict[str, Any]) -> Saved:
    step_s = float(raw["timeline"]["step_s"])
    rate = raw["word_error_rate"]
    models = ", ".join(str(server["model"]) for server in raw["servers"])
    return Saved(
        name=name,
        settings={str(key): value for key, value in raw["settings"].items()},
        places={"level": raw["level"], "model": models, **{key: raw[key] for key in ("machine", "commit", "version")}},
        samples={str(kind): [float(value) for value in values] for kind, values in raw["samples"].items()},
        answers_per_s=[float(count) / step_s for count in raw["timeline"]["successes"]],
        audio_per_s=[float(audio_s) / step_s for audio_s in raw["timeline"]["audio_s"]],
        success_rate=float(raw["success_rate"]),
        within=float(raw["within"]),
        word_error_rate=None if rate is None else float(rate),
    )


def _print(found: list[Difference], others: list[str], failing: list[Difference]) -> None:
    console = report_screen()
    for line in others:
        console.print(f"[yellow]not the same:[/] {escape(line)}")
    table = Table(box=None, header_style="dim")
    table.add_column("class", overflow="fold")
    table.add_column("figure", no_wrap=True)
    for column in ("before", "after", "ratio", "99 % of draws", ""):
        table.add_column(column, justify="right", no_wrap=True)
    for one in found:
        interval = "" if one.low is None else f"{one.low:.2f} to {one.high:.2f}"
        ratio = "" if one.ratio is None or one.is_share else f"{one.ratio:.2f}"
        shown = ("{:.2%}" if one.is_share else "{:.3f}").format
        word = _word(one) + (" [red]fails[/]" if one in failing else "")
        table.add_row(escape(one.kind), one.figure, shown(one.before), shown(one.after), ratio, interval, word)
    console.print(table)


def _word(one: Difference) -> str:
    if one.is_share:
        return "" if one.before == one.after else "worse" if one.worse_by else "better"
    if not one.is_real:
        return "noise" if one.low is not None else "too few"
    return "worse" if one.worse_by else "better"


def _as_dict(found: list[Difference], others: list[str], failing: list[Difference]) -> dict[str, Any]:
    return {
        "object": f"{FORM}.comparison",
        "not_the_same": others,
        "differences": [
            {
                "figure": one.figure,
                "class": one.kind,
                "before": one.before,
                "after": one.after,
                "ratio": one.ratio,
                "low": one.low,
                "high": one.high,
                "verdict": _word(one),
                "fails": one in failing,
            }
            for one in found
        ],
    }
