"""What can be changed of a running fleet: more instances or fewer, restarts, taking out of service.

Owns the order in which things are done, so that no accepted request is lost: an instance goes only when it is empty,
and where several are restarted each is back before the next goes. It knows nothing of who asks, nor that only one
change is made at a time (`one_change`). The invariant: what operators decide is remembered (`wanted`) before it is
done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harken.config import Config
from harken.errors import ClientError, ConfigError
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
        self._group = asyncio.TaskGroup()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="fleet-json")
        self._written: Future[bool] | None = None
        self._tasks: set[asyncio.Task[str]] = set()
        self._leaving: set[str] = set()
        self.wanted = wanted

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Cut short what is still coming or going: the whole fleet is about to go."""
        for task in tuple(self._tasks):
            task.cancel()
        await self._group.__aexit__(None, None, None)
        await asyncio.to_thread(self._writer.shutdown)

    # --- what can be done -----------------------------------------------------------------------------------------

    async def scale(self, count: int, tell: Tell) -> dict[str, Any]:
        """Have so many instances in service; returns once the new ones are ready and the others gone.

        Raises:
            ConfigError: a count that cannot be.
            ChangeFailed: new ones did not start; they are taken away again.
        """
        self.check_count(count)
        await self.settle()
        before = len(self.in_service())
        outcomes = await asyncio.gather(*self.resize(count, tell))
        failures = [failure for failure in outcomes if failure]
        if failures:
            raise ChangeFailed(" ".join(failures))
        return {"before": before, "now": len(self.in_service())}

    def resize(self, count: int, tell: Tell) -> tuple[asyncio.Task[str], ...]:
        """Begin to have so many instances in service; returns at once.

        Returns:
            What comes and goes, each with why it could not start, in the end; "" where nothing was wrong.

        Raises:
            ConfigError: there are no ports for so many; nothing has been done.
        """
        before = self.in_service()
        self._check_ports(count)
        self._remember(replace(self.wanted, instances=count))
        if count < len(before):
            leaving = self._who_leaves(len(before) - count)
            self._leaving.update(leaving)
            return tuple(self._begin(partial(self._take_away, name, tell)) for name in leaving)
        coming = [self._fleet.add(self.wanted.model, is_trial=True) for _ in range(count - len(before))]
        if coming:
            tell(f"{', '.join(coming)} {'starts' if len(coming) == 1 else 'start'}")
        return tuple(self._begin(partial(self._bring_up, name, tell)) for name in coming)

    async def restart(self, names: Sequence[str], tell: Tell) -> dict[str, Any]:
        """Restart instances one after another, each emptied before and ready again before the next goes.

        Args:
            names: which; none for all that are in service.
            tell: hears of each.

        Raises:
            ClientError: none is named, and none is in service.
            InstanceNotFound: one of them is unknown; nothing has been done.
            ChangeFailed: one did not come back; the following ones were left alone.
        """
        await self.settle()
        self.check_restart(names)
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
        await self.settle()
        self.check_names(names)
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

    async def is_remembered(self) -> bool:
        """Whether the last decision will count at the next start, too."""
        return self._written is None or await asyncio.wrap_future(self._written)

    async def settle(self) -> None:
        """Wait until what an autoscaler has begun is done: it may be coming or going just now."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def adopt(self, model: str) -> None:
        """Have everything be of this model from now on: what is in service is so already."""
        self._remember(replace(self.wanted, model=model, instances=len(self.in_service())))
        for name in self.wanted.stopped:
            if name in self._fleet.names():
                self._fleet.remodel(name, model)

    def in_service(self) -> tuple[str, ...]:
        """The instances that should run, in the order in which they came."""
        away = self._leaving.union(self.wanted.stopped)
        return tuple(name for name in self._fleet.names() if name not in away)

    # --- what cannot be, told before anything is done -------------------------------------------------------------

    def check_count(self, count: int) -> None:
        """Refuse a count that cannot be.

        Raises:
            ConfigError: it is no fleet's, or there are no ports for so many.
        """
        if not 0 <= count <= INSTANCES_MAX:
            raise ConfigError(f"A fleet has 0 to {INSTANCES_MAX} instances, not {count}.")
        self._check_ports(count)

    def check_names(self, names: Sequence[str]) -> None:
        """Refuse names that no instance has.

        Raises:
            InstanceNotFound: one of them is unknown.
        """
        unknown = [name for name in names if name not in self._fleet.names()]
        if unknown:
            there = f"there are {', '.join(self._fleet.names())}" if self._fleet.names() else "there is none now"
            raise InstanceNotFound(f"There is no instance {unknown[0]!r}; {there}.")

    def check_restart(self, names: Sequence[str]) -> None:
        """Refuse what cannot be restarted; no names stand for all that are in service.

        Raises:
            ClientError: none is named, and none is in service.
            InstanceNotFound: one of them is unknown.
        """
        self.check_names(names)
        if not names and not self.in_service():
            raise ClientError("No instance is in service. Name those that are to come back.")

    # --- inside ---------------------------------------------------------------------------------------------------

    def _check_ports(self, count: int) -> None:
        more = max(0, count - len(self.in_service()))
        self._fleet.check(self._fleet.free_names(more), self.wanted.model)

    def _who_leaves(self, count: int) -> tuple[str, ...]:
        """Who goes first: what does not work, then what came last."""
        newest = list(reversed(self.in_service()))
        rank = {Phase.BROKEN: 0, Phase.STOPPED: 0, Phase.READY: 2}
        useless_first = sorted(newest, key=lambda name: rank.get(self._fleet.phase(name), 1))
        return tuple(useless_first[:count])

    def _begin(self, work: Callable[[], Coroutine[Any, Any, str]]) -> asyncio.Task[str]:
        task = self._group.create_task(_guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _take_away(self, name: str, tell: Tell) -> str:
        tell(f"{name} finishes what it has")
        try:
            await self._fleet.stop(name, self._config.instance.drain_timeout_s)
            self._fleet.forget(name)
        finally:
            self._leaving.discard(name)
        tell(f"{name} is gone")
        return ""

    async def _bring_up(self, name: str, tell: Tell) -> str:
        """See an instance into service, or wait for room; one that cannot start is taken away again."""
        try:
            await self._until_serving(name, may_lack_room=True)
        except ChangeFailed as error:
            if name in self._leaving or name not in self._fleet.names():
                return ""  # it is wanted no more
            self._leaving.add(name)
            await self._take_away(name, tell)
            self._remember(replace(self.wanted, instances=len(self.in_service())))
            return error.message
        self._fleet.keep(name)
        lack = self._fleet.lacks_room(name)
        tell(f"{name}: {lack}" if lack else f"{name} is ready")
        return ""

    async def _until_serving(self, name: str, *, may_lack_room: bool = False) -> None:
        """Wait until an instance takes work.

        Args:
            name: which.
            may_lack_room: that it waits for room, which may take for ever, is as good.

        Raises:
            ChangeFailed: it never will, or waits for room.
        """
        fleet, retries = self._fleet, self._config.fleet.start_retries

        def is_decided() -> bool:
            ends = (Phase.READY, Phase.BROKEN, Phase.STOPPED)
            is_over = fleet.phase(name) in ends or fleet.failed_starts(name) > retries
            return is_over or bool(fleet.lacks_room(name))

        await fleet.when(is_decided)
        if lack := fleet.lacks_room(name):
            if may_lack_room:
                return
            raise ChangeFailed(f"{name} is not back. {lack}")
        if fleet.phase(name) is not Phase.READY:
            raise ChangeFailed(f"{name} cannot start. {fleet.failed_because(name)}".strip())
        # It is not this change's fault if it falls silent right after; the supervisor sees to that.
        with suppress(TimeoutError):
            async with asyncio.timeout(_SERVICE_TIMEOUT_S):
                await self._owner.wait_in_service(name)

    def _remember(self, wanted: Wanted) -> None:
        """Have a decision count from now on; it is written in order, beside the event loop, which no disk may hold."""
        self.wanted = wanted
        if self._folder is not None:
            self._written = self._writer.submit(_write, self._folder, describe(self._config, wanted))


async def _guarded(work: Callable[[], Coroutine[Any, Any, str]]) -> str:
    try:
        return await work()
    except Exception as error:  # noqa: BLE001 - the edge of a task: a defect here must not end the gateway
        _log.exception("fleet.change_defect")
        return f"{type(error).__name__}: {error}"


def _write(folder: Path, text: str) -> bool:
    try:
        write_file(folder, text)
    except (OSError, ValueError) as error:
        _log.warning("fleet.not_remembered", reason=str(error))
        return False
    return True
