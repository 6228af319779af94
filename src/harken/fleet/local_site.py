"""This machine as the place where instances run: each a child process, on the devices that are here.

It joins how they are laid out with what they load on; keeping them alive is the keepers'. The invariant: every instance
gets the device of its group, so that places and health are counted once.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial

from harken.clock import Clock, SystemClock
from harken.config import Config, InstanceConfig
from harken.fleet.devices import Devices
from harken.fleet.layout import Layout
from harken.fleet.machine import Machine, machine_for
from harken.fleet.placing import CPU
from harken.fleet.plan import COMMAND, variables
from harken.fleet.process import Process
from harken.fleet.site import Berth, Ears, Plan, Traits

_MPS_DIED = "The MPS daemon that it was started with has died."


class LocalSite:
    """The site of `fleet.kind = "local"`.

    Args:
        config: where, which model, and how patient to be.
        machine: cores and accelerators; None looks.
        command: starts one instance with the environment that `plan.variables` makes.
        surroundings: the environment that instances inherit; None takes ours.
        clock: for the times of failures.
    """

    def __init__(
        self,
        config: Config,
        *,
        machine: Machine | None = None,
        command: Sequence[str] = COMMAND,
        surroundings: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._config = config
        self._machine = machine
        self._command = command
        self._env = os.environ if surroundings is None else surroundings
        self._clock = clock or SystemClock()

    async def open(self, instances: int, ears: Ears, stack: AsyncExitStack) -> Traits:
        """See `Site`."""
        machine = self._machine
        if machine is None:
            machine = await asyncio.to_thread(machine_for, self._config)
        self._layout = Layout(self._config, machine)

        def note_mps_died(groups: Collection[str]) -> None:
            ears.doubtful(groups, _MPS_DIED)

        self._devices = Devices(
            self._config,
            machine,
            self._env,
            clock=self._clock,
            on_given_up=ears.given_up,
            on_mps_died=note_mps_died,
        )
        # What was planned counts too: a fleet that begins with fewer instances may grow.
        places = max(self._layout.places(instances), self._layout.planned, key=len)
        await self._devices.share([self.group_of(device) for device in places], stack)
        is_cpu = all(self.group_of(kind) == CPU for kind in self._layout.kinds)
        return Traits(is_here=True, cores=machine.cores if is_cpu else None)

    @property
    def plan(self) -> Plan:
        """See `Site`."""
        return self._layout

    def group_of(self, device: str) -> str:
        """A GPU, or "cpu"."""
        return self._devices.group_of(device)

    def berth(self, instance: InstanceConfig) -> Berth:
        """See `Site`."""
        group = self.group_of(instance.device)
        mps = self._devices.mps_of(group)
        env = variables(instance, self._config, self._env)
        return Berth(
            gate=self._devices.of(group),
            spawn=partial(Process.spawn, self._command, env if mps is None else {**env, **mps.variables}),
            check=None if mps is None else partial(mps.check, instance.name),
        )

    def is_given_up(self, group: str) -> bool:
        """See `Site`."""
        return self._devices.is_given_up(group)
