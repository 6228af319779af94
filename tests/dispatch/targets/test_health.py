"""What outcomes mean for a target."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.dispatch.lines.failures import ConnectionLost, Cut, Refused, Stalled
from harken.dispatch.targets.health import (
    Answered,
    Disproved,
    Failed,
    Outcome,
    Proved,
    Succeeded,
    TurnedAway,
    Unanswered,
    Worse,
    judge,
    outcome_of,
)
from harken.dispatch.targets.state import Event
from harken.dispatch.targets.vitals import Patience, Vitals
from harken.errors import (
    Draining,
    EngineFailed,
    HarkenError,
    InstanceFailed,
    InternalError,
    NoReadyInstance,
    QueueFull,
    TimedOut,
    UnknownLanguage,
)

POLICY = Patience(missed_looks=3, failures=5, rest_s=10.0)
LOST, BAD = Failed(is_lost=True), Failed(is_lost=False)
STALLED = Failed(is_lost=False, is_stalled=True)
CANARY = Failed(is_lost=False, is_proof=True)
READY = Answered(state="ready")


def events(*outcomes: Outcome, now: float = 0.0) -> list[Event | None]:
    """The events that a sequence of outcomes leads to."""
    vitals, found = Vitals(), []
    for outcome in outcomes:
        verdict = judge(vitals, outcome, POLICY, now)
        vitals = verdict.vitals
        found.append(verdict.event)
    return found


@pytest.mark.parametrize(
    ("state", "event"),
    [
        ("ready", Event.SAID_READY),
        ("starting", Event.SAID_STARTING),
        ("warming", Event.SAID_STARTING),
        ("broken_at_start", Event.SAID_STARTING),
        ("draining", Event.SAID_DRAINING),
        ("stopped", Event.SAID_DRAINING),
        ("a word of the future", Event.SAID_STARTING),
    ],
)
def test_an_instance_is_believed_about_itself(state: str, event: Event) -> None:
    """Every state but ready means: no work."""
    assert events(Answered(state=state)) == [event]


def test_one_missed_look_is_a_doubt_and_three_in_a_row_are_a_verdict() -> None:
    """It stays a verdict while the silence lasts."""
    assert events(*[Unanswered()] * 4) == [Event.MISSED, Event.MISSED, Event.LOST, Event.LOST]


def test_an_answer_ends_the_row_of_missed_looks() -> None:
    """Two misses, an answer, two misses: no verdict."""
    assert Event.LOST not in events(Unanswered(), Unanswered(), READY, Unanswered(), Unanswered())


def test_one_lost_connection_is_enough_for_doubt() -> None:
    """The process is probably gone; nobody should be sent there before it answers."""
    assert events(LOST) == [Event.MISSED]


def test_five_failed_segments_in_a_row_set_a_target_aside() -> None:
    """A broken protocol or engine, though the process answers every look."""
    assert events(BAD, BAD, BAD, BAD, BAD) == [None, None, None, None, Event.FAILING]


def test_answered_looks_never_forgive_failed_segments() -> None:
    """Alive is not the same as working."""
    assert events(BAD, READY, BAD, READY, BAD, READY, BAD, READY, BAD)[-1] is Event.FAILING


def test_one_recognised_segment_forgives_them() -> None:
    """Working is what counts."""
    assert Event.FAILING not in events(BAD, BAD, BAD, BAD, Succeeded(), BAD, BAD, BAD, BAD)


def test_a_rest_ends_by_an_answered_look_after_its_time_and_not_before() -> None:
    """Both are needed: the cool-down and the answer."""
    tired = Vitals(failures=5, rests=1, rests_until=10.0)
    assert judge(tired, READY, POLICY, 9.9).event is None
    assert judge(tired, READY, POLICY, 10.0).event is Event.RESTED
    assert judge(tired, Answered(state="draining"), POLICY, 9.9).event is Event.SAID_DRAINING


def test_the_first_failure_after_a_rest_begins_the_next() -> None:
    """A target must prove itself by a recognised segment, not by having waited."""
    verdict = judge(Vitals(failures=5, rests=1, rests_until=10.0), BAD, POLICY, 11.0)
    assert verdict.event is Event.FAILING
    assert verdict.vitals.rests_until == 21.0


def test_a_target_whose_trial_fails_is_in_doubt_and_what_fails_late_is_no_trial() -> None:
    """Eight segments fail in the same moment: that is one rest; the ninth, after it, is the trial."""
    vitals = Vitals()
    for _ in range(8):
        verdict = judge(vitals, BAD, POLICY, 0.0)
        vitals = verdict.vitals
        assert not (verdict.is_hopeless or vitals.is_doubted)
    assert (vitals.rests, vitals.rests_until) == (1, 10.0)
    tried = judge(vitals, BAD, POLICY, 10.0)
    assert (tried.vitals.is_doubted, tried.is_hopeless) == (True, False)
    assert judge(vitals, CANARY, POLICY, 10.0).is_hopeless, "the trial may be its canary"
    assert judge(vitals, Succeeded(), POLICY, 10.0).vitals.rests == 0


def test_in_doubt_the_canary_decides_and_its_owner_is_told_once() -> None:
    """Right: what failed was its client's. Failed: only a new process can help, however early in its rest."""
    doubted = Vitals(failures=6, rests=2, rests_until=30.0, is_doubted=True)
    right = judge(doubted, Proved(), POLICY, 11.0)
    assert (right.vitals.is_doubted, right.is_hopeless) == (False, False)
    assert not judge(right.vitals, CANARY, POLICY, 11.0).is_hopeless
    failed = judge(doubted, CANARY, POLICY, 11.0)
    assert (failed.event, failed.is_hopeless, failed.vitals.rests_until) == (Event.FAILING, True, 30.0)
    assert not judge(failed.vitals, CANARY, POLICY, 16.0).is_hopeless
    assert judge(doubted, Succeeded(), POLICY, 11.0).vitals.is_doubted, "it was there before"
    assert not judge(doubted, Succeeded(), POLICY, 30.0).vitals.is_doubted


def test_a_target_that_stalls_again_is_in_doubt_unless_it_recognised_something_meanwhile() -> None:
    """The first time an answered look ends it; looks forgive nothing."""
    vitals = judge(Vitals(), STALLED, POLICY, 0.0).vitals
    assert events(STALLED) == [Event.MISSED]
    looked = judge(vitals, READY, POLICY, 0.0).vitals
    again = judge(looked, STALLED, POLICY, 0.0)
    assert (again.event, again.vitals.is_doubted, again.is_hopeless) == (Event.FAILING, True, False)
    assert judge(again.vitals, replace(STALLED, is_proof=True), POLICY, 0.0).is_hopeless
    forgiven = judge(vitals, Succeeded(), POLICY, 0.0).vitals
    assert not judge(forgiven, STALLED, POLICY, 0.0).vitals.is_doubted


def test_a_wrong_canary_sets_aside_at_once_until_one_is_right() -> None:
    """Its owner is told once; neither time nor looks bring it back, but a right canary lets it on trial."""
    verdict = judge(Vitals(), Disproved(), POLICY, 0.0)
    assert (verdict.event, verdict.is_hopeless) == (Event.FAILING, True)
    assert not judge(verdict.vitals, Disproved(), POLICY, 60.0).is_hopeless
    assert judge(verdict.vitals, READY, POLICY, 1000.0).event is None
    proved = judge(verdict.vitals, Proved(), POLICY, 1000.0)
    assert proved.event is None
    assert judge(proved.vitals, READY, POLICY, 1001.0).event is Event.RESTED


def test_a_right_canary_forgives_no_failed_segment() -> None:
    """Nobody but us asked for it: what clients sent has failed all the same."""
    vitals = Vitals(failures=4, rests=1, stalls=1)
    assert judge(vitals, Proved(), POLICY, 0.0).vitals == replace(vitals, is_proved=True)
    assert events(BAD, BAD, Proved(), BAD, BAD, Proved(), READY, BAD)[-1] is Event.FAILING


def test_a_right_canary_ends_a_trial_and_the_next_failed_segment_the_patience() -> None:
    """Where nobody sends a segment the trial would never end; resting that does not help is known as before."""
    rested = Vitals(failures=5, rests=1, strikes=1, rests_until=10.0)
    assert judge(judge(rested, Proved(), POLICY, 9.0).vitals, READY, POLICY, 10.0).event is Event.RESTED
    proved = judge(rested, Proved(), POLICY, 10.0).vitals
    assert not proved.is_on_trial
    assert judge(proved, READY, POLICY, 10.0).event is Event.SAID_READY
    again = judge(proved, BAD, POLICY, 11.0)
    assert (again.event, again.vitals.is_doubted, again.vitals.is_on_trial) == (Event.FAILING, True, True)
    assert judge(proved, Succeeded(), POLICY, 11.0).vitals.failures == 0


def test_each_rest_is_twice_as_long_until_it_has_worked_well_for_a_while() -> None:
    """10 s, 20 s, 40 s, never more than two minutes; after a minute of good work the next is the first again."""
    vitals, rests = Vitals(), []
    for _ in range(6):
        now = max(vitals.rests_until, 0.0)
        vitals = judge(vitals, Worse(reason="slow"), POLICY, now).vitals
        rests.append(vitals.rests_until - now)
        vitals = judge(vitals, Succeeded(), POLICY, vitals.rests_until).vitals
    assert rests == [10.0, 20.0, 40.0, 80.0, 120.0, 120.0]
    vitals = judge(vitals, Succeeded(), POLICY, vitals.rests_until + 59.0).vitals
    assert vitals.strikes == 6
    assert judge(vitals, Succeeded(), POLICY, vitals.rests_until + 60.0).vitals.strikes == 0


def test_a_target_that_is_worse_rests_but_is_never_hopeless() -> None:
    """It works; a new process at the same place would hardly be faster."""
    tired = Vitals(rests=5, rests_until=10.0)
    assert not judge(tired, Worse(reason="slow"), POLICY, 20.0).is_hopeless
    assert judge(tired, Worse(reason="slow"), POLICY, 20.0).event is Event.FAILING


def test_one_failure_on_trial_begins_the_next_rest_whatever_it_rested_for() -> None:
    """The trial was its chance; and resting has not helped."""
    tired = Vitals(rests=1, strikes=1, rests_until=10.0)
    verdict = judge(tired, BAD, POLICY, 10.0)
    assert (verdict.event, verdict.vitals.rests_until, verdict.vitals.is_doubted) == (Event.FAILING, 30.0, True)
    assert judge(tired, BAD, POLICY, 9.0).event is None


def test_what_ends_well_while_a_target_rests_is_no_trial() -> None:
    """It was there before; the trial comes after the rest."""
    resting = judge(Vitals(), Worse(reason="slow"), POLICY, 0.0).vitals
    late = judge(resting, Succeeded(), POLICY, 5.0).vitals
    assert judge(late, READY, POLICY, 10.0).event is Event.RESTED
    assert judge(judge(late, Succeeded(), POLICY, 11.0).vitals, READY, POLICY, 11.5).event is Event.SAID_READY


def test_an_event_loop_that_is_late_gets_nothing_new_until_it_is_in_time() -> None:
    """It answers, and takes; but all that runs there waits for it."""
    assert events(Answered(state="ready", loop_lag_s=1.0)) == [Event.SAID_FULL]
    assert events(Answered(state="ready", loop_lag_s=0.9)) == [Event.SAID_READY]
    assert events(Answered(state="draining", loop_lag_s=9.0)) == [Event.SAID_DRAINING]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (UnknownLanguage(), None),
        (Cut(), None),
        (Refused(), None),
        (QueueFull(), TurnedAway(event=Event.SAID_FULL)),
        (Draining(), TurnedAway(event=Event.SAID_DRAINING)),
        (NoReadyInstance(), TurnedAway(event=Event.SAID_STARTING)),
        (TimedOut(), BAD),
        (EngineFailed(), BAD),
        (InternalError(), BAD),
        (InstanceFailed(), BAD),
        (ConnectionLost(), LOST),
        (Stalled(), STALLED),
    ],
)
def test_an_error_says_about_a_target_what_is_the_targets_fault(error: HarkenError, outcome: Outcome | None) -> None:
    """The client's mistakes and our own cuts say nothing."""
    assert outcome_of(error) == outcome


def test_being_turned_away_costs_no_health() -> None:
    """A full or draining instance is well."""
    for event in (Event.SAID_FULL, Event.SAID_DRAINING):
        assert judge(Vitals(failures=4), TurnedAway(event=event), POLICY, 0.0).vitals == Vitals(failures=4)


OUTCOMES = st.sampled_from([READY, Answered(state="starting"), Unanswered(), Succeeded(), LOST, BAD])


CLIENTS = st.sampled_from([LOST, BAD, STALLED, Succeeded(), TurnedAway(event=Event.SAID_FULL)])
HONEST = st.sampled_from([READY, Unanswered(), Proved(), Worse(reason="slow")])


@settings(deadline=None)  # a busy machine is no defect
@given(st.lists(st.tuples(CLIENTS | HONEST, st.floats(0.0, 200.0)), max_size=60))
def test_no_client_alone_has_a_target_replaced(story: list[tuple[Outcome, float]]) -> None:
    """Whatever becomes of its segments, and when, while the target's canaries are right."""
    vitals, now = Vitals(), 0.0
    for outcome, pause_s in story:
        now += pause_s
        verdict = judge(vitals, outcome, POLICY, now)
        vitals = verdict.vitals
        assert not verdict.is_hopeless


@settings(deadline=None)  # a busy machine is no defect
@given(st.lists(OUTCOMES, max_size=30))
def test_counts_are_exactly_the_length_of_the_last_row(outcomes: list[Outcome]) -> None:
    """Looks and segments are counted apart, whatever their order."""
    vitals = Vitals()
    for outcome in outcomes:
        vitals = judge(vitals, outcome, POLICY, 0.0).vitals
    looks = [isinstance(each, Unanswered) for each in outcomes if isinstance(each, Answered | Unanswered)]
    segments = [isinstance(each, Failed) for each in outcomes if isinstance(each, Succeeded | Failed)]
    assert vitals.missed_looks == row_at_end(looks)
    assert vitals.failures == row_at_end(segments)


def row_at_end(flags: list[bool]) -> int:
    """How many true ones end the list."""
    count = 0
    while count < len(flags) and flags[-1 - count]:
        count += 1
    return count
