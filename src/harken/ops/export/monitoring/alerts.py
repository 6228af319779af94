"""The alerts about the service: whether it answers, whether it keeps its promise, how long people wait.

Owns what is alarming and from which figure on; where a figure is of the configuration, it is taken from there. What
wears a machine out is in `machine_alerts`, what people who speak notice in `live_alerts`. The invariant: every alert
says whom it hurts and has a runbook.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.ops.export.monitoring.budget import OBJECTIVE
from harken.ops.export.monitoring.live_alerts import live_group
from harken.ops.export.monitoring.records import burning, failing
from harken.ops.export.monitoring.rules import Alert, Group, Severity

JOB = "harken"
"""The job of servers that clients talk to."""

FEWEST_FAILED = 5
"""At a night's three requests, one failure is a third of all, and no reason to wake anybody."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How fast the error budget may burn before somebody is told.

    Attributes:
        alert: its name.
        factor: times the objective's own pace.
        long: window that shows that it matters.
        short: window that shows that it still goes on.
        lasts: for how long both must be so.
        severity: who is told how fast.
    """

    alert: str
    factor: float
    long: str
    short: str
    lasts: str
    severity: Severity


PACES = (
    Pace(alert="HarkenBudgetBurnsFast", factor=14.4, long="1h", short="5m", lasts="2m", severity="critical"),
    Pace(alert="HarkenBudgetBurns", factor=6, long="6h", short="30m", lasts="5m", severity="critical"),
    Pace(alert="HarkenBudgetBurnsSlowly", factor=3, long="1d", short="2h", lasts="15m", severity="warning"),
    Pace(alert="HarkenBudgetIsUsedUp", factor=1, long="3d", short="6h", lasts="1h", severity="warning"),
)
"""The usual four: 2 % of thirty days' budget spent in an hour, 5 % in six, 10 % in one day or in three."""

RETRIES_SHARE = 0.05
FIRST_TEXT_S = 3
LOOP_LAG_S = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """Figures of the configuration that alerts are measured by.

    Attributes:
        target_wait_s: so soon the fleet should be able to work off what waits.
        queue_timeout_s: what waited longer has failed.
        gpu_memory_share: of a GPU's memory, how much instances fill on purpose.
    """

    target_wait_s: float = 10.0
    queue_timeout_s: float = 300.0
    gpu_memory_share: float = 0.9


def service_groups(bounds: Bounds) -> tuple[Group, ...]:
    """Return the alerts about the service."""
    return (
        Group(name="harken-presence", rules=(*_presence(), *_instances())),
        Group(name="harken-promise", rules=_promise()),
        Group(name="harken-waiting", rules=_waiting(bounds)),
        live_group(),
    )


def _presence() -> tuple[Alert, ...]:
    return (
        Alert(
            name="HarkenMissing",
            expr=f'up{{job="{JOB}"}} == 0 or absent(up{{job="{JOB}"}})',
            lasts="2m",
            severity="critical",
            summary="Prometheus cannot reach Harken {{ $labels.instance }}",
            description=(
                "Nothing was learned from it for two minutes: the process is gone, the address is wrong, or the key "
                "is. Nobody else is watching it now."
            ),
        ),
        Alert(
            name="HarkenNotReady",
            expr="harken_ready == 0",
            lasts="1m",
            severity="critical",
            summary="{{ $labels.instance }} has no ready instance",
            description="A recording sent now would not be transcribed: every instance is starting, broken or away.",
        ),
        Alert(
            name="HarkenStoreAway",
            expr="harken_store_ready == 0",
            lasts="2m",
            severity="warning",
            summary="{{ $labels.instance }} cannot reach where its {{ $labels.store }} are",
            description=(
                "Recordings are transcribed all the same, but nothing is limited without counts, nothing is shared "
                "without the cache, and keys that were known work on only for auth.stale_keys_s."
            ),
        ),
    )


def _instances() -> tuple[Alert, ...]:
    return (
        Alert(
            name="HarkenInstanceNotReady",
            expr="harken_target_ready == 0",
            lasts="5m",
            severity="warning",
            summary="Instance {{ $labels.target }} has not been ready for five minutes",
            description=(
                "It gets no recordings from {{ $labels.instance }}: it is down, still loading, set aside for failing, "
                "or was drained and forgotten. The others carry its share."
            ),
        ),
        Alert(
            name="HarkenInstanceRestarting",
            expr="increase(harken_target_restarts_total[15m]) > 2.5",
            lasts="0m",
            severity="warning",
            summary="Instance {{ $labels.target }} restarts again and again",
            description=(
                "Its process was started {{ $value | humanize }} times in a quarter of an hour. Recordings that it "
                "held were recognised elsewhere; the crash reports say what ended it."
            ),
        ),
        Alert(
            name="HarkenInstancesSetAside",
            expr="sum by (cluster, instance) (increase(harken_ejections_total[30m])) > 2.5",
            lasts="0m",
            severity="warning",
            summary="{{ $labels.instance }} sets instances aside again and again",
            description=(
                "{{ $value | humanize }} times in half an hour an instance failed, or was slow, so often beside the "
                "others that it got nothing for a while."
            ),
        ),
    )


def _promise() -> tuple[Alert, ...]:
    return (
        *(_burns(pace) for pace in PACES),
        Alert(
            name="HarkenRetriesMuch",
            expr=f"cluster:harken_retries:ratio_rate5m > {RETRIES_SHARE}",
            lasts="10m",
            severity="warning",
            summary="{{ $value | humanizePercentage }} of all tries are second tries",
            description=(
                "Clients do not notice yet, since the second try succeeds; but something fails, and the budget for "
                "such tries (dispatch.retry_share) is being used up."
            ),
        ),
    )


def _burns(pace: Pace) -> Alert:
    """Two windows: the long one says that it matters, the short one that it still goes on."""
    return Alert(
        name=pace.alert,
        expr=(
            f"{burning(pace.long)} > {pace.factor:g}\nand {burning(pace.short)} > {pace.factor:g}\n"
            f"and {failing(pace.long)} >= {FEWEST_FAILED}"
        ),
        lasts=pace.lasts,
        severity=pace.severity,
        summary="Requests of {{ $labels.cluster }} fail, {{ $value | humanize }} times as many as may",
        description=(
            f"For {pace.long} more than {pace.factor:g} times as many requests failed as the objective of "
            f"{OBJECTIVE:.1%} allows, and they still do. Clients' own mistakes and cancellations are not counted."
        ),
    )


def _waiting(bounds: Bounds) -> tuple[Alert, ...]:
    return (
        Alert(
            name="HarkenQueueSlow",
            # Without a gateway there is no queue, and an instance is where segments wait.
            expr=(
                f'cluster_class:harken_queue_seconds:p95_5m{{class!="batch"}} > {bounds.target_wait_s:g}\n'
                f'or cluster_class:harken_wait_seconds:p95_5m{{class!="batch"}} > {bounds.target_wait_s:g}'
            ),
            lasts="5m",
            severity="warning",
            summary="Segments of class {{ $labels.class }} wait {{ $value | humanizeDuration }} for a slot",
            description=(
                f"One in twenty waits longer than {bounds.target_wait_s:g} s (autoscale.target_wait_s) before any work "
                "begins: there are too few slots for what comes in."
            ),
        ),
        Alert(
            name="HarkenQueueStuck",
            expr=f"harken_queue_oldest_seconds > {bounds.queue_timeout_s / 2:g}",
            lasts="1m",
            severity="critical",
            summary="A segment has waited {{ $value | humanizeDuration }} for a slot",
            description=(
                f"At {bounds.queue_timeout_s:g} s (limits.queue_timeout_s) it fails with timed_out, and those behind "
                "it follow."
            ),
        ),
        Alert(
            name="HarkenQueueNearlyFull",
            expr="cluster_instance:harken_queue_used:ratio > 0.8",
            lasts="2m",
            severity="warning",
            summary="The queue of {{ $labels.instance }} is {{ $value | humanizePercentage }} full",
            description="At 100 % new requests are refused with 503 queue_full.",
        ),
        Alert(
            name="HarkenFirstTextSlow",
            expr=f"cluster_class:harken_first_text_seconds:p95_5m > {FIRST_TEXT_S}",
            lasts="10m",
            severity="warning",
            summary="Streams of class {{ $labels.class }} show their first text after {{ $value | humanizeDuration }}",
            description=f"One stream in twenty shows nothing for more than {FIRST_TEXT_S} s: to a person it hangs.",
        ),
    )
