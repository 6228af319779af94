"""One roll: a fleet changes its model instance by instance, and comes back by itself if anything is wrong.

Pure: it is told what happened and answers with what is to be done; processes, the shadow sample and the traffic are its
caller's. With `surge` a new instance stands beside the old ones before one of them goes; without, one goes first, for
machines that hold no more. The first new instance has to show the model (shadow sample, traffic); each of them its
canary. The invariants: as long as nothing fails by itself, never fewer serve than before with `surge`, and one fewer
without; what is wrong before the end leads back to the old model; and after the end one model alone is in service.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.fleet.roll_actions import Action, Outcome, RollDo
from harken.fleet.roll_back import Undo, step_back
from harken.fleet.roll_seats import Seats
from harken.fleet.roll_stages import ROLL_TABLE, RollEvent, RollReact, Stage


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a roll is to do.

    Attributes:
        old: names of the instances in service, in the order in which they go.
        new: names of their successors, as many.
        down: of the old ones, those that are not ready when it begins.
        broken: of these, those that cannot start; nobody waits for them, whichever way it goes.
        surge: a new instance comes before an old one goes; False: after it.
        shadow: segments that the first new instance recognises for a trial; 0 for none.
        watch_s: seconds for which it is then watched in traffic; 0 for none.
    """

    old: tuple[str, ...]
    new: tuple[str, ...]
    down: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    surge: bool = True
    shadow: int = 20
    watch_s: float = 30.0


_NOTHING: tuple[Action, ...] = ()


class Rollout:
    """One roll.

    Args:
        plan: what it is to do.

    Attributes:
        stage: where it is.
        step: grows whenever something else is waited for; time limits begin again with it.
        name: of the new instance that is at work; "" before the first.
        reason: why it goes back, or went; "" while all is well.
        outcome: how it ended.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._seats = Seats(plan.old, plan.new, plan.down, plan.broken)
        self._floor = self._seats.serving - (not plan.surge)
        self.stage = Stage.PREPARING
        self.step = 0
        self.name = ""
        self.reason = ""
        self.outcome = Outcome.NONE

    @property
    def done(self) -> int:
        """New instances that are in service and ready."""
        return len(self._seats.new_serving)

    def start(self) -> tuple[Action, ...]:
        """Begin; called once, before any event."""
        old, new = self._plan.old, self._plan.new
        assert 0 < len(old) == len(new), f"one for one: {old} and {new}"
        assert len({*old, *new}) == 2 * len(old), f"no name twice: {old} and {new}"
        if self._plan.surge:
            return self._start_next()
        return self._go(Stage.PREPARING, RollDo.PREPARE) if self._plan.shadow else self._make_room()

    def on(self, event: RollEvent, name: str = "", reason: str = "") -> tuple[Action, ...]:
        """Take in an event and return what to do, in this order.

        Args:
            event: what happened.
            name: to which instance; "" where it is the roll's. Of a name that is not in the plan nothing is believed.
            reason: one sentence, where something is wrong.
        """
        if name and name not in {*self._plan.old, *self._plan.new}:
            return _NOTHING
        return self._react(ROLL_TABLE[self.stage, event], event, name, reason)

    def _react(self, react: RollReact, event: RollEvent, name: str, reason: str) -> tuple[Action, ...]:
        actions = _NOTHING
        match react:
            case RollReact.NOTE_UP | RollReact.NOTE_STARTED | RollReact.UNDO_UP:
                actions = self._up(react, name)
            case RollReact.WEIGH_LOSS | RollReact.UNDO_DOWN:
                actions = self._down(react, event, name, reason)
            case RollReact.NOTE_GONE | RollReact.UNDO_GONE:
                actions = self._gone(react, name)
            case RollReact.UNDO_LATE:
                self._seats.given_up.update(self._seats.awaited)
                actions = self._undo()
            case RollReact.ADMIT:
                actions = self._admit()
            case RollReact.NOTE_ADMITTED if name == self.name:
                actions = self._admitted()
            case RollReact.MAKE_ROOM:
                actions = self._make_room()
            case RollReact.GO_ON:
                actions = self._go_on()
            case RollReact.ROLL_BACK:
                actions = self._roll_back(reason or _WORDS.get(event, ""))
            case RollReact.ABANDON:
                actions = self._end(Outcome.ABANDONED, "The gateway shuts down.")
            case _:
                pass
        return actions

    # --- forwards -------------------------------------------------------------------------------------------------

    def _start_next(self) -> tuple[Action, ...]:
        new = self._plan.new
        self.name = new[new.index(self.name) + 1] if self.name else new[0]
        self._seats.start(self.name)
        return self._go(Stage.STARTING, RollDo.START, self.name)

    def _make_room(self) -> tuple[Action, ...]:
        victim = self._seats.old_left[0]
        self._seats.leave(victim)
        return self._go(Stage.REMOVING, RollDo.REMOVE, victim)

    def _started(self) -> tuple[Action, ...]:
        if self._plan.shadow and self.name == self._plan.new[0]:
            return self._go(Stage.SHADOWING, RollDo.SHADOW, self.name)
        return self._admit()

    def _admit(self) -> tuple[Action, ...]:
        self._seats.admitted.add(self.name)
        return self._go(Stage.ADMITTING, RollDo.ADMIT, self.name)

    def _admitted(self) -> tuple[Action, ...]:
        if self._plan.watch_s > 0 and self.name == self._plan.new[0]:
            return self._go(Stage.WATCHING, RollDo.WATCH, self.name)
        return self._go_on()

    def _go_on(self) -> tuple[Action, ...]:
        return self._make_room() if self._seats.old_left else self._end(Outcome.DONE)

    def _up(self, react: RollReact, name: str) -> tuple[Action, ...]:
        self._seats.rise(name)
        if react is RollReact.NOTE_STARTED and name == self.name:
            return self._started()
        return self._undo() if react is RollReact.UNDO_UP else _NOTHING

    def _down(self, react: RollReact, event: RollEvent, name: str, reason: str) -> tuple[Action, ...]:
        is_ours = name in self._plan.new and name in self._seats.alive
        self._seats.fall(name, for_good=event is RollEvent.FAILED)
        if react is RollReact.UNDO_DOWN:
            return self._undo()
        return self._roll_back(f"{name}: {reason or _WORDS[event]}") if is_ours else _NOTHING

    def _gone(self, react: RollReact, name: str) -> tuple[Action, ...]:
        if not name or name != self._seats.leaving:
            return _NOTHING
        self._seats.gone()
        if react is RollReact.UNDO_GONE:
            return self._undo()
        return self._start_next() if self.name != self._plan.new[-1] else self._end(Outcome.DONE)

    # --- backwards ------------------------------------------------------------------------------------------------

    def _roll_back(self, reason: str) -> tuple[Action, ...]:
        self.reason = reason
        self.stage = Stage.CLEARING
        return (Action(do=RollDo.ROLL_BACK, reason=reason), *self._undo())

    def _undo(self) -> tuple[Action, ...]:
        """Take one step back."""
        old = self._plan.old
        step = step_back(self._seats, floor=self._floor, cap=len(old) + self._plan.surge)
        match step.undo:
            case Undo.REMOVE:
                self._seats.leave(step.name)
                return self._go(Stage.CLEARING, RollDo.REMOVE, step.name)
            case Undo.RESTORE:
                self._seats.restore(step.name)
                return self._go(Stage.RESTORING, RollDo.RESTORE, step.name)
            case Undo.WAIT:
                stage = Stage.CLEARING if self._seats.leaving else Stage.RESTORING
                self.step += stage is not self.stage
                self.stage = stage
                return _NOTHING
            case Undo.NEW_ALONE:
                return self._end(Outcome.FAILED, f"{self.reason} No instance of the old model could be started again.")
            case Undo.OLD_ALONE:
                return self._old_alone()

    def _old_alone(self) -> tuple[Action, ...]:
        away = [name for name in self._plan.old if name not in self._seats.up]
        if not self._seats.old_up:
            return self._end(Outcome.FAILED, f"{self.reason} Nor did the old model start again: nothing is in service.")
        left = f" Not started again: {', '.join(away)}." if away else ""
        return self._end(Outcome.ROLLED_BACK, self.reason + left)

    def _end(self, outcome: Outcome, reason: str = "") -> tuple[Action, ...]:
        self.stage, self.outcome, self.reason = Stage.ENDED, outcome, reason
        self.step += 1
        return (Action(do=RollDo.END, outcome=outcome, reason=reason),)

    def _go(self, stage: Stage, do: RollDo, name: str = "") -> tuple[Action, ...]:
        self.stage = stage
        self.step += 1
        return (Action(do=do, name=name),)


_WORDS: dict[RollEvent, str] = {
    RollEvent.FAILED: "It did not start.",
    RollEvent.CANARY_WRONG: "Its canary came out wrong.",
    RollEvent.LOST: "It was lost.",
    RollEvent.SHADOW_BAD: "The shadow sample came out badly.",
    RollEvent.TRAFFIC_BAD: "It does badly in traffic.",
    RollEvent.STOPPED: "An operator stopped it.",
    RollEvent.TIMED_OUT: "It took too long.",
}
