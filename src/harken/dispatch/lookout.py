"""The lookout: one watch per target, and what its findings mean for the pool.

It knows neither the queue nor segments. It also remembers what is served: the first model that any instance told is
what clients are told while none is ready. Invariant: exactly the targets of the pool are watched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from harken.clock import Clock, SystemClock
from harken.config import FleetConfig
from harken.dispatch.lines.line import Missed
from harken.dispatch.lines.probe import Watch
from harken.dispatch.prover import Prover
from harken.dispatch.targets.health import Answered, Unanswered
from harken.dispatch.targets.pool import Pool
from harken.dispatch.targets.state import State
from harken.dispatch.targets.target import Target
from harken.log import get_log
from harken.types import ModelInfo, Wish
from harken.wire import InstanceState

_log = get_log("dispatch.lookout")


class Lookout:
    """Watches all targets.

    Args:
        pool: whose targets are watched, and who is told.
        fleet: how often, and how patiently.
        tasks: owns the watches.
        on_news: called when an instance told something new about its model.
        clock: seconds.
        canary_interval_s: a target that recognised nothing for so long is asked to prove itself; 0: never.
    """

    def __init__(
        self,
        *,
        pool: Pool,
        fleet: FleetConfig,
        tasks: asyncio.TaskGroup,
        on_news: Callable[[], None],
        clock: Clock | None = None,
        canary_interval_s: float = 30.0,
    ) -> None:
        self._pool = pool
        self._fleet = fleet
        self._tasks = tasks
        self._on_news = on_news
        self._clock = clock or SystemClock()
        self._prover = Prover(pool=pool, tasks=tasks, clock=self._clock, interval_s=canary_interval_s)
        self._seen: dict[Target, float] = {}
        self._watches: dict[Target, tuple[Watch, asyncio.Task[None]]] = {}
        self._last_model: ModelInfo | None = None
        self._is_mixed = False

    def __len__(self) -> int:
        return len(self._watches)

    @property
    def model(self) -> ModelInfo | None:
        """What the ready targets serve; else what was told last; None before anybody told.

        Where they serve several, as in a roll, it is the first one's with a revision that stands for all of them, and
        with segments that all of them take and without what any of them lacks: an answer may come from any.
        """
        ready = (target.model for target in self._pool if target.is_ready and target.model is not None)
        return _together(list(ready)) or self._last_model if self._is_mixed else next(ready, self._last_model)

    def watch(self, target: Target) -> None:
        """Look at it from now on."""
        watch = Watch(
            target.line.look,
            interval_s=self._fleet.probe_interval_s,
            timeout_s=self._fleet.probe_timeout_s,
            report=partial(self._see, target),
        )
        self._watches[target] = (watch, self._tasks.create_task(watch.run()))

    def forget(self, target: Target) -> None:
        """Look at it no more."""
        self._watches.pop(target)[1].cancel()
        self._count_models()
        self._prover.forget(target)
        self._seen.pop(target, None)

    def hurry(self, target: Target) -> None:
        """Look at it now, because only a look can tell what has just happened."""
        if target in self._watches:
            self._watches[target][0].hurry()

    def _see(self, target: Target, finding: InstanceState | Missed) -> None:
        if isinstance(finding, Missed):
            target.detail = finding.reason
            self._pool.report(target, Unanswered())
            return
        self._notice_process(target, finding.uptime_s)
        # Why it rests is worth more to an operator than that it answers.
        if finding.detail or target.state not in (State.RESTING, State.ON_TRIAL):
            target.detail = finding.detail
        self._pool.know_name(target, finding.name)
        is_news = finding.model != target.model
        target.model = finding.model
        target.loop_lag_s = finding.loop_lag_s
        target.figures = finding.figures
        target.full_until = self._clock.now() + finding.full_s
        self._pool.report(target, Answered(state=finding.state, loop_lag_s=finding.loop_lag_s))
        if is_news:
            self._learn(target)
            self._on_news()
        if target in self._watches:
            self._prover.consider(target)

    def _notice_process(self, target: Target, uptime_s: float) -> None:
        """See whether this is a new process: one that began after the last look. An address may also have several."""
        now = self._clock.now()
        seen_s = now - self._seen.get(target, now)
        if 0.0 < uptime_s < min(seen_s, target.uptime_s):
            self._prover.forget(target)
            self._pool.renew(target)
            target.detail = ""
        self._seen[target] = now
        target.uptime_s = uptime_s

    def _learn(self, target: Target) -> None:
        model, last = target.model, self._last_model
        if model is None:
            return
        if last is not None and (model.name, model.revision) != (last.name, last.revision):
            _log.warning("target.model_differs", target=target.name, model=model.name, revision=model.revision)
        self._last_model = model
        self._count_models()

    def _count_models(self) -> None:
        """See whether there are several; most of the time there are not, and then nobody has to compare them."""
        told = (target.model for target in self._watches if target.model is not None)
        self._is_mixed = len({(each.name, each.revision, each.max_segment_s, each.lacks) for each in told}) > 1


def _together(models: Sequence[ModelInfo]) -> ModelInfo | None:
    if not models:
        return None
    revisions = sorted({model.revision for model in models})
    longest_s = min(model.max_segment_s for model in models)
    lacks = tuple(wish for wish in Wish if any(wish in model.lacks for model in models))
    return replace(models[0], revision="+".join(revisions), max_segment_s=longest_s, lacks=lacks)
