"""The recording rules: what the alerts and the dashboard ask for again and again.

Owns the names of computed figures. It refuses to know what is alarming. The invariant: everything is by `cluster`, a
label of the scraping, so that several clusters in one Prometheus stay apart and several gateways of one come together.
"""

from __future__ import annotations

from harken.events import DONE
from harken.ops.export.monitoring.budget import WINDOWS, burn, failed
from harken.ops.export.monitoring.rules import Group, Record

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

_HISTOGRAMS = {
    "harken_request_seconds": ("harken_request_seconds_bucket", ("p50", "p95", "p99")),
    "harken_first_text_seconds": ("harken_first_text_seconds_bucket", ("p50", "p95")),
    "harken_queue_seconds": ('harken_stage_seconds_bucket{stage="queue"}', ("p50", "p95")),
    "harken_wait_seconds": ('harken_stage_seconds_bucket{stage="wait"}', ("p95",)),
}
"""What is recorded of by class → its buckets, and which quantiles."""


def record_groups() -> tuple[Group, ...]:
    """Return all recording rules."""
    return (
        Group(name="harken-work", rules=(*_work(), *_quantiles(), *_live())),
        Group(name="harken-budget", rules=(*_burning(), *_failed())),
    )


def burning(window: str) -> str:
    """Name the burning over a window."""
    return f"cluster:harken_budget_burn:rate{window}"


def failing(window: str) -> str:
    """Name the number of failed requests in a window."""
    return f"cluster:harken_failed_requests:increase{window}"


def _work() -> tuple[Record, ...]:
    return (
        Record(
            name="cluster_outcome:harken_requests:rate5m",
            expr="sum by (cluster, outcome) (rate(harken_requests_total[5m]))",
        ),
        Record(
            name="cluster:harken_rtfx:rate5m",
            expr="sum by (cluster) (rate(harken_recording_audio_seconds_sum[5m]))",
        ),
        Record(
            name="cluster_target:harken_rtfx:rate5m",
            expr=f'sum by (cluster, target) (rate(harken_try_audio_seconds_total{{outcome="{DONE}"}}[5m]))',
        ),
        Record(
            name="cluster:harken_retries:ratio_rate5m",
            expr="sum by (cluster) (rate(harken_retries_total[5m]))\n/ sum by (cluster) (rate(harken_tries_total[5m]))",
        ),
        Record(
            name="cluster_instance:harken_queue_used:ratio",
            # The limit is of all that are not batch; it is 0 while there is nobody to work anything off.
            expr=(
                'sum by (cluster, instance) (harken_queue_audio_seconds{class!="batch"})\n'
                "/ sum by (cluster, instance) (harken_queue_limit_audio_seconds > 0)"
            ),
        ),
    )


def _quantiles() -> tuple[Record, ...]:
    return tuple(
        Record(
            name=f"cluster_class:{name}:{quantile}_5m",
            expr=f"histogram_quantile({QUANTILES[quantile]}, sum by (cluster, class, le) (rate({buckets}[5m])))",
        )
        for name, (buckets, quantiles) in _HISTOGRAMS.items()
        for quantile in quantiles
    )


def _live() -> tuple[Record, ...]:
    buckets = "harken_live_final_seconds_bucket"
    return tuple(
        Record(
            name=f"cluster:harken_live_final_seconds:{quantile}_5m",
            expr=f"histogram_quantile({QUANTILES[quantile]}, sum by (cluster, le) (rate({buckets}[5m])))",
        )
        for quantile in ("p50", "p95")
    )


def _burning() -> tuple[Record, ...]:
    return tuple(Record(name=burning(window), expr=burn(window)) for window in WINDOWS)


def _failed() -> tuple[Record, ...]:
    return tuple(Record(name=failing(window), expr=failed(window)) for window in ("1h", "6h", "1d", "3d"))
