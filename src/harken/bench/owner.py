"""Who looks at virtual instances and replaces lost ones: the simulator's supervisor and lookout.

It reports to the real pool what the real ones would, and restarts what died. Invariant: after its restart an instance
is a new target, of which nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from harken.bench.instance import Condition, VirtualInstance
from harken.bench.timeline import Timeline
from harken.config import FleetConfig
from harken.dispatch.targets.health import Answered, Unanswered
from harken.dispatch.targets.pool import Pool
from harken.types import ModelInfo


class Owner:
    """Owns the virtual instances behind a pool.

    Args:
        instances: by name.
        pool: hears of looks, comings and goings.
        fleet: how often and how patiently it looks.
        timeline: when things happen.
        restart_s: how long a lost instance takes to be back.
    """

    def __init__(
        self,
        *,
        instances: Mapping[str, VirtualInstance],
        pool: Pool,
        fleet: FleetConfig,
        timeline: Timeline,
        restart_s: float,
    ) -> None:
        self._instances = instances
        self._pool = pool
        self._fleet = fleet
        self._timeline = timeline
        self._restart_s = restart_s
        self._next_miss: dict[str, float] = {}

    def start(self, weights: Mapping[str, float]) -> None:
        """Bring all instances up; they answer their first look at once."""
        self._weights = weights
        self._pool.on_unresponsive = self._replace
        for name in self._instances:
            self._bring_up(name)

    def killed(self, name: str) -> None:
        """An instance's process has ended, which its owner sees at once."""
        self._pool.remove(name)
        self._next_miss.pop(name, None)
        self._timeline.after(self._restart_s, partial(self._restart, name))

    def look(self) -> None:
        """Look at those that are not well, in their own eyes or in the pool's."""
        for target in tuple(self._pool):
            instance = self._instances[target.name]
            if instance.condition is Condition.HUNG:
                self._miss(target.name)
            elif not target.is_ready:
                self._pool.report(target, Answered(state="ready"))
            else:
                self._next_miss.pop(target.name, None)

    def _miss(self, name: str) -> None:
        now, fleet = self._timeline.now(), self._fleet
        due = self._next_miss.setdefault(name, now + fleet.probe_timeout_s)
        if now >= due:
            self._next_miss[name] = now + fleet.probe_interval_s + fleet.probe_timeout_s
            target = self._pool.get(name)
            if target is not None:
                self._pool.report(target, Unanswered())

    def _replace(self, name: str, _why: str) -> None:
        """It has fallen silent: kill it and start another."""
        self._timeline.after(0.0, partial(self._kill, name))

    def _kill(self, name: str) -> None:
        if self._instances[name].condition is not Condition.DEAD:
            self._instances[name].kill()
            self.killed(name)

    def _restart(self, name: str) -> None:
        self._instances[name].restart()
        self._bring_up(name)

    def _bring_up(self, name: str) -> None:
        target = self._pool.add(name, f"http://{name}", weight=self._weights.get(name, 1.0))
        target.model = ModelInfo(
            name="virtual", revision="1", max_segment_s=30.0, languages=(), slots=self._instances[name].slots
        )
        self._pool.report(target, Answered(state="ready"))
