"""Three gateways before the same two instances, in promtool: what each did adds up, what an instance is counts once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ops.export.monitoring.files import export, held_against, panels_of

pytestmark = pytest.mark.slow

GATEWAYS = ("gw-1:7860", "gw-2:7860", "gw-3:7860")
TARGETS = ("far-1", "far-2")
A_MINUTE = {
    "harken_engine_busy_seconds_total": 30,
    "harken_engine_audio_seconds_total": 600,
    "harken_engine_tokens_total": 6000,
    "harken_try_audio_seconds_total": 120,
    "harken_tries_total": 60,
}
"""Of each instance, as each gateway tells it: the first three are the instance's own, the others what this one did."""

EXPECTED = {
    "Instances ready": 2,
    "Requests/s": 3,
    "RTFx": 2 * 3,
    "Waiting": 3 * 5,
    "Busy": 0.5,
    "RTFx of the model": 20,
    "Tokens/s": 100,
    "Tokens per step": 10,
    "Waiting inside": 4,
}
"""Panel → its first query's value, for each line of it."""


def series() -> Iterator[tuple[str, str]]:
    """What Prometheus holds."""
    for gateway, target in itertools.product(GATEWAYS, TARGETS):
        labels = f'cluster="asr", job="harken", instance="{gateway}", target="{target}"'
        for metric, amount in A_MINUTE.items():
            yield f'{metric}{{{labels}, outcome="done"}}', f"0+{amount}x30"
        yield f'harken_engine_steps_total{{{labels}, kind="decode"}}', "0+600x30"
        for metric, value in (("slots", 8), ("ready", 1), ("in_flight", 2), ("limit", 8)):
            yield f"harken_target_{metric}{{{labels}}}", f"{value}x30"
        yield f"harken_engine_waiting{{{labels}}}", "4x30"
    for gateway in GATEWAYS:
        labels = f'cluster="asr", job="harken", instance="{gateway}"'
        yield f'harken_requests_total{{{labels}, outcome="done"}}', "0+57x30"
        yield f'harken_requests_total{{{labels}, outcome="internal_error"}}', "0+3x30"
        yield f"harken_recording_audio_seconds_sum{{{labels}}}", "0+120x30"
        yield f'harken_queue_audio_seconds{{{labels}, class="interactive"}}', "5x30"
        yield f"harken_queue_limit_audio_seconds{{{labels}}}", "50x30"


def in_promtool(expr: str) -> str:
    """A panel's question without Grafana's variables."""
    return expr.replace("$cluster", ".*").replace("$__rate_interval", "5m")


def test_the_sum_over_gateways_is_the_cluster(tmp_path: Path) -> None:
    """Panels and recorded figures; no slot and no engine is counted three times, every request and try is counted."""
    panels = {panel["title"]: panel for panel in reversed(panels_of(export(tmp_path)))}
    by_target = [f'{{target="{target}"}}' for target in TARGETS]

    def look(expr: str, value: float, lines: list[str]) -> dict[str, Any]:
        samples = [{"labels": line, "value": value} for line in lines]
        return {"expr": expr, "eval_time": "20m", "exp_samples": samples}

    looks = []
    for title, value in EXPECTED.items():
        expr = in_promtool(panels[title]["targets"][0]["expr"])
        looks.append(look(expr, value, by_target if "by (target)" in expr else ["{}"]))
    shown = {query["legendFormat"]: in_promtool(query["expr"]) for query in panels["In flight"]["targets"]}
    looks += [
        look(shown["{{target}}"], 3 * 2, by_target),
        look(shown["{{target}} slots"], 8, by_target),
        look("cluster:harken_rtfx:rate5m", 6, ['cluster:harken_rtfx:rate5m{cluster="asr"}']),
        look("round(cluster:harken_budget_burn:rate5m)", 50, ['{cluster="asr"}']),
        look("sum(cluster_target:harken_rtfx:rate5m)", 12, ["{}"]),
        look("count(cluster_instance:harken_queue_used:ratio)", 3, ["{}"]),
    ]
    world = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series()],
        "promql_expr_test": looks,
    }
    done = held_against(tmp_path, [world])
    assert done.returncode == 0, done.stdout + done.stderr
