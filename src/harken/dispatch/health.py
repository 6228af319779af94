"""What looks at an instance, and the ends of its segments, say about it.

Pure: an outcome and the vitals so far in, new vitals and perhaps an event for the target's state out. Two counts are
kept apart on purpose. Answered looks only prove that a process is alive; they never forgive failed segments, because
ready means that this instance recognises, not that it answers. Only a recognised segment does that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from harken.dispatch.state import Event
from harken.errors import (
    ClientError,
    DeadlineExceeded,
    Draining,
    HarkenError,
    InstanceFailed,
    QueueFull,
    TimedOut,
    Unavailable,
)


class ConnectionLost(InstanceFailed):
    """Nobody listens at its address, or the connection was reset: the process is probably gone."""


class Unreached(ConnectionLost):
    """No connection came about: whatever happened there, this segment had no part in it."""


class Silent(InstanceFailed):
    """It took the segment and then said nothing at all, not even that it lives: it is probably stopped or stuck."""


class Stalled(InstanceFailed):
    """It lives and says so, but the segment on it did not move on: its engine is probably stuck."""


class Cut(InstanceFailed):
    """We ended the attempt ourselves, because of what we already know about the target."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A look was answered with a state of the instance's own lifecycle."""

    state: str
    loop_lag_s: float = 0.0
    """By how much its event loop was late at worst in the last seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unanswered:
    """A look was not answered in time, or with something that is not a state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Succeeded:
    """A segment was recognised.

    Attributes:
        audio_s: its length in seconds of audio.
        took_s: from the claim of its slot to its end, in seconds; 0 where nobody measured.
        in_flight: segments on the target meanwhile, itself included: the mean over that time.
    """

    audio_s: float = 0.0
    took_s: float = 0.0
    in_flight: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """A segment failed, and not through the client's fault."""

    is_lost: bool
    """The connection was refused or reset, or nothing came over it."""
    is_stalled: bool = False
    """It made no progress."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proved:
    """It recognised its canary, which nobody but us asked for: that forgives no failed segment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Disproved:
    """It heard something else in its canary than is said there; so it does in what clients send."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnedAway:
    """The instance is well, but took nothing now; `event` is what it said."""

    event: Event


Outcome = Answered | Unanswered | Succeeded | Failed | Proved | Disproved | TurnedAway


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """When patience ends.

    Attributes:
        missed_looks: unanswered looks in a row after which a target counts as unresponsive.
        failures: failed segments in a row after which it is set aside.
        rest_s: for so many seconds, and then until an answered look.
        rests: rests in a row, with no recognised segment between them, after which it must be replaced.
        stalls: segments without progress, with no recognised one between them, after which it must be replaced.
    """

    missed_looks: int = 3
    failures: int = 5
    rest_s: float = 5.0
    rests: int = 2
    stalls: int = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Vitals:
    """What is remembered of a target.

    Attributes:
        missed_looks: unanswered looks in a row.
        failures: failed segments in a row.
        rests: rests since the last recognised segment; while there is one, it must prove itself.
        rests_until: the clock's time until which it is set aside.
        stalls: segments without progress since the last recognised one.
        is_disproved: its last canary was wrong; until one is right it gets nothing.
    """

    missed_looks: int = 0
    failures: int = 0
    rests: int = 0
    stalls: int = 0
    rests_until: float = float("-inf")
    is_disproved: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The new vitals, and what they mean for the target's state; None: nothing.

    Attributes:
        vitals: to be remembered.
        event: what happened to the target by that.
        is_hopeless: resting has not helped: its owner should replace it.
    """

    vitals: Vitals
    event: Event | None
    is_hopeless: bool = False


def judge(vitals: Vitals, outcome: Outcome, policy: Policy, now: float) -> Verdict:
    """Take one outcome into account. `now` is the clock's time in seconds."""
    event: Event | None = None
    match outcome:
        case Answered(state=state):
            event = _said(state, vitals, now)
            vitals = replace(vitals, missed_looks=0)
        case Unanswered():
            vitals = replace(vitals, missed_looks=vitals.missed_looks + 1)
            event = Event.LOST if vitals.missed_looks >= policy.missed_looks else Event.MISSED
        case Succeeded():
            vitals = replace(vitals, failures=0, rests=0, stalls=0)
        case Failed():
            return _failed(vitals, outcome, policy, now)
        case Proved():
            vitals = replace(vitals, is_disproved=False)
        case Disproved():
            rested = _rest(replace(vitals, is_disproved=True), policy, now)
            return replace(rested, is_hopeless=not vitals.is_disproved)
        case TurnedAway(event=said):
            event = said
        case _:
            assert_never(outcome)
    return Verdict(vitals=vitals, event=event)


def _failed(vitals: Vitals, failure: Failed, policy: Policy, now: float) -> Verdict:
    failed = replace(vitals, failures=vitals.failures + 1, stalls=vitals.stalls + failure.is_stalled)
    is_hopeless = failure.is_stalled and failed.stalls == policy.stalls
    if failed.failures >= policy.failures or is_hopeless:
        rested = _rest(failed, policy, now)
        return replace(rested, is_hopeless=rested.is_hopeless or is_hopeless)
    return Verdict(vitals=failed, event=Event.MISSED if failure.is_lost or failure.is_stalled else None)


def _said(state: str, vitals: Vitals, now: float) -> Event | None:
    """What an instance says of itself is believed, except that it works while it has failed again and again."""
    event = _SAID.get(state, Event.SAID_STARTING)
    if event is not Event.SAID_READY:
        return event
    if now < vitals.rests_until or vitals.is_disproved:
        return None
    return Event.RESTED if vitals.rests else event


def _rest(vitals: Vitals, policy: Policy, now: float) -> Verdict:
    if now < vitals.rests_until:
        # What was on it when its rest began fails now: that is the same rest.
        return Verdict(vitals=vitals, event=Event.FAILING)
    rested = replace(vitals, rests=vitals.rests + 1, rests_until=now + policy.rest_s)
    return Verdict(vitals=rested, event=Event.FAILING, is_hopeless=rested.rests >= policy.rests)


def outcome_of(error: HarkenError) -> Outcome | None:
    """What the end of an attempt says about its target; None where it says nothing."""
    match error:
        case ClientError() | Cut() | DeadlineExceeded():
            return None
        case TimedOut():
            return Failed(is_lost=False)
        case Unavailable():
            return TurnedAway(event=_TURNED_AWAY.get(type(error), Event.SAID_STARTING))
        case _:
            return Failed(is_lost=isinstance(error, ConnectionLost | Silent), is_stalled=isinstance(error, Stalled))


_TURNED_AWAY = {QueueFull: Event.SAID_FULL, Draining: Event.SAID_DRAINING}
"""What it says of itself by turning a segment away."""

_SAID = {
    "ready": Event.SAID_READY,
    "full": Event.SAID_FULL,
    "draining": Event.SAID_DRAINING,
    "stopped": Event.SAID_DRAINING,
}
"""The words of an instance's lifecycle that matter here; with every other one it cannot work yet."""
