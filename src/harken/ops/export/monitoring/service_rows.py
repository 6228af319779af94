"""The upper half of the dashboard: what is happening now, the promise, how long things take, who waits.

Owns questions about requests and the queue. It refuses to know instances and machines, which are below. The invariant:
every question is bounded to the clusters that were chosen.
"""

from __future__ import annotations

from harken.events import DONE
from harken.ops.export.monitoring.budget import bad_pattern
from harken.ops.export.monitoring.grafana import Row
from harken.ops.export.monitoring.panel import Panel, Query
from harken.ops.export.monitoring.records import QUANTILES, burning

CLUSTER = 'cluster=~"$cluster"'

RATE = "[$__rate_interval]"


def service_rows() -> tuple[Row, ...]:
    """Return the rows about requests."""
    return (
        Row(title="Now", panels=(*_now(), *_trouble())),
        Row(title="Requests", panels=(*_requests(), *_recordings())),
        Row(title="Latency", panels=_latency()),
        Row(title="Queue", panels=_queue()),
    )


def quantile(share: float, metric: str, by: str, where: str = "") -> str:
    """Write a quantile of a histogram's last minutes.

    Args:
        share: 0.95 for p95.
        metric: the histogram's name.
        by: labels that keep lines apart, as "class, "; "" for one line.
        where: more matchers, beginning with a comma.
    """
    return f"histogram_quantile({share}, sum by ({by}le) (rate({metric}_bucket{{{CLUSTER}{where}}}{RATE})))"


def _stat(title: str, means: str, expr: str, unit: str = "short", turns: tuple[float, float] | None = None) -> Panel:
    return Panel(
        title=title, means=means, queries=(Query(expr=expr),), unit=unit, kind="stat", width=3, height=4, turns=turns
    )


def _now() -> tuple[Panel, ...]:
    return (
        _stat(
            "Ready",
            "Whether a recording sent now would be transcribed, by every server.",
            f"min(harken_ready{{{CLUSTER}}})",
            "bool_yes_no",
            (1, 0.5),
        ),
        _stat(
            "Instances ready",
            "Instances that take recordings now, of some gateway.",
            f"sum(max by (cluster, target) (harken_target_ready{{{CLUSTER}}}))",
        ),
        _stat(
            "Requests/s",
            "Recordings that ended, in whatever way.",
            f"sum(rate(harken_requests_total{{{CLUSTER}}}{RATE}))",
            "reqps",
        ),
        _stat(
            "RTFx",
            "Audio-seconds transcribed per second.",
            f"sum(rate(harken_recording_audio_seconds_sum{{{CLUSTER}}}{RATE}))",
            "suffix:×",
        ),
    )


def _trouble() -> tuple[Panel, ...]:
    bad = f'sum(increase(harken_requests_total{{{CLUSTER}, outcome=~"{bad_pattern()}"}}[5m]))'
    done = f'sum(increase(harken_requests_total{{{CLUSTER}, outcome="{DONE}"}}[5m]))'
    return (
        _stat(
            "Success",
            "Of the last five minutes' requests, less clients' own mistakes and cancellations.",
            f"{done} / ({done} + ({bad} or 0 * {done}))",
            "percentunit",
            (0.999, 0.99),
        ),
        _stat(
            "In progress",
            "Recordings being worked on.",
            f"sum(harken_requests_in_progress{{{CLUSTER}}})",
        ),
        _stat(
            "Waiting",
            "Audio-seconds that wait for a slot.",
            f"sum(harken_queue_audio_seconds{{{CLUSTER}}})",
            "s",
        ),
        _stat(
            "Alerts",
            "Alerts that are firing.",
            f'count(ALERTS{{{CLUSTER}, alertname=~"Harken.*", alertstate="firing"}}) or vector(0)',
            "short",
            (1, 2),
        ),
    )


def _requests() -> tuple[Panel, ...]:
    return (
        Panel(
            title="Requests by outcome",
            means="done, cancelled (the client left), or the code of an error.",
            queries=(
                Query(expr=f"sum by (outcome) (rate(harken_requests_total{{{CLUSTER}}}{RATE}))", legend="{{outcome}}"),
            ),
            unit="reqps",
            is_stacked=True,
        ),
        Panel(
            title="RTFx by class",
            means="Audio-seconds transcribed per second.",
            queries=(
                Query(
                    expr=f"sum by (class) (rate(harken_recording_audio_seconds_sum{{{CLUSTER}}}{RATE}))",
                    legend="{{class}}",
                ),
            ),
            is_stacked=True,
        ),
        Panel(
            title="Error budget",
            means="How fast it is spent: 1 spends it in 30 days; alerts begin at 14.4 (1h), 6 (6h), 3 (1d) and 1 (3d).",
            queries=tuple(
                Query(expr=f"{burning(window)}{{{CLUSTER}}}", legend=f"{{{{cluster}}}} {window}")
                for window in ("5m", "1h", "6h", "1d", "3d")
            ),
            turns=(1, 14.4),
        ),
    )


def _recordings() -> tuple[Panel, ...]:
    return (
        Panel(
            title="In progress by route",
            means="Recordings being worked on.",
            queries=(Query(expr=f"sum by (route) (harken_requests_in_progress{{{CLUSTER}}})", legend="{{route}}"),),
            is_stacked=True,
        ),
        Panel(
            title="Length of recordings",
            means="Seconds of audio in what was transcribed.",
            queries=tuple(
                Query(expr=quantile(share, "harken_recording_audio_seconds", ""), legend=name)
                for name, share in QUANTILES.items()
            ),
            unit="s",
        ),
        Panel(
            title="Cache",
            means="Of the segments that were looked up: found, shared with somebody's flight, or recognised.",
            queries=(
                Query(
                    expr=f"sum by (outcome) (rate(harken_cache_lookups_total{{{CLUSTER}}}{RATE}))",
                    legend="{{outcome}}",
                ),
            ),
            unit="ops",
            is_stacked=True,
        ),
    )


def _latency() -> tuple[Panel, ...]:
    return (
        Panel(
            title="Requests",
            means="From the head of a request to the last byte of its answer, of those that succeeded.",
            queries=tuple(
                Query(expr=quantile(share, "harken_request_seconds", ""), legend=name)
                for name, share in QUANTILES.items()
            ),
            unit="s",
        ),
        Panel(
            title="First text",
            means="From the head of a request to the first text, of streams.",
            queries=(
                Query(expr=quantile(0.5, "harken_first_text_seconds", "class, "), legend="p50 {{class}}"),
                Query(expr=quantile(0.95, "harken_first_text_seconds", "class, "), legend="p95 {{class}}"),
            ),
            unit="s",
        ),
        Panel(
            title="Stages, p95",
            means="Where the time goes; wait, prefill, generate and align are inside the instances.",
            queries=(Query(expr=quantile(0.95, "harken_stage_seconds", "stage, "), legend="{{stage}}"),),
            unit="s",
        ),
    )


def _queue() -> tuple[Panel, ...]:
    return (
        Panel(
            title="Waiting",
            means="Audio-seconds that wait for a slot, by class, and how many may wait.",
            queries=(
                Query(expr=f"sum by (class) (harken_queue_audio_seconds{{{CLUSTER}}})", legend="{{class}}"),
                Query(expr=f"sum(harken_queue_limit_audio_seconds{{{CLUSTER}}})", legend="limit"),
            ),
            unit="s",
        ),
        Panel(
            title="Oldest",
            means="How long the oldest of the waiting segments has waited, and how many wait.",
            queries=(
                Query(expr=f"max(harken_queue_oldest_seconds{{{CLUSTER}}})", legend="oldest"),
                Query(expr=f"sum(harken_queue_segments{{{CLUSTER}}})", legend="segments"),
            ),
        ),
        Panel(
            title="Wait for a slot, p95",
            means="Of segments that got one, by class.",
            queries=(
                Query(expr=quantile(0.95, "harken_stage_seconds", "class, ", ', stage="queue"'), legend="{{class}}"),
            ),
            unit="s",
        ),
        Panel(
            title="Files of jobs",
            means="How many wait to be worked on; servers of one database all see the same.",
            queries=(Query(expr=f"max(harken_job_files_waiting{{{CLUSTER}}})", legend="files"),),
        ),
    )
