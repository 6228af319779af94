"""The alerts about live transcription: whether text keeps up with who speaks, and whether people are let in.

Owns from when on text is late. It refuses to know how sessions are let in; that servers count. The invariant: who
offers no live transcription, or of whom nobody asks it, hears nothing of it.
"""

from __future__ import annotations

from typing import Final

from harken.ops.export.monitoring.rules import Alert, Group

FINAL_TEXT_S: Final = 3
"""Who waits longer for what he has just said talks into a void."""


def live_group() -> Group:
    """Return the alerts about live sessions."""
    return Group(
        name="harken-live",
        rules=(
            Alert(
                name="HarkenLiveTextLate",
                expr=f"cluster:harken_live_final_seconds:p95_5m > {FINAL_TEXT_S}",
                lasts="5m",
                severity="warning",
                summary="Final text of live sessions comes {{ $value | humanizeDuration }} after people stop speaking",
                description=(
                    f"One turn in twenty has its final text later than {FINAL_TEXT_S} s after its end: there is too "
                    "little capacity for those who speak."
                ),
            ),
            Alert(
                name="HarkenLiveRefuses",
                expr="sum by (cluster) (increase(harken_live_refused_total[5m])) > 0",
                lasts="10m",
                severity="warning",
                summary="{{ $value | humanize }} live sessions of {{ $labels.cluster }} were refused in five minutes",
                description=(
                    "People who want to speak are told to come back later: as many are followed as the fleet was "
                    "measured to be able to, or as live.sessions allows."
                ),
            ),
        ),
    )
