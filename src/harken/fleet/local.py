"""The fleet of our own instances, each a process of its own, kept alive; more or fewer of them while it runs.

Owns the keepers. Where processes run, on this machine or on the nodes of a Ray cluster, is its site's affair. It tells
the dispatcher where instances listen, and is told by it which one no longer answers. How many there should be, and of
which model, others decide (`changes`); here is what is done with one. The invariant: after `async with`, no process
that it started is left, whichever way the block was left.

A port that somebody else holds at the first start is a mistake in the configuration, not a passing fault: that start
ends with exit code 3 and the holder's name, and is not tried again. Nothing is moved to another port in silence.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from harken.clock import Clock, SystemClock
from harken.config import Config, InstanceConfig
from harken.dispatch.lines.line import Missed
from harken.dispatch.lines.probe import look
from harken.dispatch.lines.session import open_session
from harken.dispatch.news import News
from harken.fleet.keeper import Keeper
from harken.fleet.layout import free_names
from harken.fleet.local_site import LocalSite
from harken.fleet.machine import Machine
from harken.fleet.obituary import OnCrash
from harken.fleet.owner import TargetOwner
from harken.fleet.phases import Event, Phase
from harken.fleet.plan import COMMAND
from harken.fleet.site import Ears, Site
from harken.fleet.turn import PATIENCE_S, Answers, Turn
from harken.fleet.wanted import Wanted, configured
from harken.types import InstanceHealth

if TYPE_CHECKING:
    from aiohttp import ClientSession

STOP_TIMEOUT_S = 10.0
"""An instance is asked to leave when it has no segment in flight, so it has nothing to drain."""

_LOOK_TIMEOUT_S = 2.0


class LocalFleet:
    """Instances as processes of our own.

    Args:
        config: where, which model, and how patient to be.
        owner: told of addresses: the dispatcher.
        wanted: how many of which model; None: as the configuration says.
        machine: cores and accelerators; None looks.
        command: starts one instance with the environment that `plan.variables` makes.
        surroundings: the environment that instances inherit; None takes ours.
        site: another place than this machine; then the three before count for nothing.
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
        wanted: Wanted | None = None,
        machine: Machine | None = None,
        command: Sequence[str] = COMMAND,
        surroundings: Mapping[str, str] | None = None,
        site: Site | None = None,
        clock: Clock | None = None,
        stop_timeout_s: float = STOP_TIMEOUT_S,
        turn_patience_s: float = PATIENCE_S,
        on_crash: OnCrash | None = None,
    ) -> None:
        self._config = config
        self._owner = owner
        self._wanted = wanted or configured(config)
        self._clock = clock or SystemClock()
        self._site = site or LocalSite(
            config, machine=machine, command=command, surroundings=surroundings, clock=self._clock
        )
        self._stop_timeout_s = stop_timeout_s
        self._turn_patience_s = turn_patience_s
        self._on_crash = on_crash
        self._keepers: dict[str, Keeper] = {}
        self._trials: set[str] = set()
        self._news = News()
        self._all_broken = asyncio.Event()
        self._stack = AsyncExitStack()

    # --- life -----------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Begin to start every instance; returns as soon as what they share is there."""
        ears = Ears(given_up=self._condemn, doubtful=self._doubt, changed=self._news.spread)
        async with AsyncExitStack() as stack:
            self._traits = await self._site.open(self._wanted.instances, ears, stack)
            self._answers: Answers = partial(_answers, await stack.enter_async_context(open_session()))
            self._group = await stack.enter_async_context(asyncio.TaskGroup())
            self._stack = stack.pop_all()
        plan = self._site.plan
        try:
            for name in self._wanted.stopped:
                self._keep(plan.laid(name, plan.kinds[0], self._wanted.model)).tell(Event.STOP)
            for device in plan.places(self._wanted.instances):
                self.add(self._wanted.model, device=device)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop every instance: asked first, killed after a while; returns when all are gone."""
        for keeper in self._keepers.values():
            keeper.tell(Event.STOP)
        # The error, if any, is not shown to the task group: it would cancel the stopping.
        await self._stack.__aexit__(None, None, None)

    # --- what is known --------------------------------------------------------------------------------------------

    def instances(self) -> tuple[InstanceHealth, ...]:
        """One line each, in order, also for those that have no process now."""
        return tuple(keeper.health() for keeper in self._keepers.values())

    def names(self) -> tuple[str, ...]:
        """Of all instances, in the order in which they came; the stopped ones too."""
        return tuple(self._keepers)

    def phase(self, name: str) -> Phase:
        """Where an instance is; STOPPED where there is none of that name."""
        keeper = self._keepers.get(name)
        return Phase.STOPPED if keeper is None else keeper.phase

    @property
    def kinds(self) -> tuple[str, ...]:
        """The devices that instances are placed on."""
        return self._site.plan.kinds

    @property
    def model(self) -> str:
        """What the instances in service are started with; "" where there are none."""
        alive = (keeper for keeper in self._keepers.values() if keeper.phase not in _GONE)
        return next((keeper.instance.model for keeper in alive), "")

    def group_of(self, device: str) -> str:
        """With whom an instance on a device shares its fate: a GPU, or "cpu"."""
        return self._site.group_of(device)

    def laid_next(self, model: str) -> InstanceConfig:
        """How one more instance of a model would be started.

        Raises:
            ConfigError: there is no port left for it.
        """
        return self._site.plan.laid(self.free_names(1)[0], self._emptiest(), model)

    def laid(self, name: str) -> InstanceConfig:
        """How an instance was started."""
        return self._keepers[name].instance

    def weight(self, name: str) -> float:
        """An instance's share of the work under the weighted policies."""
        return self._keepers[name].weight

    def url(self, name: str) -> str:
        """Where an instance listens; "" where it does not."""
        return self._keepers[name].url if name in self._keepers else ""

    def lacks_room(self, name: str) -> str:
        """Why an instance cannot start before room is made for it, as a sentence; "" where it can, or runs."""
        return self._keepers[name].lacks_room if name in self._keepers else ""

    def failed_because(self, name: str) -> str:
        """Why the last start of an instance failed; "" where it did not."""
        return self._keepers[name].failed_because if name in self._keepers else ""

    @property
    def cores(self) -> int | None:
        """The CPU cores that all instances share; None where some compute elsewhere."""
        return self._traits.cores

    @property
    def is_here(self) -> bool:
        """Its processes are this machine's, and so is the memory that they take."""
        return self._traits.is_here

    @property
    def start_s(self) -> float | None:
        """How long a start takes, by the longest of those that run; None before one succeeded."""
        return max((keeper.start_s for keeper in self._keepers.values() if keeper.start_s is not None), default=None)

    def failed_starts(self, name: str) -> int:
        """Starts of an instance that failed in a row, since it was ready or an operator wanted it."""
        return self._keepers[name].failed_starts if name in self._keepers else 0

    def check(self, names: Iterable[str], model: str) -> None:
        """See that instances of these names could be started.

        Raises:
            ConfigError: there is no port left for one of them.
        """
        for name in names:
            self._site.plan.laid(name, self._site.plan.kinds[0], model)

    async def when(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so, looking whenever a phase has changed."""
        await self._news.until(condition)

    async def wait_broken(self) -> str:
        """Return when every instance is broken at start, with each distinct reason; while one may work, wait."""
        await self._all_broken.wait()
        reasons: dict[str, list[str]] = {}
        for keeper in self._keepers.values():
            reasons.setdefault(keeper.broken_because, []).append(keeper.name)
        return " ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())

    # --- what is done with one ------------------------------------------------------------------------------------

    def free_names(self, count: int) -> tuple[str, ...]:
        """The next names that no instance has."""
        return free_names(self._keepers, count)

    def add(
        self,
        model: str,
        *,
        name: str = "",
        device: str = "",
        is_admitted: bool = True,
        weight: float | None = None,
        is_trial: bool = False,
    ) -> str:
        """Begin to start another instance; return its name.

        Args:
            model: which, as `--model` has it.
            name: a free one; "" for the next.
            device: where; "" for the device that has the fewest.
            is_admitted: whether it gets work as soon as it is ready; else only after `admit`.
            weight: its share of the work; None for that of its number.
            is_trial: that it cannot start says nothing of the fleet until `keep`: whoever adds it sees to that.

        Raises:
            ConfigError: there is no port left for it.
        """
        name = name or self.free_names(1)[0]
        assert name not in self._keepers, f"{name} is there already"
        keeper = self._keep(
            self._site.plan.laid(name, device or self._emptiest(), model), is_admitted=is_admitted, weight=weight
        )
        if is_trial:
            self._trials.add(name)
        keeper.tell(Event.DUE)
        return name

    def keep(self, name: str) -> None:
        """An instance on trial has become one of the fleet."""
        self._trials.discard(name)

    def admit(self, name: str) -> None:
        """Let an instance have work."""
        self._keepers[name].admit()

    def start(self, name: str) -> None:
        """Have a stopped or broken instance tried again, at once, also where its device was given up."""
        self._keepers[name].want()

    async def stop(self, name: str, drain_timeout_s: float) -> bool:
        """Take an instance out of service: it finishes what it has, then its process is ended.

        Returns:
            False when something was taken away from it after `drain_timeout_s` seconds, to be recognised elsewhere.
        """
        self._owner.drain_target(name)
        is_empty = await self._owner.wait_drained(name, drain_timeout_s)
        self._keepers[name].tell(Event.STOP)
        await self.when(lambda: self.phase(name) is Phase.STOPPED)
        return is_empty

    def remodel(self, name: str, model: str) -> None:
        """Have a stopped instance start with another model, whenever that is."""
        device = self._keepers[name].instance.device
        self.forget(name)
        self._keep(self._site.plan.laid(name, device, model)).tell(Event.STOP)

    def forget(self, name: str) -> None:
        """Strike out an instance that is stopped; its name may be used again."""
        assert self._keepers[name].phase is Phase.STOPPED, f"{name} still lives"
        del self._keepers[name]
        self._trials.discard(name)

    def replace(self, name: str, why: str = "") -> None:
        """Kill an instance that no longer works, and start it again; an unknown or busy one is left alone."""
        if keeper := self._keepers.get(name):
            keeper.replace(why)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _emptiest(self) -> str:
        counts = Counter(keeper.instance.device for keeper in self._keepers.values() if keeper.phase not in _GONE)
        alive = [kind for kind in self._site.plan.kinds if not self._site.is_given_up(self._site.group_of(kind))]
        return min(alive or self._site.plan.kinds, key=lambda device: counts[device])

    def _keep(self, instance: InstanceConfig, *, is_admitted: bool = True, weight: float | None = None) -> Keeper:
        berth = self._site.berth(instance)
        keeper = Keeper(
            instance=instance,
            config=self._config.fleet,
            berth=berth,
            owner=self._owner,
            group=self._group,
            turn=Turn(berth.gate, instance.name, self._answers, patience_s=self._turn_patience_s),
            clock=self._clock,
            stop_timeout_s=self._stop_timeout_s,
            on_broken=self._note_broken,
            weight=self._site.plan.weight(instance.name) if weight is None else weight,
            is_admitted=is_admitted,
            on_change=self._news.spread,
            on_crash=self._on_crash,
        )
        self._keepers[instance.name] = keeper
        return keeper

    def _doubt(self, groups: Collection[str], remark: str) -> None:
        """Show that instances may fail any moment."""
        for keeper in self._keepers.values():
            if self._site.group_of(keeper.instance.device) in groups:
                keeper.remark(remark)

    def _condemn(self, group: str, reason: str) -> None:
        """Start nothing on a device any more; its instances that still run go on."""
        for keeper in tuple(self._keepers.values()):
            if self._site.group_of(keeper.instance.device) == group:
                keeper.tell(Event.CONDEMNED, said=reason)

    def _note_broken(self) -> None:
        """End the wait of whoever waits for that; an operator may still mend what he has stopped."""
        is_over = self._keepers and all(keeper.phase is Phase.BROKEN for keeper in self._keepers.values())
        if is_over and not self._trials:
            self._all_broken.set()


_GONE = frozenset({Phase.STOPPED, Phase.BROKEN})


async def _answers(session: ClientSession, url: str) -> bool:
    return not isinstance(await look(session, url, _LOOK_TIMEOUT_S), Missed)
