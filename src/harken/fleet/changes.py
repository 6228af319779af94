"""What can be changed of a running fleet: more instances or fewer, restarts, taking out of service.

Owns the order in which things are done, so that no accepted request is lost: an instance goes only when it is empty,
and where several are restarted each is back before the next goes. It knows nothing of who asks, nor that only one
change is made at a time (`one_change`). The invariant: what operators decide is remembered (`wanted`) before it is
done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from harken.config import Config
from harken.errors import ConfigError
from harken.fleet.local import LocalFleet
from harken.fleet.one_change import Tell
from harken.fleet.owner import TargetOwner
from harken.fleet.phases import Phase
from harken.fleet.refusals import ChangeFailed, InstanceNotFound
from harken.fleet.wanted import Wanted, describe, write_file
from harken.log import get_log

INSTANCES_MAX = 1000
"""More on one machine is a slip of the finger."""

_SERVICE_TIMEOUT_S = 30.0
"""From an instance's word that it is ready to the gateway's own look at it."""

_log = get_log("fleet.changes")


class Changes:
    """What operators, and the autoscaler, may do with the instances of this machine; each to be made alone.

    Args:
        config: time limits.
        fleet: the instances.
        owner: the dispatcher.
        wanted: what runs at the start.
        folder: the run folder, in which decisions are remembered; None: nothing is.
    """

    def __init__(
        self, config: Config, fleet: LocalFleet, owner: TargetOwner, *, wanted: Wanted, folder: Path | None
    ) -> None:
        self._config = config
        self._fleet = fleet
        self._owner = owner
        self._folder = folder
        self.wanted = wanted

    # --- what can be done -----------------------------------------------------------------------------------------

    async def scale(self, count: int, tell: Tell) -> dict[str, Any]:
        """Have so many instances in service; returns once the new ones are ready and the others gone.

        Raises:
            ConfigError: a count that cannot be.
            ChangeFailed: new ones did not start; they are taken away again.
        """
        if not 0 <= count <= INSTANCES_MAX:
            raise ConfigError(f"A fleet has 0 to {INSTANCES_MAX} instances, not {count}.")
        before = self.in_service()
        self._remember(replace(self.wanted, instances=count))
        if count < len(before):
            await self._take_away(self._leaving(len(before) - count), tell)
        elif count > len(before):
            await self._add(count - len(before), tell)
        return {"before": len(before), "now": len(self.in_service())}

    async def restart(self, names: Sequence[str], tell: Tell) -> dict[str, Any]:
        """Restart instances one after another, each emptied before and ready again before the next goes.

        Args:
            names: which; none for all that are in service.
            tell: hears of each.

        Raises:
            InstanceNotFound: one of them is unknown; nothing has been done.
            ChangeFailed: one did not come back; the following ones were left alone.
        """
        self._check(names)
        done = []
        for name in names or self.in_service():
            if self._fleet.phase(name) not in (Phase.STOPPED, Phase.BROKEN, Phase.WAITING):
                tell(f"{name} finishes what it has")
                await self._fleet.stop(name, self._config.instance.drain_timeout_s)
            if name in self.wanted.stopped:
                kept = tuple(one for one in self.wanted.stopped if one != name)
                self._remember(replace(self.wanted, stopped=kept, instances=self.wanted.instances + 1))
            tell(f"{name} starts")
            self._fleet.start(name)
            await self._until_serving(name)
            tell(f"{name} is ready")
            done.append(name)
        return {"restarted": done}

    async def drain(self, names: Sequence[str], tell: Tell) -> dict[str, Any]:
        """Take instances out of service, each once it has finished what it has; `restart` brings them back.

        Raises:
            InstanceNotFound: one of them is unknown; nothing has been done.
        """
        self._check(names)
        cut = []
        for name in names:
            if name not in self.wanted.stopped:
                stopped = (*self.wanted.stopped, name)
                self._remember(replace(self.wanted, stopped=stopped, instances=max(0, self.wanted.instances - 1)))
            tell(f"{name} finishes what it has")
            if not await self._fleet.stop(name, self._config.instance.drain_timeout_s):
                cut.append(name)
            tell(f"{name} is stopped")
        return {"drained": list(names), "cut": cut}

    def in_service(self) -> tuple[str, ...]:
        """The instances that should run, in the order in which they came."""
        return tuple(name for name in self._fleet.names() if name not in self.wanted.stopped)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _check(self, names: Sequence[str]) -> None:
        unknown = [name for name in names if name not in self._fleet.names()]
        if unknown:
            raise InstanceNotFound(f"There is no instance {unknown[0]!r}; there are {', '.join(self._fleet.names())}.")

    def _leaving(self, count: int) -> tuple[str, ...]:
        """Who goes first: what does not work, then what came last."""
        newest = list(reversed(self.in_service()))
        useless_first = sorted(newest, key=lambda name: self._fleet.phase(name) is Phase.READY)
        return tuple(useless_first[:count])

    async def _take_away(self, names: Sequence[str], tell: Tell) -> None:
        async def one(name: str) -> None:
            tell(f"{name} finishes what it has")
            await self._fleet.stop(name, self._config.instance.drain_timeout_s)
            self._fleet.forget(name)
            tell(f"{name} is gone")

        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(one(name))

    async def _add(self, count: int, tell: Tell) -> None:
        names = [self._fleet.add(self.wanted.model) for _ in range(count)]
        tell(f"{', '.join(names)} {'starts' if count == 1 else 'start'}")
        failures: dict[str, str] = {}
        for name in names:
            try:
                await self._until_serving(name)
            except ChangeFailed as error:
                failures[name] = error.message
            else:
                tell(f"{name} is ready")
        if failures:
            await self._take_away(tuple(failures), tell)
            self._remember(replace(self.wanted, instances=len(self.in_service())))
            raise ChangeFailed(" ".join(failures.values()))

    async def _until_serving(self, name: str) -> None:
        """Wait until an instance takes work.

        Raises:
            ChangeFailed: it never will.
        """
        await self._fleet.when(lambda: self._fleet.phase(name) in (Phase.READY, Phase.BROKEN, Phase.STOPPED))
        if self._fleet.phase(name) is not Phase.READY:
            raise ChangeFailed(f"{name} cannot start. {self._fleet.failed_because(name)}".strip())
        # It is not this change's fault if it falls silent right after; the supervisor sees to that.
        with suppress(TimeoutError):
            async with asyncio.timeout(_SERVICE_TIMEOUT_S):
                await self._owner.wait_in_service(name)

    def _remember(self, wanted: Wanted) -> None:
        self.wanted = wanted
        if self._folder is None:
            return
        try:
            write_file(self._folder, describe(self._config, wanted))
        except OSError as error:
            _log.warning("fleet.not_remembered", reason=str(error))
