"""Whatever happens during a roll, and in whatever order: enough serve, there is room, and one model is left."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from harken.fleet.roll_back import Undo, UndoStep, step_back
from harken.fleet.roll_seats import Seats
from harken.fleet.roll_stages import RollEvent, Stage
from harken.fleet.rollout import Plan
from tests.fleet.roll_world import Life, World

VERDICTS = (
    RollEvent.PREPARED,
    RollEvent.SHADOW_GOOD,
    RollEvent.SHADOW_BAD,
    RollEvent.TRAFFIC_GOOD,
    RollEvent.TRAFFIC_BAD,
)


def test_an_old_instance_that_may_still_come_up_is_not_removed() -> None:
    """Though no other of its model is left, and more of the new one serve than must."""
    seats = Seats(("old-1", "old-2"), ("new-1", "new-2"), down=("old-1",))
    seats.leave("old-1")
    seats.gone()
    for name in seats.new:
        seats.start(name)
        seats.rise(name)
        seats.admitted.add(name)
    seats.fall("old-2")
    seats.given_up.add("old-1")
    assert seats.serving == 2
    assert step_back(seats, floor=1, cap=3) == UndoStep(undo=Undo.WAIT)
    seats.given_up.add("old-2")
    assert step_back(seats, floor=1, cap=3) == UndoStep(undo=Undo.REMOVE, name="old-2")


class RollMachine(RuleBasedStateMachine):
    """Random deaths, failures, verdicts, time-outs and impatience; `World` checks each action."""

    world: World

    @initialize(
        count=st.integers(1, 3),
        surge=st.booleans(),
        shadow=st.booleans(),
        watch=st.booleans(),
        down=st.sampled_from([0, 0, 0, 1, 2]),
        steps=st.integers(0, 16),
    )
    def begin(self, count: int, surge: bool, shadow: bool, watch: bool, down: int, steps: int) -> None:
        """A roll of so many instances, some of which are not ready at its beginning, after so many good steps."""
        old = tuple(f"old-{number + 1}" for number in range(count))
        new = tuple(f"new-{number + 1}" for number in range(count))
        plan = Plan(
            old=old, new=new, down=old[: min(down, count - 1)], surge=surge, shadow=4 * shadow, watch_s=10.0 * watch
        )
        self.world = World(plan)
        for _ in range(steps):
            self.world.go_well()

    @rule()
    def go_well(self) -> None:
        """What is waited for happens."""
        self.world.go_well()

    @rule()
    def answer(self) -> None:
        """What was asked for comes out well."""
        self.world.answer()

    @rule(data=st.data())
    @precondition(lambda self: self.world.those(Life.LOADING))
    def come_up(self, data: st.DataObject) -> None:
        """An instance has loaded."""
        self.world.come_up(data.draw(st.sampled_from(self.world.those(Life.LOADING))))

    @rule(data=st.data())
    @precondition(lambda self: self.world.those(Life.LEAVING))
    def leave(self, data: st.DataObject) -> None:
        """An instance has left."""
        self.world.leave(data.draw(st.sampled_from(self.world.those(Life.LEAVING))))

    @rule(data=st.data())
    @precondition(lambda self: self.world.those(Life.LOADING))
    def fail(self, data: st.DataObject) -> None:
        """An instance cannot start."""
        self.world.fail(data.draw(st.sampled_from(self.world.those(Life.LOADING))))

    @rule(data=st.data())
    @precondition(lambda self: self.world.those(Life.UP))
    def die(self, data: st.DataObject) -> None:
        """An instance dies."""
        self.world.die(data.draw(st.sampled_from(self.world.those(Life.UP))))

    @rule(data=st.data())
    @precondition(lambda self: self.world.those(Life.UP))
    def repeat(self, data: st.DataObject) -> None:
        """An instance is said to be ready that was ready before."""
        self.world.tell(RollEvent.READY, data.draw(st.sampled_from(self.world.those(Life.UP))))

    @rule()
    def time_out(self) -> None:
        """It takes too long."""
        self.world.time_out()

    @rule(verdict=st.sampled_from(VERDICTS))
    def judge(self, verdict: RollEvent) -> None:
        """A verdict comes, whether anybody waits for it or not."""
        if verdict is RollEvent.TRAFFIC_GOOD and self.world.roll.stage is Stage.WATCHING:
            return self.world.answer()
        return self.world.tell(verdict)

    @rule()
    def stop(self) -> None:
        """An operator has had enough."""
        self.world.tell(RollEvent.STOPPED)

    @rule(is_sure=st.sampled_from([True, False, False, False, False, False]))
    def close(self, is_sure: bool) -> None:
        """The gateway shuts down."""
        if is_sure:
            self.world.tell(RollEvent.CLOSING)

    def teardown(self) -> None:
        """From wherever it is, it comes to its end as soon as nothing more goes wrong."""
        if hasattr(self, "world"):
            self.world.settle()


RollMachine.TestCase.settings = settings(max_examples=400, stateful_step_count=30)
TestRollMachine = pytest.mark.slow(RollMachine.TestCase)
