"""A Ray cluster as the place where instances run.

It puts together: what each asks for (`wish`), how they are laid out (`plan`), the bridge into the cluster (`link`) and
a seat for each. The invariant: nothing here decides where an instance runs, or whether it is started again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack

from harken.clock import Clock, SystemClock
from harken.config import Config, InstanceConfig
from harken.fleet.plan import section_variables, variables
from harken.fleet.ray.link import Link
from harken.fleet.ray.plan import GROUP, RayPlan
from harken.fleet.ray.seat import Seat
from harken.fleet.ray.wish import wish_of
from harken.fleet.site import Berth, Ears, Plan, Traits


class RaySite:
    """The site of `fleet.kind = "ray"`.

    Args:
        config: all of it.
        surroundings: the environment of the bridge; None takes ours. Instances have their node's.
        clock: for the bridge's back-off.

    Raises:
        ConfigError: what cannot be in a cluster.
    """

    def __init__(
        self, config: Config, *, surroundings: Mapping[str, str] | None = None, clock: Clock | None = None
    ) -> None:
        self._config = config
        self._plan = RayPlan(config, wish_of(config))
        env = os.environ if surroundings is None else surroundings
        own = {name: value for name, value in env.items() if not name.startswith("HARKEN_")}
        told = {**own, **section_variables("ray", config.ray)}
        self._link = Link(config.fleet, told, clock=clock or SystemClock())

    async def open(self, instances: int, ears: Ears, stack: AsyncExitStack) -> Traits:
        """See `Site`."""
        self._ears = ears
        await self._link.open(stack)
        return Traits(is_here=False)

    @property
    def plan(self) -> Plan:
        """See `Site`."""
        return self._plan

    def group_of(self, device: str) -> str:
        """All of one: which of them share a GPU or a node, is Ray's affair."""
        return GROUP

    def berth(self, instance: InstanceConfig) -> Berth:
        """See `Site`."""
        seat = Seat(instance.name, self._link, variables(instance, self._config, {}), self._ears.changed)
        return Berth(gate=seat, spawn=seat.spawn)

    def is_given_up(self, group: str) -> bool:
        """Never: another node may do."""
        return False
