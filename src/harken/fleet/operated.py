"""A fleet with those who change it: the operators' socket and, around them, the rule that one change is made at a time.

It puts together; each part has its own module. The invariant: whoever changes the fleet has ended before the instances
are stopped.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from harken.clock import SystemClock
from harken.config import Config
from harken.dispatch.dispatcher import Dispatcher
from harken.fleet.autoscaling import Autoscaling
from harken.fleet.both import BothFleets
from harken.fleet.changes import Changes
from harken.fleet.control import Control
from harken.fleet.elsewhere import AnyRooms, Elsewhere
from harken.fleet.handlers import handlers_of
from harken.fleet.local import LocalFleet
from harken.fleet.one_change import OneChange
from harken.fleet.operators import Operators
from harken.fleet.roll import Roll
from harken.fleet.rooms import Estimate, Rooms
from harken.fleet.scaled import Scaled
from harken.fleet.static import StaticFleet
from harken.fleet.wanted import Wanted
from harken.machine.load import CpuMeter
from harken.types import InstanceHealth

_WAKE_S = 0.5
"""How often somebody who waits is pointed out, at most."""


class OperatedFleet:
    """What `harken up` runs.

    Args:
        config: all of it.
        dispatcher: is told of addresses, and tells of the work.
        local: the instances of our own; None for none.
        static: the upstreams; None for none.
        wanted: what runs at the start.
        folder: the run folder; None: no socket, and nothing is remembered.
        estimate: what one instance needs of memory.
    """

    def __init__(
        self,
        config: Config,
        dispatcher: Dispatcher,
        local: LocalFleet | None,
        static: StaticFleet | None,
        *,
        wanted: Wanted,
        folder: Path | None,
        estimate: Estimate = lambda _: None,
    ) -> None:
        self._config = config
        self._dispatcher = dispatcher
        self._local = local
        self._wanted = wanted
        self._folder = folder
        self._estimate = estimate
        self._both = BothFleets(local, static)
        self._stack = AsyncExitStack()
        self._changes: Changes | None = None
        self._operators: Operators | None = None

    async def __aenter__(self) -> Self:
        """Begin with the instances; then listen."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._both)
            if self._local is not None:
                await self._open_changes(self._local, stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave in the other order."""
        await self._stack.__aexit__(kind, error, traceback)

    def instances(self) -> tuple[InstanceHealth, ...]:
        """One line each."""
        return self._both.instances()

    def replace(self, name: str, why: str = "") -> None:
        """That one no longer answers, or failed its canary, as `why` says."""
        self._both.replace(name, why)

    @property
    def is_asleep(self) -> bool:
        """It has no instances because nobody needs one, and starts some as soon as a recording waits."""
        changes = self._changes
        return self._config.autoscale.mode == "on" and changes is not None and not changes.in_service()

    @property
    def operators(self) -> Operators | None:
        """Who changes it; None where there are no processes of ours."""
        return self._operators

    async def wait_broken(self) -> str:
        """Return, with the reasons, when no instance can ever become ready."""
        return await self._both.wait_broken()

    async def _open_changes(self, local: LocalFleet, stack: AsyncExitStack) -> None:
        changes = Changes(self._config, local, self._dispatcher, wanted=self._wanted, folder=self._folder)
        self._changes = await stack.enter_async_context(changes)
        one = await stack.enter_async_context(OneChange())
        group = await stack.enter_async_context(asyncio.TaskGroup())
        rooms: AnyRooms = Elsewhere()
        if local.is_here:
            rooms = Rooms(local, self._estimate, model=lambda: changes.wanted.model)
        autoscaling = None
        if self._config.autoscale.mode != "off":
            autoscaling = self._autoscaling(local, changes, one, rooms)
            for work in (rooms.run(), autoscaling.run(), self._wake(autoscaling)):
                stack.callback(group.create_task(work).cancel)
        roll = Roll(self._config, local, changes, self._dispatcher, rooms)
        handlers = handlers_of(self._config, local, changes, one, roll=roll, rooms=rooms, autoscaling=autoscaling)
        self._operators = Operators(handlers, one)
        if self._folder is not None:
            await stack.enter_async_context(Control(self._folder, handlers))

    async def _wake(self, autoscaling: Autoscaling) -> None:
        """Have a sleeping fleet woken as soon as somebody waits, not at the next look."""
        while True:
            await self._dispatcher.wait_held()
            autoscaling.wake()
            await asyncio.sleep(_WAKE_S)

    def _autoscaling(self, local: LocalFleet, changes: Changes, one: OneChange, rooms: AnyRooms) -> Autoscaling:
        clock = SystemClock()
        scaled = Scaled(
            local,
            changes,
            one,
            load=self._dispatcher.load,
            cpu_share=CpuMeter().read if local.is_here else lambda: None,
            gpu_share=lambda: rooms.gpu_share,
            room=lambda: rooms.further,
            cores=local.cores,
            clock=clock,
        )
        return Autoscaling(self._config.autoscale, scaled, clock)
