"""What a gateway says of itself: two views of its instances become one honest word.

Pure. The dispatcher knows who answers and how much is in flight; the fleet knows processes, restarts and why something
is broken. One line per instance, by name; where both know its state the dispatcher's word counts, because it looked.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from harken.dispatch.targets.state import State as TargetState
from harken.server.lifecycle import State
from harken.types import Health, InstanceHealth

_BROKEN = frozenset({State.BROKEN_AT_START.value, TargetState.RESTING.value})
"""Waiting for these is no use, or nobody knows: they run, and fail what they get."""

_WELL = frozenset({TargetState.READY.value, TargetState.FULL.value})

_LEAVING = frozenset({State.STOPPED.value, TargetState.DRAINING.value, "stopping"})
"""An operator wants these away: nothing is wrong with them."""

STOPPED = "stopped"
"""The word for a gateway all of whose instances operators want away."""

_TAKES_WORK = _WELL | {TargetState.ON_TRIAL.value}
"""A recording sent now would be tried on one of these."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GatewayState:
    """All that is known.

    Attributes:
        name: of the gateway.
        is_draining: it was asked to leave.
        targets: the dispatcher's view.
        instances: the fleet's view.
        model: name of the served model, "" while unknown.
        queued_audio_s: seconds of audio that wait for a slot.
        loop_lag_s: of the gateway's own event loop.
        is_shut: every target said that it takes nothing for longer than a recording may wait.
        has_fleet: it is known where instances come from; where there is none then, there is to be none.
        lets_in: whoever may use it gets in; not while keys are needed and cannot be read.
        is_asleep: there are no instances because nobody needs one; a recording wakes them, and waits meanwhile.
    """

    name: str
    is_draining: bool
    targets: tuple[InstanceHealth, ...]
    instances: tuple[InstanceHealth, ...]
    model: str
    queued_audio_s: float
    loop_lag_s: float = 0.0
    is_shut: bool = False
    lets_in: bool = True
    is_asleep: bool = False
    has_fleet: bool = False


def gateway_health(now: GatewayState) -> Health:
    """Bring both views together."""
    lines = merge(now.targets, now.instances)
    able = sum(line.state in _TAKES_WORK for line in lines)
    return Health(
        name=now.name,
        is_ready=(able > 0 or now.is_asleep) and now.lets_in and not (now.is_draining or now.is_shut),
        state=_word(now, lines, able),
        model=now.model,
        queued_audio_s=now.queued_audio_s,
        loop_lag_s=now.loop_lag_s,
        instances=lines,
    )


def merge(targets: tuple[InstanceHealth, ...], instances: tuple[InstanceHealth, ...]) -> tuple[InstanceHealth, ...]:
    """Make one line per name: the fleet's order first, then targets that it does not know."""
    looked_at = {target.name: target for target in targets}
    lines = []
    for instance in instances:
        target = looked_at.pop(instance.name, None)
        lines.append(instance if target is None else _both(target, instance))
    return (*lines, *looked_at.values())


def _both(target: InstanceHealth, instance: InstanceHealth) -> InstanceHealth:
    return dataclasses.replace(
        target, restarts=instance.restarts, pid=instance.pid, detail=instance.detail or target.detail
    )


def _word(now: GatewayState, lines: tuple[InstanceHealth, ...], able: int) -> str:
    if now.is_draining:
        return "draining"
    if now.is_shut or not now.lets_in:
        return "full" if now.is_shut else "locked"
    wanted = [line for line in lines if line.state not in _LEAVING]
    if able:
        return "ready" if all(line.state in _WELL for line in wanted) else "degraded"
    if now.is_asleep:
        return "asleep"
    if wanted and all(line.state in _BROKEN for line in wanted):
        return "broken"
    return "starting" if wanted or not (lines or now.has_fleet) else STOPPED
