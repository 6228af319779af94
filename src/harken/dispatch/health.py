"""What looks at an instance, and the ends of its segments, say about it.

Pure: an outcome and the vitals so far in, new vitals and perhaps an event for the target's state out. Two counts are
kept apart on purpose. Answered looks only prove that a process is alive; they never forgive failed segments, because
ready means that this instance recognises, not that it answers. Only a recognised segment does that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from harken.dispatch.state import Event
from harken.errors import ClientError, Draining, HarkenError, InstanceFailed, QueueFull, TimedOut, Unavailable


class ConnectionLost(InstanceFailed):
    """Nobody listens at its address, or the connection was reset: the process is probably gone."""


class Unreached(ConnectionLost):
    """No connection came about: whatever happened there, this segment had no part in it."""


class Cut(InstanceFailed):
    """We ended the attempt ourselves, because of what we already know about the target."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A look was answered with a state of the instance's own lifecycle."""

    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Unanswered:
    """A look was not answered in time, or with something that is not a state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Succeeded:
    """A segment was recognised."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """A segment failed, and not through the client's fault."""

    is_lost: bool
    """The connection was refused or reset."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnedAway:
    """The instance is well, but took nothing now; `event` is what it said."""

    event: Event


Outcome = Answered | Unanswered | Succeeded | Failed | TurnedAway


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """When patience ends.

    Attributes:
        missed_looks: unanswered looks in a row after which a target counts as unresponsive.
        failures: failed segments in a row after which it is set aside.
        rest_s: for so many seconds, and then until an answered look.
    """

    missed_looks: int = 3
    failures: int = 5
    rest_s: float = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Vitals:
    """What is remembered of a target.

    Attributes:
        missed_looks: unanswered looks in a row.
        failures: failed segments in a row.
        rests_until: the clock's time until which it is set aside.
    """

    missed_looks: int = 0
    failures: int = 0
    rests_until: float = float("-inf")


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The new vitals, and what they mean for the target's state; None: nothing."""

    vitals: Vitals
    event: Event | None


def judge(vitals: Vitals, outcome: Outcome, policy: Policy, now: float) -> Verdict:
    """Take one outcome into account. `now` is the clock's time in seconds."""
    match outcome:
        case Answered(state=state):
            event = _SAID.get(state, Event.SAID_STARTING)
            is_resting = event is Event.SAID_READY and now < vitals.rests_until
            return Verdict(vitals=replace(vitals, missed_looks=0), event=None if is_resting else event)
        case Unanswered():
            missed = vitals.missed_looks + 1
            event = Event.LOST if missed >= policy.missed_looks else Event.MISSED
            return Verdict(vitals=replace(vitals, missed_looks=missed), event=event)
        case Succeeded():
            return Verdict(vitals=replace(vitals, failures=0), event=None)
        case Failed(is_lost=is_lost):
            failed = replace(vitals, failures=vitals.failures + 1)
            if failed.failures >= policy.failures:
                return Verdict(vitals=replace(failed, rests_until=now + policy.rest_s), event=Event.FAILING)
            return Verdict(vitals=failed, event=Event.MISSED if is_lost else None)
        case TurnedAway(event=event):
            return Verdict(vitals=vitals, event=event)
        case _:
            assert_never(outcome)


def outcome_of(error: HarkenError) -> Outcome | None:
    """What the end of an attempt says about its target; None where it says nothing."""
    match error:
        case ClientError() | Cut():
            return None
        case QueueFull():
            return TurnedAway(event=Event.SAID_FULL)
        case Draining():
            return TurnedAway(event=Event.SAID_DRAINING)
        case TimedOut():
            return Failed(is_lost=False)
        case Unavailable():
            return TurnedAway(event=Event.SAID_STARTING)
        case _:
            return Failed(is_lost=isinstance(error, ConnectionLost))


_SAID = {"ready": Event.SAID_READY, "draining": Event.SAID_DRAINING, "stopped": Event.SAID_DRAINING}
"""The words of an instance's lifecycle that matter here; with every other one it cannot work yet."""
