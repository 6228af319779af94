"""A roll goes forwards instance by instance, and from everywhere back again."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.fleet.roll_actions import Action, Outcome, RollDo
from harken.fleet.roll_stages import ROLL_TABLE, RollEvent, RollReact, Stage
from harken.fleet.rollout import Plan, Rollout

D, E, S = RollDo, RollEvent, Stage


def plan(count: int = 2, *, surge: bool = True, shadow: int = 4, watch_s: float = 10.0, down: int = 0) -> Plan:
    """So many old instances, "old-1" and so on, and as many new ones; the last `down` of the old are not ready."""
    old = tuple(f"old-{number + 1}" for number in range(count))
    new = tuple(f"new-{number + 1}" for number in range(count))
    return Plan(old=old, new=new, surge=surge, shadow=shadow, watch_s=watch_s, down=old[count - down :])


def told(actions: tuple[Action, ...]) -> list[tuple[RollDo, str]]:
    """What is to be done, and to whom."""
    return [(action.do, action.name) for action in actions]


def play(roll: Rollout, *news: tuple[RollEvent, str]) -> list[tuple[RollDo, str]]:
    """Tell a roll all that; what it wants done."""
    return [done for event, name in news for done in told(roll.on(event, name))]


TO_WATCHING = ((E.READY, "new-1"), (E.SHADOW_GOOD, ""), (E.ADMITTED, "new-1"))
TO_SECOND = (*TO_WATCHING, (E.TRAFFIC_GOOD, ""), (E.GONE, "old-1"))
"""Until the second new instance starts."""


def started(count: int = 2, *, down: int = 0) -> Rollout:
    """A roll with surge that has begun."""
    roll = Rollout(plan(count, down=down))
    roll.start()
    return roll


def test_every_pair_of_stage_and_event_has_an_answer() -> None:
    """Late news included."""
    assert set(ROLL_TABLE) == set(itertools.product(Stage, RollEvent))


def test_nothing_moves_after_the_end() -> None:
    """Whatever comes then."""
    assert {ROLL_TABLE[S.ENDED, event] for event in RollEvent} == {RollReact.IGNORE}


def test_from_every_stage_before_the_end_an_operator_can_turn_back_or_it_is_going_back_already() -> None:
    """There is no stage in which only waiting helps."""
    for stage in set(Stage) - {S.ENDED}:
        react = ROLL_TABLE[stage, E.STOPPED]
        assert react is (RollReact.IGNORE if stage in (S.CLEARING, S.RESTORING) else RollReact.ROLL_BACK)


def test_with_surge_a_successor_is_in_service_before_an_old_one_goes() -> None:
    """The first shows the model; the second only its canary."""
    roll = Rollout(plan())
    assert told(roll.start()) == [(D.START, "new-1")]
    assert play(roll, (E.READY, "new-1")) == [(D.SHADOW, "new-1")]
    assert play(roll, (E.SHADOW_GOOD, "")) == [(D.ADMIT, "new-1")]
    assert play(roll, (E.ADMITTED, "new-1")) == [(D.WATCH, "new-1")]
    assert play(roll, (E.TRAFFIC_GOOD, "")) == [(D.REMOVE, "old-1")]
    assert play(roll, (E.GONE, "old-1")) == [(D.START, "new-2")]
    assert play(roll, (E.READY, "new-2"), (E.ADMITTED, "new-2")) == [(D.ADMIT, "new-2"), (D.REMOVE, "old-2")]
    assert roll.on(E.GONE, "old-2") == (Action(do=D.END, outcome=Outcome.DONE),)
    assert (roll.stage, roll.outcome, roll.done) == (S.ENDED, Outcome.DONE, 2)


def test_without_surge_an_old_one_goes_before_its_successor_comes() -> None:
    """And before that, what it says to the sample is noted."""
    roll = Rollout(plan(surge=False))
    assert told(roll.start()) == [(D.PREPARE, "")]
    assert play(roll, (E.PREPARED, "")) == [(D.REMOVE, "old-1")]
    assert play(roll, (E.GONE, "old-1")) == [(D.START, "new-1")]
    assert play(roll, *TO_WATCHING, (E.TRAFFIC_GOOD, "")) == [
        (D.SHADOW, "new-1"),
        (D.ADMIT, "new-1"),
        (D.WATCH, "new-1"),
        (D.REMOVE, "old-2"),
    ]
    assert play(roll, (E.GONE, "old-2"), (E.READY, "new-2")) == [(D.START, "new-2"), (D.ADMIT, "new-2")]
    assert play(roll, (E.ADMITTED, "new-2")) == [(D.END, "")]
    assert roll.outcome is Outcome.DONE


def test_without_sample_and_watch_only_canaries_decide() -> None:
    """An operator may leave both out."""
    roll = Rollout(plan(1, surge=False, shadow=0, watch_s=0.0))
    assert told(roll.start()) == [(D.REMOVE, "old-1")]
    news = (E.GONE, "old-1"), (E.READY, "new-1"), (E.ADMITTED, "new-1")
    assert play(roll, *news) == [(D.START, "new-1"), (D.ADMIT, "new-1"), (D.END, "")]


def test_an_old_instance_that_is_not_ready_goes_first() -> None:
    """It serves nobody, so nobody misses it."""
    roll = started(down=1)
    assert play(roll, *TO_WATCHING, (E.TRAFFIC_GOOD, ""))[-1] == (D.REMOVE, "old-2")


@pytest.mark.parametrize("event", [E.FAILED, E.CANARY_WRONG, E.LOST])
def test_a_new_instance_that_does_not_start_is_removed_and_that_is_all(event: RollEvent) -> None:
    """The old ones never noticed; the end says why."""
    roll = started()
    turned, removing = roll.on(event, "new-1", "no such model.")
    assert (turned.do, turned.reason, removing.name) == (D.ROLL_BACK, "new-1: no such model.", "new-1")
    assert roll.on(E.GONE, "new-1") == (Action(do=D.END, outcome=Outcome.ROLLED_BACK, reason="new-1: no such model."),)


@pytest.mark.parametrize(
    ("news", "event"),
    [
        ((), E.TIMED_OUT),
        ((), E.STOPPED),
        (((E.READY, "new-1"),), E.SHADOW_BAD),
        (((E.READY, "new-1"),), E.TIMED_OUT),
        (TO_WATCHING[:2], E.STOPPED),
        (TO_WATCHING, E.TRAFFIC_BAD),
        (TO_WATCHING, E.TIMED_OUT),
    ],
)
def test_before_the_first_old_one_goes_the_way_back_is_one_removal(
    news: tuple[tuple[RollEvent, str], ...], event: RollEvent
) -> None:
    """Whatever went wrong, and whoever wanted it."""
    roll = started()
    play(roll, *news)
    assert play(roll, (event, ""), (E.GONE, "new-1")) == [(D.ROLL_BACK, ""), (D.REMOVE, "new-1"), (D.END, "")]
    assert roll.outcome is Outcome.ROLLED_BACK
    assert roll.reason


def test_on_the_way_back_an_old_one_is_in_service_before_a_new_one_goes() -> None:
    """So that no fewer serve than before the roll; what had only begun to start goes at once."""
    roll = started()
    play(roll, *TO_SECOND)
    assert play(roll, (E.TRAFFIC_BAD, "")) == [(D.ROLL_BACK, ""), (D.REMOVE, "new-2")]
    assert play(roll, (E.GONE, "new-2")) == [(D.RESTORE, "old-1")]
    assert play(roll, (E.READY, "old-1")) == [(D.REMOVE, "new-1")]
    assert play(roll, (E.GONE, "new-1")) == [(D.END, "")]
    assert roll.outcome is Outcome.ROLLED_BACK


def test_without_surge_the_way_back_takes_one_down_first_too() -> None:
    """There is no memory for more."""
    roll = Rollout(plan(surge=False))
    roll.start()
    play(roll, (E.PREPARED, ""), (E.GONE, "old-1"), *TO_WATCHING)
    assert play(roll, (E.STOPPED, "")) == [(D.ROLL_BACK, ""), (D.REMOVE, "new-1")]
    assert play(roll, (E.GONE, "new-1"), (E.READY, "old-1")) == [(D.RESTORE, "old-1"), (D.END, "")]


def test_a_new_one_that_dies_in_service_turns_the_roll_back_while_an_old_one_leaves() -> None:
    """What leaves cannot be called back: it is started again."""
    roll = started()
    play(roll, *TO_WATCHING, (E.TRAFFIC_GOOD, ""))
    assert play(roll, (E.LOST, "new-1")) == [(D.ROLL_BACK, "")]
    assert play(roll, (E.GONE, "old-1")) == [(D.REMOVE, "new-1")]
    assert play(roll, (E.GONE, "new-1"), (E.READY, "old-1")) == [(D.RESTORE, "old-1"), (D.END, "")]
    assert roll.outcome is Outcome.ROLLED_BACK


def test_an_old_one_that_dies_is_no_reason_to_turn_back() -> None:
    """Its supervisor restarts it, and the roll is about to replace it anyhow."""
    roll = started()
    assert play(roll, (E.LOST, "old-2"), (E.FAILED, "old-2"), (E.READY, "old-2")) == []
    assert roll.stage is S.STARTING


def test_while_an_old_one_comes_up_no_news_of_others_makes_a_new_one_go() -> None:
    """Only that it is ready does, or that it never will be."""
    roll = started()
    play(roll, *TO_SECOND, (E.STOPPED, ""), (E.GONE, "new-2"))
    assert play(roll, (E.READY, "old-2"), (E.READY, "new-1"), (E.SHADOW_BAD, ""), (E.TRAFFIC_BAD, "")) == []
    assert play(roll, (E.READY, "old-1")) == [(D.REMOVE, "new-1")]


def test_an_old_one_that_nobody_waited_for_any_more_is_welcome() -> None:
    """It took long, but it is the old model: the end does not say that it is missing."""
    roll = started()
    play(roll, *TO_SECOND, (E.STOPPED, ""), (E.GONE, "new-2"), (E.TIMED_OUT, ""))
    play(roll, (E.READY, "old-1"))
    (end,) = roll.on(E.GONE, "new-1")
    assert (end.outcome, end.reason) == (Outcome.ROLLED_BACK, "An operator stopped it.")


def test_what_still_loads_of_the_old_model_goes_where_the_new_one_stays() -> None:
    """It must not come into service beside the other model when the roll is long over."""
    roll = started(count=1)
    play(roll, *TO_WATCHING, (E.LOST, "old-1"))
    assert play(roll, (E.STOPPED, "")) == [(D.ROLL_BACK, "")]
    assert play(roll, (E.TIMED_OUT, "")) == [(D.REMOVE, "old-1")]
    assert play(roll, (E.GONE, "old-1")) == [(D.END, "")]
    assert (roll.outcome, roll.done) == (Outcome.FAILED, 1)


def test_what_cannot_be_brought_back_is_named() -> None:
    """The old model is in service with fewer instances, and the end says which are missing."""
    roll = started()
    play(roll, *TO_SECOND, (E.STOPPED, ""), (E.GONE, "new-2"), (E.FAILED, "old-1"))
    (end,) = roll.on(E.GONE, "new-1")
    assert (end.outcome, end.reason) == (
        Outcome.ROLLED_BACK,
        "An operator stopped it. Not started again: old-1.",
    )


def test_what_takes_too_long_to_come_back_is_waited_for_no_longer() -> None:
    """Else a bad new model would stay for as long as an old instance loads."""
    roll = started()
    play(roll, *TO_SECOND, (E.STOPPED, ""), (E.GONE, "new-2"))
    assert play(roll, (E.TIMED_OUT, "")) == [(D.REMOVE, "new-1")]


def test_the_last_instance_that_works_is_not_given_up_for_one_that_does_not() -> None:
    """The old model cannot be started any more: what works of the new one stays, alone."""
    roll = started()
    play(roll, *TO_SECOND, (E.STOPPED, ""), (E.GONE, "new-2"), (E.LOST, "old-2"), (E.FAILED, "old-1"))
    assert play(roll, (E.FAILED, "old-2")) == [(D.RESTORE, "old-2")]
    assert play(roll, (E.FAILED, "old-2")) == [(D.END, "")]
    assert (roll.outcome, roll.done) == (Outcome.FAILED, 1)


def test_when_the_gateway_closes_nothing_more_is_begun() -> None:
    """Both models may serve in its last seconds; the next start decides anew."""
    roll = started()
    play(roll, *TO_SECOND)
    (end,) = roll.on(E.CLOSING)
    assert (end.do, end.outcome) == (D.END, Outcome.ABANDONED)
    assert play(roll, (E.READY, "new-2"), (E.STOPPED, "")) == []


def test_news_of_strangers_and_late_news_change_nothing() -> None:
    """An instance that somebody else removed, a verdict that comes after its roll has turned back."""
    roll = started()
    assert play(roll, (E.READY, "asr-9"), (E.GONE, "old-1"), (E.READY, "new-2"), (E.ADMITTED, "new-1")) == []
    play(roll, (E.STOPPED, ""))
    assert play(roll, (E.SHADOW_GOOD, ""), (E.READY, "new-1"), (E.STOPPED, ""), (E.TIMED_OUT, "")) == []
    assert play(roll, (E.GONE, "new-1")) == [(D.END, "")], "new-2 never was there"


@pytest.mark.slow
@given(
    news=st.lists(
        st.tuples(st.sampled_from(RollEvent), st.sampled_from(["", "old-1", "old-2", "new-1", "new-2", "asr-9"])),
        max_size=60,
    ),
    surge=st.booleans(),
    down=st.integers(0, 2),
)
def test_whatever_is_said_it_ends_once_and_asks_for_nothing_afterwards(
    news: list[tuple[RollEvent, str]], surge: bool, down: int
) -> None:
    """Lies included: an instance that is ready before it was started, or gone though nobody removed it."""
    roll = Rollout(plan(surge=surge, down=down))
    done = told(roll.start())
    for event, name in news:
        done += told(roll.on(event, name))
    ends = [at for at, (do, _) in enumerate(done) if do is D.END]
    assert ends in ([], [len(done) - 1])
    assert sum(do is D.ROLL_BACK for do, _ in done) <= 1
    assert bool(ends) == (roll.stage is S.ENDED) == bool(roll.outcome)


def test_a_step_grows_with_all_that_is_waited_for() -> None:
    """So that whoever keeps time knows when to begin anew; news that change nothing change no step either."""
    roll = started()
    steps = [roll.step]
    for event, name in TO_SECOND:
        roll.on(event, name)
        steps.append(roll.step)
    assert steps == sorted(set(steps))
    roll.on(E.LOST, "old-2")
    assert roll.step == steps[-1]
