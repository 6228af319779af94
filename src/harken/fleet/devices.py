"""What the instances of this machine load on: its devices, and the MPS daemon where GPUs are shared through one.

Owns a `Device` for each group of instances that share a fate, from the first of them on. It knows no processes; whoever
has those is told what becomes of a device. The invariant: one device per group, so that its places and its health are
counted once, whoever comes and goes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial

from harken.clock import Clock
from harken.config import Config
from harken.fleet.device import Device
from harken.fleet.device_health import DeviceEvent, DeviceHealth
from harken.fleet.machine import Machine
from harken.fleet.mps import MpsDaemon
from harken.fleet.mps_plan import groups_under_mps
from harken.fleet.placing import CPU, group_of
from harken.fleet.plan import starts_at_once
from harken.state import state_folder

OnGivenUp = Callable[[str, str], None]
"""Called with a group and the reason: nothing starts there any more."""


class Devices:
    """The devices of one fleet.

    Args:
        config: retries, and whether GPUs are shared through MPS.
        machine: cores and accelerators.
        env: the variables of this process.
        clock: for the times of failures.
        on_given_up: told when a device is.
        on_mps_died: told which groups' daemon died.
    """

    def __init__(
        self,
        config: Config,
        machine: Machine,
        env: Mapping[str, str],
        *,
        clock: Clock,
        on_given_up: OnGivenUp,
        on_mps_died: Callable[[Collection[str]], None],
    ) -> None:
        self._config = config
        self._machine = machine
        self._env = env
        self._clock = clock
        self._on_given_up = on_given_up
        self._on_mps_died = on_mps_died
        self._devices: dict[str, Device] = {}
        self._mps: MpsDaemon | None = None
        self._mps_groups: frozenset[str] = frozenset()

    async def share(self, groups: Sequence[str], stack: AsyncExitStack) -> None:
        """Start what instances of one GPU share it through, where they do.

        Args:
            groups: of each instance that is about to start.
            stack: ends the daemon.
        """
        fleet = self._config.fleet
        self._mps_groups = groups_under_mps(fleet.mps, groups, has_mps=self._machine.has_mps)
        if self._mps_groups:
            state = state_folder(self._config.state, self._env)
            daemon = MpsDaemon(fleet, state, self._env, clock=self._clock, on_died=self._note_mps_died)
            self._mps = await stack.enter_async_context(daemon)

    def group_of(self, device: str) -> str:
        """Name what an instance shares its fate with, by its `device`."""
        return group_of(device, has_gpu=self._machine.has_gpu)

    def of(self, group: str) -> Device:
        """The device of a group."""
        if group not in self._devices:
            mps = self.mps_of(group)
            self._devices[group] = Device(
                group,
                starts=starts_at_once(group, self._machine),
                health=None if group == CPU else DeviceHealth(self._config.fleet.start_retries),
                clock=self._clock,
                prepare=None if mps is None else mps.settled,
                on_given_up=partial(self._on_given_up, group),
            )
        return self._devices[group]

    def is_given_up(self, group: str) -> bool:
        """Nothing starts there any more, unless an operator wants it."""
        return group in self._devices and bool(self._devices[group].given_up_because)

    def mps_of(self, group: str) -> MpsDaemon | None:
        """The daemon through which a group shares its GPU; None where it does not."""
        return self._mps if group in self._mps_groups else None

    def _note_mps_died(self) -> None:
        """Trust no GPU that was shared through it; what runs may fail any moment, or may not."""
        self._on_mps_died(self._mps_groups)
        for group in self._mps_groups & self._devices.keys():
            self._devices[group].tell(DeviceEvent.MPS_DIED, reason="The MPS daemon died.")
