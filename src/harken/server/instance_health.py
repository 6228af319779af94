"""What an instance says of itself on `/health`: its state on the wire, in the words of the public API.

Pure.
"""

from __future__ import annotations

from harken.server.lifecycle import State
from harken.types import Health, InstanceHealth
from harken.wire import InstanceState

_WORDS = {
    State.STARTING: "starting",
    State.WARMING: "starting",
    State.READY: "ready",
    State.DRAINING: "draining",
    State.STOPPED: "draining",
    State.BROKEN_AT_START: "broken",
}


def instance_health(now: InstanceState, *, url: str, last_success_s: float | None) -> Health:
    """Say it.

    Args:
        now: as the wire tells it.
        url: where the instance is reached.
        last_success_s: seconds since it last recognised something; None if it has not yet.
    """
    state = State(now.state)
    slots = now.model.slots if now.model else 0
    itself = InstanceHealth(
        name=now.name,
        url=url,
        state=now.state,
        in_flight=now.in_flight,
        slots=slots,
        limit=slots if state is State.READY else 0,
        last_success_s=last_success_s,
        loop_lag_s=now.loop_lag_s,
        detail=now.detail,
        model=now.model.name if now.model else "",
        figures=now.figures,
    )
    return Health(
        name=now.name,
        is_ready=state is State.READY,
        state=_WORDS[state],
        model=now.model.name if now.model else "",
        loop_lag_s=now.loop_lag_s,
        instances=(itself,),
    )
