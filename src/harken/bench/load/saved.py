"""A load test as JSON: every figure of the report, and enough of the times to compare two runs. Pure.

The figures of the run are at the top, each with its unit in its name; those of parts (classes, servers, instances, the
steps of a sweep) have the same names. The invariant: no text of anybody's speech and no key is in it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from harken.bench.load.figures import Figures
from harken.bench.load.run import CURVE, Run, Step

FORM = "harken.bench"


def as_dict(run: Run) -> dict[str, Any]:
    """The run as JSON has it; seconds are rounded to microseconds."""
    main, about = run.main, run.about
    return {
        "object": FORM,
        "title": about.title,
        "began_at": about.began_at,
        "version": about.version,
        "commit": about.commit,
        "machine": about.machine,
        "settings": dict(about.settings),
        "is_cut": run.is_cut,
        "by": run.by,
        "level": main.level,
        "target": {"seconds": main.target.seconds, "share": main.target.share},
        **figures_as_dict(main.figures),
        "reasons": dict(run.reasons),
        "classes": _named("class", {kind: main.by("kind")[kind] for kind in main.kinds()}),
        "servers": [
            {"server": name, "model": model, **figures_as_dict(_of_server(main, name))}
            for name, model in about.models.items()
        ],
        "by_instance": _named("instance", main.by_instance()),
        "timeline": dataclasses.asdict(main.timeline),
        "curve": {"parts": list(CURVE), "took_s": main.curves()},
        "samples": main.samples(),
        "sweep": _sweep(run) if run.is_sweep else None,
    }


def figures_as_dict(figures: Figures) -> dict[str, Any]:
    """Figures without anything nested but counts: `p50_s`, `first_text_p50_s`, `after_commit_p50_s`."""
    fields = dataclasses.asdict(figures)
    quantiles, rates = fields.pop("quantiles"), fields.pop("rates") or {}
    others = {name: fields.pop(name) for name in ("first_text", "after_commit")}
    flat = fields | quantiles | {f"{of}_{name}": value for of, each in others.items() for name, value in each.items()}
    flat |= {name: rates.get(name) for name in ("word_error_rate", "char_error_rate")}
    flat["texts"] = {name: value for name, value in rates.items() if not name.endswith("_rate")} or None
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in flat.items()}


def _of_server(step: Step, name: str) -> Figures:
    """Also of one that got no request yet."""
    part = step.requests.only(step.requests.is_("server", name))
    return dataclasses.replace(step, requests=part).figures


def _named(name: str, parts: dict[str, Figures]) -> list[dict[str, Any]]:
    return [{name: each, **figures_as_dict(figures)} for each, figures in parts.items()]


def _sweep(run: Run) -> dict[str, Any]:
    knee = run.knee
    return {
        "by": run.by,
        "rule": dataclasses.asdict(run.rule),
        "knee": None if knee is None else run.steps[knee].level,
        "steps": [
            {"level": step.level, "verdict": verdict.value, **figures_as_dict(step.figures)}
            for step, verdict in zip(run.steps, run.verdicts, strict=True)
        ],
    }
