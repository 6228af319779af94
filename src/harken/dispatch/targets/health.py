"""What looks at an instance, and the ends of its segments, say about it.

Pure: an outcome and the vitals so far in, new vitals and perhaps an event for the target's state out. Invariant: only a
recognised segment forgives failed ones; neither an answered look nor a canary does. A right canary ends a trial, for
the segment that would end it may never come; but the next one that fails begins the next rest. And only a canary, which
no client has a part in, has an instance replaced: one client may send what every engine fails on, again and again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from harken.dispatch.lines.failures import ConnectionLost, Cut, Refused, Silent, Stalled
from harken.dispatch.targets.state import Event
from harken.dispatch.targets.vitals import Patience, Vitals
from harken.errors import (
    ClientError,
    DeadlineExceeded,
    Draining,
    HarkenError,
    QueueFull,
    TimedOut,
    Unavailable,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """A look was answered.

    Attributes:
        state: of the instance's own lifecycle.
        loop_lag_s: by how much its event loop was late at worst in the last seconds.
    """

    state: str
    loop_lag_s: float = 0.0


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
    is_proof: bool = False
    """It was its canary, and we had given it nothing beside that: no client had a part in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proved:
    """It recognised its canary, which nobody but us asked for: that ends a trial and forgives no failed segment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Disproved:
    """It heard something else in its canary than is said there; so it does in what clients send."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnedAway:
    """The instance is well, but took nothing now; `event` is what it said."""

    event: Event


@dataclass(frozen=True, kw_only=True, slots=True)
class Worse:
    """It is much worse than its peers (`outliers`); `reason` is one sentence."""

    reason: str


Outcome = Answered | Unanswered | Succeeded | Failed | Proved | Disproved | TurnedAway | Worse


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The new vitals, and what they mean for the target's state; None: nothing.

    Attributes:
        vitals: to be remembered.
        event: what happened to the target by that.
        is_hopeless: its canary was wrong, or failed after all else: its owner should replace it.
    """

    vitals: Vitals
    event: Event | None
    is_hopeless: bool = False


def judge(vitals: Vitals, outcome: Outcome, patience: Patience, now: float) -> Verdict:
    """Take one outcome into account. `now` is the clock's time in seconds."""
    event: Event | None = None
    match outcome:
        case Answered():
            event = _said(outcome, vitals, patience, now)
            vitals = replace(vitals, missed_looks=0)
        case Unanswered():
            vitals = replace(vitals, missed_looks=vitals.missed_looks + 1)
            event = Event.LOST if vitals.missed_looks >= patience.missed_looks else Event.MISSED
        case Succeeded():
            if vitals.is_spotless:  # nearly always, and this is on the way of every segment
                return Verdict(vitals=vitals, event=None)
            # What ended well while it rests was there before; its trial is still to come.
            rests = vitals.rests if now < vitals.rests_until else 0
            strikes = 0 if now >= vitals.rests_until + patience.forgiven_s else vitals.strikes
            is_doubted = vitals.is_doubted and rests > 0
            vitals = replace(vitals, failures=0, rests=rests, stalls=0, strikes=strikes, is_doubted=is_doubted)
        case Failed():
            return _failed(vitals, outcome, patience, now)
        case Proved():
            # After a wrong one, a right one only begins the trial.
            is_over = vitals.rests > 0 and not vitals.is_disproved and now >= vitals.rests_until
            is_proved = vitals.is_proved or is_over
            vitals = replace(vitals, is_disproved=False, is_doubted=False, is_proved=is_proved)
        case Disproved():
            rested = _rest(replace(vitals, is_disproved=True), patience, now)
            return replace(rested, is_hopeless=not vitals.is_disproved)
        case TurnedAway(event=said):
            event = said
        case Worse():
            # It works, only badly; a new process would hardly be better.
            return _rest(vitals, patience, now)
        case _:
            assert_never(outcome)
    return Verdict(vitals=vitals, event=event)


def _said(answer: Answered, vitals: Vitals, patience: Patience, now: float) -> Event | None:
    """What an instance says of itself is believed, except that it works while it has failed again and again."""
    event = _SAID.get(answer.state, Event.SAID_STARTING)
    if event is not Event.SAID_READY:
        return event
    if now < vitals.rests_until or vitals.is_disproved:
        return None
    if answer.loop_lag_s >= patience.loop_lag_s:
        return Event.SAID_FULL
    return Event.RESTED if vitals.is_on_trial else event


def _failed(vitals: Vitals, failure: Failed, patience: Patience, now: float) -> Verdict:
    failed = replace(vitals, failures=vitals.failures + 1, stalls=vitals.stalls + failure.is_stalled)
    is_stuck = failure.is_stalled and failed.stalls == patience.stalls
    has_rested = vitals.rests > 0 and now >= vitals.rests_until
    is_proven_bad = vitals.is_doubted and failure.is_proof
    if failed.failures >= patience.failures or has_rested or is_stuck or is_proven_bad:
        rested = _rest(failed, patience, now)
        is_tried = has_rested and rested.vitals.rests >= patience.rests
        is_doubted = vitals.is_doubted or is_tried or is_stuck
        is_hopeless = is_doubted and failure.is_proof
        # Its owner is told once; then the doubt begins anew.
        known = replace(rested.vitals, is_doubted=is_doubted and not is_hopeless)
        return replace(rested, vitals=known, is_hopeless=is_hopeless)
    return Verdict(vitals=failed, event=Event.MISSED if failure.is_lost or failure.is_stalled else None)


def _rest(vitals: Vitals, patience: Patience, now: float) -> Verdict:
    if now < vitals.rests_until:
        # What was on it when its rest began fails now: that is the same rest.
        return Verdict(vitals=vitals, event=Event.FAILING)
    rest_s = min(patience.rest_s * 2.0**vitals.strikes, patience.rest_max_s)
    rests, strikes = vitals.rests + 1, vitals.strikes + 1
    rested = replace(vitals, rests=rests, strikes=strikes, rests_until=now + rest_s, is_proved=False)
    return Verdict(vitals=rested, event=Event.FAILING)


def outcome_of(error: HarkenError) -> Outcome | None:
    """What the end of an attempt says about its target; None where it says nothing."""
    match error:
        case ClientError() | Cut() | Refused() | DeadlineExceeded():
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
