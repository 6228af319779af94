"""A small world for a roll: instances that load, work, die and leave, and a supervisor that restarts the dead.

It carries out what a roll asks for, and says what happened only when it is told that it did. It checks on the way what
no order of events may break: room, floor, and that nothing is asked of an instance that is not there.
"""

from __future__ import annotations

from enum import Enum, auto

from harken.fleet.roll_actions import Action, Outcome, RollDo
from harken.fleet.roll_stages import RollEvent, Stage
from harken.fleet.rollout import Plan, Rollout


class Life(Enum):
    """Where an instance is."""

    ABSENT = auto()
    LOADING = auto()
    UP = auto()
    BROKEN = auto()
    """It has no process, and its supervisor has given up."""
    LEAVING = auto()


class World:
    """The instances of one roll.

    Args:
        plan: of the roll.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.roll = Rollout(plan)
        self.life = dict.fromkeys(plan.old, Life.UP) | dict.fromkeys(plan.new, Life.ABSENT)
        self.life |= dict.fromkeys(plan.down, Life.LOADING)
        self.admitted = set(plan.old)
        self.floor = len(self.serving) - (not plan.surge)
        self.wanted: Action | None = None
        self.turned_back = False
        self.hurt: set[str] = set()
        """Old instances to which something happened that no roll can help."""
        self.do(self.roll.start())

    @property
    def serving(self) -> set[str]:
        """Who recognises what people send."""
        return {name for name in self.admitted if self.life[name] is Life.UP}

    def those(self, *lives: Life) -> list[str]:
        """Instances that are there."""
        return sorted(name for name, life in self.life.items() if life in lives)

    def tell(self, event: RollEvent, name: str = "") -> None:
        """Tell the roll, and do what it wants."""
        self.do(self.roll.on(event, name))

    # --- what may happen ------------------------------------------------------------------------------------------

    def come_up(self, name: str) -> None:
        """It has loaded."""
        self.life[name] = Life.UP
        self.tell(RollEvent.READY, name)

    def die(self, name: str) -> None:
        """Its supervisor starts it again."""
        self.life[name] = Life.LOADING
        self.hurt |= {name} & set(self.plan.old)
        self.tell(RollEvent.LOST, name)

    def fail(self, name: str) -> None:
        """It cannot start."""
        self.life[name] = Life.BROKEN
        self.hurt |= {name} & set(self.plan.old)
        self.tell(RollEvent.FAILED, name)

    def leave(self, name: str) -> None:
        """It has finished what it had."""
        self.life[name] = Life.ABSENT
        self.admitted.discard(name)
        self.tell(RollEvent.GONE, name)

    def time_out(self) -> None:
        """What is waited for takes too long."""
        if self.roll.stage is Stage.RESTORING:
            self.hurt |= set(self.those(Life.LOADING)) & set(self.plan.old)
        self.tell(RollEvent.TIMED_OUT)

    def answer(self) -> None:
        """What was asked for last comes out well."""
        match self.wanted:
            case Action(do=RollDo.PREPARE):
                self.tell(RollEvent.PREPARED)
            case Action(do=RollDo.SHADOW):
                self.tell(RollEvent.SHADOW_GOOD)
            case Action(do=RollDo.ADMIT, name=name) if self.life[name] is Life.UP:
                self.tell(RollEvent.ADMITTED, name)
            case Action(do=RollDo.WATCH):
                self.tell(RollEvent.TRAFFIC_GOOD)
            case _:
                pass

    def go_well(self) -> None:
        """One thing after the other that is waited for happens."""
        if leaving := self.those(Life.LEAVING):
            self.leave(leaving[0])
        elif loading := self.those(Life.LOADING):
            self.come_up(loading[0])
        else:
            self.answer()

    def settle(self) -> None:
        """From now on everything goes well; the roll comes to its end."""
        for _ in range(100):
            if self.roll.stage is Stage.ENDED:
                return
            self.go_well()
        raise AssertionError(f"it never ends: {self.roll.stage}, {self.life}")

    # --- what the roll wants --------------------------------------------------------------------------------------

    def do(self, actions: tuple[Action, ...]) -> None:
        """Carry out what is wanted."""
        for action in actions:
            assert self.wanted is None or self.wanted.do is not RollDo.END, "after the end nothing is wanted"
            self._do(action)
            self.wanted = action
        processes = self.those(Life.LOADING, Life.UP, Life.LEAVING)
        assert len(processes) <= len(self.plan.old) + self.plan.surge, f"there is no room for {processes}"

    def _do(self, action: Action) -> None:
        name = action.name
        match action.do:
            case RollDo.START:
                assert self.life[name] is Life.ABSENT and name in self.plan.new
                self.life[name] = Life.LOADING
            case RollDo.RESTORE:
                assert self.life[name] in (Life.ABSENT, Life.BROKEN) and name in self.plan.old
                self.life[name] = Life.LOADING
                self.admitted.add(name)
            case RollDo.ADMIT:
                assert self.life[name] is Life.UP and name in self.plan.new
                self.admitted.add(name)
            case RollDo.REMOVE:
                self._remove(name)
            case RollDo.ROLL_BACK:
                assert not self.turned_back and action.reason, "it turns once, and says why"
                self.turned_back = True
            case RollDo.END:
                self._end(action)
            case RollDo.PREPARE | RollDo.SHADOW | RollDo.WATCH:
                pass

    def _remove(self, name: str) -> None:
        assert not self.those(Life.LEAVING), "one leaves at a time"
        assert self.life[name] is not Life.ABSENT
        if name in self.serving:
            floor = self.floor - (len(self.hurt) if self.turned_back else 0)
            assert len(self.serving) - 1 >= floor, f"too few serve without {name}: {self.serving}"
        self.life[name] = Life.LEAVING

    def _end(self, action: Action) -> None:
        old, new = set(self.plan.old), set(self.plan.new)
        gone = set(self.those(Life.ABSENT))
        assert (action.outcome is Outcome.DONE) == (not action.reason)
        match action.outcome:
            case Outcome.DONE:
                assert not self.turned_back and gone == old and self.serving == new
            case Outcome.ROLLED_BACK:
                assert self.turned_back and new <= gone and self.serving and self.serving <= old
                assert self.hurt or self.serving >= old - set(self.plan.down)
            case Outcome.FAILED:
                assert self.turned_back and self.hurt and not self.serving & old
                assert new <= gone or not set(self.those(Life.LOADING, Life.UP)) & old
            case _:
                assert action.outcome is Outcome.ABANDONED
