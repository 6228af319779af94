"""The fleet on this machine: so many instances, each a process of its own, kept alive.

Owns the keepers, the devices that they load on, and the MPS daemon, where GPUs are shared through one. It tells the
dispatcher where instances listen, and is told by it which one no longer answers. The invariant: after `async with`, no
process that it started is left, whichever way the block was left.

A port that somebody else holds at the first start is a mistake in the configuration, not a passing fault: that start
ends with exit code 3 and the holder's name, and is not tried again. Nothing is moved to another port in silence.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from harken.clock import Clock, SystemClock
from harken.config import Config, InstanceConfig
from harken.dispatch.lines.line import Missed
from harken.dispatch.lines.probe import look
from harken.dispatch.lines.session import open_session
from harken.fleet.device import Device
from harken.fleet.device_health import DeviceEvent, DeviceHealth
from harken.fleet.keeper import Keeper
from harken.fleet.machine import Machine, machine_for
from harken.fleet.mps import MpsDaemon
from harken.fleet.mps_plan import groups_under_mps
from harken.fleet.obituary import OnCrash
from harken.fleet.owner import TargetOwner
from harken.fleet.phases import Event, Phase
from harken.fleet.placing import CPU
from harken.fleet.plan import COMMAND, groups_of, plan, starts_at_once, variables
from harken.fleet.turn import PATIENCE_S, Answers, Turn
from harken.fleet.upstreams import parse_weights
from harken.state import state_folder
from harken.types import InstanceHealth

if TYPE_CHECKING:
    from aiohttp import ClientSession

STOP_TIMEOUT_S = 10.0
"""By the time a fleet stops, the gateway has no segment in flight, so an instance has nothing to drain."""

_LOOK_TIMEOUT_S = 2.0


class LocalFleet:
    """Instances as processes of this machine.

    Args:
        config: how many, where, which model, and how patient to be.
        owner: told of addresses: the dispatcher.
        machine: cores and accelerators; None looks.
        command: starts one instance with the environment that `plan.variables` makes.
        surroundings: the environment that instances inherit; None takes ours.
        clock: for back-off.
        stop_timeout_s: how long an instance may take to leave after SIGTERM, before it is killed.
        turn_patience_s: how long a loading instance may be silent before the next may load beside it.
        on_crash: takes a report of each process that ended as it should not have.
    """

    def __init__(
        self,
        config: Config,
        owner: TargetOwner,
        *,
        machine: Machine | None = None,
        command: Sequence[str] = COMMAND,
        surroundings: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        stop_timeout_s: float = STOP_TIMEOUT_S,
        turn_patience_s: float = PATIENCE_S,
        on_crash: OnCrash | None = None,
    ) -> None:
        self._config = config
        self._owner = owner
        self._machine = machine
        self._command = command
        self._env = os.environ if surroundings is None else surroundings
        self._clock = clock or SystemClock()
        self._stop_timeout_s = stop_timeout_s
        self._turn_patience_s = turn_patience_s
        self._on_crash = on_crash
        self._keepers: dict[str, Keeper] = {}
        self._groups: dict[str, str] = {}
        self._devices: dict[str, Device] = {}
        self._mps: MpsDaemon | None = None
        self._mps_groups: frozenset[str] = frozenset()
        self._all_broken = asyncio.Event()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Begin to start every instance; returns as soon as what they share is there."""
        machine = self._machine
        if machine is None:
            machine = await asyncio.to_thread(machine_for, self._config)
        instances = plan(self._config, machine)
        weights = parse_weights(self._config.fleet.weights, self._config.fleet.instances)
        self._groups = groups_of(instances, machine)
        async with AsyncExitStack() as stack:
            await self._share(machine, stack)
            self._devices = {group: self._make_device(group, machine) for group in set(self._groups.values())}
            answers = partial(_answers, await stack.enter_async_context(open_session()))
            group = await stack.enter_async_context(asyncio.TaskGroup())
            for instance, weight in zip(instances, weights, strict=True):
                self._keepers[instance.name] = self._make_keeper(instance, weight, answers, group)
            self._stack = stack.pop_all()
        for keeper in self._keepers.values():
            keeper.tell(Event.DUE)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop every instance: asked first, killed after a while; returns when all are gone."""
        for keeper in self._keepers.values():
            keeper.tell(Event.STOP)
        # The error, if any, is not shown to the task group: it would cancel the stopping.
        await self._stack.__aexit__(None, None, None)

    def instances(self) -> tuple[InstanceHealth, ...]:
        """One line each, in order, also for those that have no process now."""
        return tuple(keeper.health() for keeper in self._keepers.values())

    def replace(self, name: str) -> None:
        """Kill an instance that no longer answers, and start it again; an unknown or busy one is left alone."""
        if keeper := self._keepers.get(name):
            keeper.tell(Event.UNRESPONSIVE)

    async def wait_broken(self) -> str:
        """Return when every instance is broken at start, with each distinct reason; while one may work, wait."""
        await self._all_broken.wait()
        reasons: dict[str, list[str]] = {}
        for keeper in self._keepers.values():
            reasons.setdefault(keeper.broken_because, []).append(keeper.name)
        return " ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())

    async def _share(self, machine: Machine, stack: AsyncExitStack) -> None:
        """Start what instances of one GPU share it through, where they do."""
        fleet = self._config.fleet
        self._mps_groups = groups_under_mps(fleet.mps, tuple(self._groups.values()), has_mps=machine.has_mps)
        if self._mps_groups:
            state = state_folder(self._config.state, self._env)
            daemon = MpsDaemon(fleet, state, self._env, clock=self._clock, on_died=self._note_mps_died)
            self._mps = await stack.enter_async_context(daemon)

    def _make_device(self, group: str, machine: Machine) -> Device:
        mps = self._mps_of(group)
        return Device(
            group,
            starts=starts_at_once(group, machine),
            health=None if group == CPU else DeviceHealth(self._config.fleet.start_retries),
            clock=self._clock,
            prepare=None if mps is None else mps.settled,
            on_given_up=partial(self._condemn, group),
        )

    def _make_keeper(
        self, instance: InstanceConfig, weight: float, answers: Answers, group: asyncio.TaskGroup
    ) -> Keeper:
        device = self._devices[self._groups[instance.name]]
        mps = self._mps_of(device.name)
        env = variables(instance, self._config, self._env)
        return Keeper(
            instance=instance,
            config=self._config.fleet,
            command=self._command,
            env=env if mps is None else {**env, **mps.variables},
            owner=self._owner,
            group=group,
            turn=Turn(device, instance.name, answers, patience_s=self._turn_patience_s),
            clock=self._clock,
            stop_timeout_s=self._stop_timeout_s,
            on_broken=self._note_broken,
            weight=weight,
            check=None if mps is None else partial(mps.check, instance.name),
            on_crash=self._on_crash,
        )

    def _mps_of(self, group: str) -> MpsDaemon | None:
        return self._mps if group in self._mps_groups else None

    def _note_mps_died(self) -> None:
        """Trust no GPU that was shared through it; what runs may fail any moment, or may not."""
        for name, keeper in self._keepers.items():
            if self._groups[name] in self._mps_groups:
                keeper.remark("The MPS daemon that it was started with has died.")
        for group in self._mps_groups & self._devices.keys():
            self._devices[group].tell(DeviceEvent.MPS_DIED, reason="The MPS daemon died.")

    def _condemn(self, group: str, reason: str) -> None:
        """Start nothing on a device any more; its instances that still run go on."""
        for name, keeper in self._keepers.items():
            if self._groups[name] == group:
                keeper.tell(Event.CONDEMNED, said=reason)

    def _note_broken(self) -> None:
        if all(keeper.phase is Phase.BROKEN for keeper in self._keepers.values()):
            self._all_broken.set()


async def _answers(session: ClientSession, url: str) -> bool:
    return not isinstance(await look(session, url, _LOOK_TIMEOUT_S), Missed)
