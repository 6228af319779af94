"""The row about people who speak: how many, how late their text is, who is refused.

Owns questions about live sessions. It refuses to know how the instances do, which is below. The invariant: every
question is bounded to the clusters that were chosen.
"""

from __future__ import annotations

from harken.ops.export.monitoring.grafana import Row
from harken.ops.export.monitoring.panel import Panel, Query
from harken.ops.export.monitoring.service_rows import CLUSTER, RATE, quantile


def live_rows() -> tuple[Row, ...]:
    """Return the row about live sessions."""
    return (Row(title="Live", panels=_panels()),)


def _panels() -> tuple[Panel, ...]:
    def total(name: str, legend: str) -> Query:
        return Query(expr=f"sum(harken_live_{name}{{{CLUSTER}}})", legend=legend)

    def rate(name: str, legend: str) -> Query:
        return Query(expr=f"sum(rate(harken_live_{name}_total{{{CLUSTER}}}{RATE}))", legend=legend)

    return (
        Panel(
            title="Live sessions",
            means="Who speaks, who is connected, whose connection broke, and how many there may be.",
            queries=(
                total("speaking", "speaking"),
                total("sessions", "open"),
                total("away", "away"),
                total("sessions_limit", "limit"),
            ),
        ),
        Panel(
            title="Text after the end",
            means="From the end of a turn to its final text; and how long a draft takes while somebody speaks.",
            queries=(
                Query(expr=quantile(0.5, "harken_live_final_seconds", ""), legend="final p50"),
                Query(expr=quantile(0.95, "harken_live_final_seconds", ""), legend="final p95"),
                Query(expr=quantile(0.95, "harken_live_draft_seconds", ""), legend="draft p95"),
            ),
            unit="s",
        ),
        Panel(
            title="Sessions opened and refused",
            means="Refused for want of capacity; turns whose final text differs from what was shown as final.",
            queries=(
                rate("opened", "opened"),
                rate("refused", "refused"),
                rate("turns", "turns"),
                rate("turns_at_odds", "turns at odds"),
                rate("audio_seconds", "audio-seconds"),
            ),
            unit="ops",
        ),
        Panel(
            title="Sessions ended",
            means="Why: finished or left by their client, or ended by the server, with the error's code.",
            queries=(
                Query(expr=f"sum by (reason) (rate(harken_live_ended_total{{{CLUSTER}}}{RATE}))", legend="{{reason}}"),
            ),
            unit="ops",
        ),
    )
