"""Carries out a roll: does what `Rollout` says, and tells it what happened.

It has no opinion. What can happen comes from four sides: the phases of the instances, the shadow sample, the traffic,
and the clock. The invariant: at most one task works for the roll at a time, that of the last action; and however the
block of a roll is left, nothing of it goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from harken.fleet.local import LocalFleet
from harken.fleet.one_change import Tell
from harken.fleet.owner import TargetOwner
from harken.fleet.phases import Phase
from harken.fleet.roll_actions import Action, RollDo
from harken.fleet.roll_stages import RollEvent, Stage
from harken.fleet.rollout import Plan, Rollout
from harken.log import get_log

Judge = Callable[[str], Awaitable[str]]
"""Judges an instance by its name; returns what is wrong with it, as a sentence, or ""."""

_NOT_READY = frozenset({Phase.WAITING, Phase.STARTING, Phase.KILLING, Phase.STOPPING, Phase.STOPPED})

_log = get_log("fleet.roll")


@dataclass(frozen=True, kw_only=True, slots=True)
class RollJudges:
    """Who says whether the new model will do.

    Attributes:
        prepare: collects the shadow sample while the old model can still be asked; its argument is "".
        shadow: has an instance recognise the sample.
        watch: looks at an instance in traffic, for as long as that takes.
    """

    prepare: Judge
    shadow: Judge
    watch: Judge


@dataclass(frozen=True, kw_only=True, slots=True)
class RollTimes:
    """How long things may take, in seconds.

    Attributes:
        start_s: loading, with all tries.
        shadow_s: the sample, its collection included.
        admit_s: from ready to the gateway's own look.
        watch_s: in traffic.
        drain_s: what an old instance may take to finish.
    """

    start_s: float
    shadow_s: float
    admit_s: float
    watch_s: float
    drain_s: float

    def limit_s(self, stage: Stage) -> float | None:
        """How long a stage may last; None for those that end by themselves."""
        return {
            Stage.PREPARING: self.shadow_s,
            Stage.STARTING: self.start_s,
            Stage.SHADOWING: self.shadow_s,
            Stage.ADMITTING: self.admit_s,
            Stage.WATCHING: self.watch_s,
            Stage.RESTORING: self.start_s,
        }.get(stage)


class Rolling:
    """One roll of a fleet.

    Args:
        fleet: the instances.
        owner: the dispatcher.
        plan: who goes and who comes.
        model: what comes.
        judges: whether it will do.
        times: how long things may take.
        tell: hears of each step.
    """

    def __init__(
        self,
        fleet: LocalFleet,
        owner: TargetOwner,
        plan: Plan,
        *,
        model: str,
        judges: RollJudges,
        times: RollTimes,
        tell: Tell,
    ) -> None:
        self._fleet = fleet
        self._owner = owner
        self._plan = plan
        self._model = model
        self._judges = judges
        self._times = times
        self._tell = tell
        self._roll = Rollout(plan)
        self._events: asyncio.Queue[tuple[RollEvent, str, str]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._step = -1
        self._until: float | None = None
        self._removing: set[str] = set()
        self._phases: dict[str, Phase] = {name: fleet.phase(name) for name in plan.old}
        self._weights = {new: fleet.weight(old) for old, new in zip(plan.old, plan.new, strict=True)}

    def stop(self) -> None:
        """An operator wants it to go back."""
        self._events.put_nowait((RollEvent.STOPPED, "", ""))

    async def run(self) -> Action:
        """Roll to the end; return the END."""
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch_phases())
            try:
                end = await self._go(group)
            finally:
                watching.cancel()
                self._drop_task()
        return end

    async def _go(self, group: asyncio.TaskGroup) -> Action:
        actions = self._roll.start()
        while True:
            for action in actions:
                if action.do is RollDo.END:
                    return action
                try:
                    self._do(action, group)
                except Exception as error:  # noqa: BLE001 - what cannot be begun has failed; the roll goes back
                    _log.exception("roll.action_defect", action=action.do.name, instance=action.name)
                    reason = getattr(error, "message", "") or f"{type(error).__name__}: {error}"
                    self._events.put_nowait((RollEvent.FAILED, action.name, reason))
            event, name, reason = await self._next()
            _log.info("roll.event", roll_event=event.name, instance=name, stage=self._roll.stage.value, reason=reason)
            actions = self._roll.on(event, name, reason)

    async def _next(self) -> tuple[RollEvent, str, str]:
        """What happens next; that nothing does in the time for it, too."""
        step = self._roll.step
        if step != self._step:
            limit_s = self._times.limit_s(self._roll.stage)
            loop = asyncio.get_running_loop()
            self._step, self._until = step, None if limit_s is None else loop.time() + limit_s
        try:
            async with asyncio.timeout_at(self._until):
                return await self._events.get()
        except TimeoutError:
            self._until = None
            return RollEvent.TIMED_OUT, self._roll.name, ""

    def _do(self, action: Action, group: asyncio.TaskGroup) -> None:
        self._drop_task()
        name = action.name
        match action.do:
            case RollDo.START:
                self._tell(f"{name} starts with {self._model}")
                self._phases[name] = Phase.WAITING
                self._fleet.add(self._model, name=name, is_admitted=False, weight=self._weights[name], is_trial=True)
            case RollDo.RESTORE:
                self._removing.discard(name)
                self._tell(f"{name} starts again with the old model")
                self._phases[name] = Phase.WAITING
                self._fleet.start(name)
            case RollDo.ROLL_BACK:
                self._tell(f"going back: {action.reason}")
            case RollDo.PREPARE:
                self._task = group.create_task(self._prepare())
            case RollDo.SHADOW:
                judged = (RollEvent.SHADOW_GOOD, RollEvent.SHADOW_BAD)
                self._task = group.create_task(self._judge(self._judges.shadow, name, *judged))
            case RollDo.ADMIT:
                self._tell(f"{name} goes into service")
                self._fleet.admit(name)
                self._task = group.create_task(self._admitted(name))
            case RollDo.WATCH:
                self._tell(f"{name} is watched in traffic")
                judged = (RollEvent.TRAFFIC_GOOD, RollEvent.TRAFFIC_BAD)
                self._task = group.create_task(self._judge(self._judges.watch, name, *judged))
            case RollDo.REMOVE:
                self._tell(f"{name} finishes what it has")
                # Not the task of an action: it has to end, whatever is decided meanwhile.
                group.create_task(self._remove(name))
            case RollDo.END:
                pass

    def _drop_task(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _prepare(self) -> None:
        try:
            await self._judges.prepare("")
        except Exception:  # noqa: BLE001 - without a sample there is still the canary
            _log.exception("roll.prepare_defect")
        self._events.put_nowait((RollEvent.PREPARED, "", ""))

    async def _judge(self, judge: Judge, name: str, good: RollEvent, bad: RollEvent) -> None:
        try:
            wrong = await judge(name)
        except Exception as error:  # noqa: BLE001 - whatever went wrong in the judging, the old model comes back
            _log.exception("roll.judge_defect", instance=name)
            wrong = f"It could not be judged: {type(error).__name__}: {error}"
        self._events.put_nowait((bad if wrong else good, name, wrong))

    async def _admitted(self, name: str) -> None:
        await self._owner.wait_in_service(name)
        self._events.put_nowait((RollEvent.ADMITTED, name, ""))

    async def _remove(self, name: str) -> None:
        if name in self._fleet.names():
            self._removing.add(name)
            await self._fleet.stop(name, self._times.drain_s)
            if name in self._plan.new:
                self._fleet.forget(name)
        self._tell(f"{name} is stopped")
        self._events.put_nowait((RollEvent.GONE, name, ""))

    async def _watch_phases(self) -> None:
        """Tell of every change in the phase of an instance that takes part."""

        def has_changed() -> bool:
            return any(self._fleet.phase(name) is not was for name, was in self._phases.items())

        while True:
            await self._fleet.when(has_changed)
            for name, was in list(self._phases.items()):
                now = self._phases[name] = self._fleet.phase(name)
                if now is was:
                    continue
                reason = self._fleet.failed_because(name)
                if now is Phase.READY:
                    self._events.put_nowait((RollEvent.READY, name, ""))
                elif now is Phase.BROKEN:
                    self._events.put_nowait((RollEvent.FAILED, name, reason))
                elif was is Phase.READY and now in _NOT_READY and name not in self._removing:
                    self._events.put_nowait((RollEvent.LOST, name, reason))
