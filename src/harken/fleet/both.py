"""Instances of this machine and upstreams together, as one fleet.

It knows nothing of either. The invariant is that of its parts: when it is left, both are.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from harken.fleet.local import LocalFleet
from harken.fleet.static import StaticFleet
from harken.types import InstanceHealth


class BothFleets:
    """What runs here, and what runs elsewhere.

    Args:
        local: the instances of this machine; None for none.
        static: the upstreams; None for none.
    """

    def __init__(self, local: LocalFleet | None, static: StaticFleet | None) -> None:
        self._local = local
        self._static = static
        self._fleets = [fleet for fleet in (local, static) if fleet is not None]
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Begin with both; returns at once."""
        async with AsyncExitStack() as stack:
            for fleet in self._fleets:
                await stack.enter_async_context(fleet)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave both."""
        await self._stack.__aexit__(kind, error, traceback)

    def instances(self) -> tuple[InstanceHealth, ...]:
        """One line each: first those of this machine."""
        return tuple(line for fleet in self._fleets for line in fleet.instances())

    def replace(self, name: str, why: str = "") -> None:
        """Tell whoever has the one that no longer answers, or failed its canary, as `why` says."""
        for fleet in self._fleets:
            fleet.replace(name, why)

    async def wait_broken(self) -> str:
        """Return, with the reasons, when no instance can ever become ready; an upstream may always come back."""
        if self._local is None or self._static is not None:
            await asyncio.Event().wait()
        assert self._local is not None, "an endless wait has no end"
        return await self._local.wait_broken()
