"""Where the instances of a fleet run, and what that place decides for each of them.

Only a seam: the fleet, its keepers and whoever changes them know no more of a place than is said here. Two are known:
this machine (`local_site`), and a Ray cluster (`ray/`). The invariant: after `open`'s stack is closed, nothing that was
spawned at the site is left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Protocol

from harken.config import InstanceConfig
from harken.fleet.obituary import Body
from harken.fleet.turn import Gate
from harken.server.announce import Announcement


class Lost(Exception):
    """What a process ran in is gone, and the process with it: that is no end of its own, and has no exit code.

    Args:
        reason: what happened, as a sentence.
        is_blameless: it went with all the others of its site, so no doing of its own can be the cause.
    """

    def __init__(self, reason: str, *, is_blameless: bool) -> None:
        super().__init__(reason)
        self.is_blameless = is_blameless


class Spawned(Body, Protocol):
    """A process of an instance, wherever it runs."""

    async def attend(self, on_news: Callable[[Announcement], None], on_line: Callable[[str], None]) -> int:
        """Hear it until it has ended, and return its exit code: see `process.Process.attend`.

        Raises:
            Lost: it has none, because it did not end by itself.
        """
        ...

    def terminate(self) -> None:
        """Ask it to drain and leave."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


Spawn = Callable[[], Awaitable[Spawned]]
"""Starts a process, within seconds; OSError: it cannot be started; Lost: its place is gone meanwhile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Berth:
    """The place of one instance.

    Attributes:
        gate: where it waits until it may load.
        spawn: starts its process once it may.
        check: looks at the process when it is ready; returns what is wrong, as a sentence, or "". Never raises.
    """

    gate: Gate
    spawn: Spawn
    check: Callable[[int], Awaitable[str]] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ears:
    """Who hears what happens at a site.

    Attributes:
        given_up: told of a group of instances and the reason: nothing starts there any more.
        doubtful: told of groups, and why their running instances may fail any moment.
        changed: told when somebody began to wait, or waits for something else.
    """

    given_up: Callable[[str, str], None]
    doubtful: Callable[[Collection[str], str], None]
    changed: Callable[[], None]


class Plan(Protocol):
    """How instances are laid out, one by one, also those that come later; pure."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The devices that instances are placed on."""
        ...

    def places(self, instances: int) -> tuple[str, ...]:
        """Choose a device for each of so many."""
        ...

    def laid(self, name: str, device: str, model: str) -> InstanceConfig:
        """Lay one instance out.

        Raises:
            ConfigError: there is no place for it.
        """
        ...

    def weight(self, name: str) -> float:
        """Its share of the work under the weighted policies."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """What is known of a site as a whole, once it is open.

    Attributes:
        is_here: its processes, memory, cores and GPUs are this machine's, and can be looked at from here.
        cores: that all instances share; None where they do not, or nobody knows.
    """

    is_here: bool
    cores: int | None = field(default=None)


class Site(Protocol):
    """A place with room for instances."""

    async def open(self, instances: int, ears: Ears, stack: AsyncExitStack) -> Traits:
        """Get ready for so many at first; what has to be ended again goes to the stack.

        Raises:
            HarkenError: it cannot be used.
        """
        ...

    @property
    def plan(self) -> Plan:
        """How they are laid out; there once it is open."""
        ...

    def group_of(self, device: str) -> str:
        """With whom an instance on a device shares its fate."""
        ...

    def berth(self, instance: InstanceConfig) -> Berth:
        """The place of an instance; asked once for each."""
        ...

    def is_given_up(self, group: str) -> bool:
        """Nothing starts there any more, unless an operator wants it."""
        ...
