"""The lower half of the dashboard: how each instance does, what is done when one fails, the engines, the machines.

Owns questions about instances and machines. The invariants: an instance is called by its `target`, as everywhere in
Harken; Prometheus's own `instance` is the address that was scraped. And what several gateways tell of one instance
counts once (`_told`), while what each of them did with it is added up.
"""

from __future__ import annotations

from harken.events import DONE
from harken.ops.export.monitoring.grafana import Row
from harken.ops.export.monitoring.machine_alerts import BUSY, FULL
from harken.ops.export.monitoring.panel import Panel, Query
from harken.ops.export.monitoring.service_rows import CLUSTER, RATE, quantile


def cluster_rows() -> tuple[Row, ...]:
    """Return the rows about instances and machines."""
    return (
        Row(title="Instances", panels=(*_instances(), *_processes())),
        Row(title="When something fails", panels=(*_recovery(), *_absences())),
        Row(title="Engines", panels=_engines()),
        Row(title="Machines", panels=_machines()),
    )


def _one(title: str, means: str, expr: str, legend: str = "{{target}}", unit: str = "short") -> Panel:
    return Panel(title=title, means=means, queries=(Query(expr=expr, legend=legend),), unit=unit)


def _rate(metric: str, by: str, where: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{{{CLUSTER}{where}}}{RATE}))"


def _told(series: str, by: str = "target") -> str:
    """What an instance says of itself, however many gateways pass it on."""
    return f"sum by ({by}) (max by (cluster, {by}) ({series}))"


def _told_rate(metric: str, by: str = "target", where: str = "") -> str:
    return _told(f"rate({metric}{{{CLUSTER}{where}}}{RATE})", by)


def _instances() -> tuple[Panel, ...]:
    tries = _rate("harken_tries_total", "target")
    done = _rate("harken_tries_total", "target", f', outcome="{DONE}"')
    return (
        Panel(
            title="Ready",
            means="Whether it takes recordings.",
            queries=(Query(expr=f"min by (target) (harken_target_ready{{{CLUSTER}}})", legend="{{target}}"),),
            kind="state-timeline",
        ),
        Panel(
            title="In flight",
            means="Segments that run on it, and how many its gateways would give it.",
            queries=(
                Query(expr=f"sum by (target) (harken_target_in_flight{{{CLUSTER}}})", legend="{{target}}"),
                Query(expr=f"sum by (target) (harken_target_limit{{{CLUSTER}}})", legend="{{target}} limit"),
                Query(expr=_told(f"harken_target_slots{{{CLUSTER}}}"), legend="{{target}} slots"),
            ),
        ),
        _one(
            "RTFx",
            "Audio-seconds that it recognised per second.",
            _rate("harken_try_audio_seconds_total", "target", f', outcome="{DONE}"'),
        ),
        _one(
            "Success",
            "Of the tries on it, those that were done.",
            f"{done} / {tries}",
            unit="percentunit",
        ),
        _one(
            "Try, p95", "From a claimed slot to the answer.", quantile(0.95, "harken_try_seconds", "target, "), unit="s"
        ),
        _one(
            "Last success",
            "How long ago it recognised something.",
            f"max by (target) (harken_target_last_success_seconds{{{CLUSTER}}})",
            unit="s",
        ),
    )


def _processes() -> tuple[Panel, ...]:
    return (
        _one("Memory", "Of its process.", f"max by (target) (harken_target_memory_bytes{{{CLUSTER}}})", unit="bytes"),
        _one(
            "GPU memory",
            "Of its process.",
            f"max by (target) (harken_target_gpu_memory_bytes{{{CLUSTER}}})",
            unit="bytes",
        ),
        _one(
            "Event loop",
            "By how much it was late at worst.",
            f"max by (target) (harken_target_loop_lag_seconds{{{CLUSTER}}})",
            unit="s",
        ),
    )


def _recovery() -> tuple[Panel, ...]:
    return (
        Panel(
            title="Further tries",
            means="retries: after a failed try; replays: after an instance's death; turned away: by a full instance.",
            queries=tuple(
                Query(expr=f"sum(rate(harken_{name}_total{{{CLUSTER}}}{RATE}))", legend=name.replace("_", " "))
                for name in ("retries", "replays", "turned_away")
            ),
            unit="ops",
        ),
        Panel(
            title="Tries that failed",
            means="By instance and error.",
            queries=(
                Query(
                    expr=_rate("harken_tries_total", "target, outcome", f', outcome!="{DONE}"'),
                    legend="{{target}} {{outcome}}",
                ),
            ),
            unit="ops",
        ),
        _one(
            "Hedges",
            "Second tries beside a late first one: won, lost or failed.",
            _rate("harken_hedges_total", "outcome"),
            "{{outcome}}",
            "ops",
        ),
    )


def _absences() -> tuple[Panel, ...]:
    return (
        _one(
            "Restarts",
            "Starts of its process in a quarter of an hour.",
            f"sum by (target) (increase(harken_target_restarts_total{{{CLUSTER}}}[15m]))",
        ),
        _one(
            "Set aside",
            "How often an instance was set aside in a quarter of an hour.",
            f"sum(increase(harken_ejections_total{{{CLUSTER}}}[15m]))",
            "set aside",
        ),
        _one(
            "Segments by outcome",
            "Also those that the cache answered.",
            _rate("harken_segments_total", "outcome"),
            "{{outcome}}",
            "ops",
        ),
    )


def _engines() -> tuple[Panel, ...]:
    busy = _told_rate("harken_engine_busy_seconds_total")
    tokens = _told_rate("harken_engine_tokens_total")
    decode_steps = _told_rate("harken_engine_steps_total", "target", ', kind="decode"')
    return (
        Panel(
            title="Busy",
            means="Part of the time that it spends inside the model.",
            queries=(Query(expr=busy, legend="{{target}}"),),
            unit="percentunit",
        ),
        _one(
            "RTFx of the model",
            "Audio-seconds per second inside the model: its own speed, without waiting for work.",
            f"{_told_rate('harken_engine_audio_seconds_total')} / {busy}",
        ),
        _one("Tokens/s", "That came of it.", tokens, unit="ops"),
        _one(
            "Steps/s",
            "Of the model, by kind.",
            _told_rate("harken_engine_steps_total", "target, kind"),
            "{{target}} {{kind}}",
            "ops",
        ),
        _one(
            "Tokens per step",
            "How many segments a decode step serves: the use of batching.",
            f"{tokens} / {decode_steps}",
        ),
        _one("Waiting inside", "Segments that have no slot yet.", _told(f"harken_engine_waiting{{{CLUSTER}}}")),
    )


def _machines() -> tuple[Panel, ...]:
    memory = f"max by (instance) (harken_memory_used_bytes{{{CLUSTER}}} / harken_memory_total_bytes{{{CLUSTER}}})"
    gpu_used = f"harken_gpu_memory_used_bytes{{{CLUSTER}}} / harken_gpu_memory_total_bytes{{{CLUSTER}}}"
    return (
        _share("CPU", "Of the machine or its container.", f"max by (instance) (harken_cpu_busy_ratio{{{CLUSTER}}})"),
        _share("Memory", "Of the machine or its container.", memory),
        _one(
            "Event loop of the server",
            "By how much it was late at worst.",
            f"max by (instance) (harken_loop_lag_seconds{{{CLUSTER}}})",
            "{{instance}}",
            "s",
        ),
        _share("GPU", "Busy.", f"max by (instance, gpu) (harken_gpu_busy_ratio{{{CLUSTER}}})", "{{instance}} {{gpu}}"),
        _share(
            "GPU memory",
            "Instances fill it on purpose, up to instance.memory_share.",
            f"max by (instance, gpu) ({gpu_used})",
            "{{instance}} {{gpu}}",
        ),
        _one(
            "Memory of the server",
            "Of the process that was scraped.",
            f"max by (instance) (process_resident_memory_bytes{{{CLUSTER}}})",
            "{{instance}}",
            "bytes",
        ),
    )


def _share(title: str, means: str, expr: str, legend: str = "{{instance}}") -> Panel:
    query = Query(expr=expr, legend=legend)
    return Panel(title=title, means=means, queries=(query,), unit="percentunit", most=1, turns=(BUSY, FULL))
