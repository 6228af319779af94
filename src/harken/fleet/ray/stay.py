"""One stay of an instance in a Ray cluster: it waits for room, its process runs on a node, and it is gone.

The bridge's side of `process.RayProcess`. Ray places and counts; what is told of it here are facts, with no opinion.
The invariants: the last thing told is one of REFUSED, ENDED and LOST; and after it, the actor is dead or Ray has been
told to end it.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from harken.fleet.ray.host import Host
from harken.fleet.ray.messages import Kind, Told, as_line
from harken.fleet.ray.room import Room
from harken.fleet.ray.wish import Wish

_WAIT_S = 8.0
"""So long a worker may take to start before its instance counts as waiting for room: Ray tells no difference."""

_LOOK_S = 3.0
_UNAVAILABLE_S = 0.5
_DEATH_S = 2.0
"""For a node to confirm that something is dead; a node that is away cannot."""

_WHY_CHARS = 400


class Stay:
    """One stay.

    Args:
        number: of it.
        wish: what it asks Ray for.
        room: says why there is none.
        tell: tells the gateway.
    """

    def __init__(self, number: int, wish: Wish, room: Room, tell: Callable[[Told], None]) -> None:
        self._number = number
        self._wish = wish
        self._room = room
        self._tell_gateway = tell
        self._actor: Any = None
        self._variables: asyncio.Queue[Mapping[str, str]] = asyncio.Queue()
        self._is_started = False
        self._ended = asyncio.Event()

    def start(self, variables: Mapping[str, str]) -> None:
        """Have its process started, where it was placed."""
        self._variables.put_nowait(variables)

    def terminate(self) -> None:
        """Ask its process to leave."""
        if self._actor is not None:
            self._actor.terminate.remote()

    def end(self) -> None:
        """End it now."""
        self._ended.set()

    async def run(self) -> None:
        """Be there, from the wait for room to the end; whatever goes wrong is told of it alone."""
        try:
            await self._stay()
        except Exception as error:  # noqa: BLE001 - the edge of one instance: others, and the bridge, live on
            self._tell(Kind.LOST if self._is_lost(error) else Kind.REFUSED, why(error))
        finally:
            # It asks the cluster's head, who may not answer; the loop has to go on.
            await asyncio.to_thread(self._give_up)

    async def _stay(self) -> None:
        import ray

        wish = self._wish
        host = ray.remote(Host).options(
            num_cpus=wish.num_cpus,
            num_gpus=wish.num_gpus,
            resources=dict(wish.resources),
            scheduling_strategy=wish.strategy,
            max_restarts=0,
        )
        self._actor = await asyncio.to_thread(host.remote)
        living, ending = asyncio.create_task(self._live()), asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait((living, ending), return_when=asyncio.FIRST_COMPLETED)
            if living.done():
                living.result()
            else:
                living.cancel()
                await self._die()
                self._tell(Kind.ENDED, str(-signal.SIGKILL))
        finally:
            ending.cancel()

    def _is_lost(self, error: Exception) -> bool:
        """Where a node died with it, another may take it; what cannot be loaded or asked for there is no accident."""
        from ray.exceptions import RayActorError

        return self._is_started or (isinstance(error, RayActorError) and not error.actor_init_failed)

    def _give_up(self) -> None:
        import ray
        from ray.exceptions import RayError

        if self._actor is not None:
            with suppress(RayError, ValueError):  # it may be gone already
                ray.kill(self._actor)

    async def _live(self) -> None:
        self._tell(Kind.PLACED, as_line(await self._placed()))
        pid = await self._actor.start.remote(await self._variables.get())
        self._is_started = True
        self._tell(Kind.STARTED, str(pid))
        await self._hear()

    async def _placed(self) -> Any:
        """Wait until Ray has placed it; say why that takes so long."""
        asked = asyncio.ensure_future(_awaited(self._actor.node.remote()))
        told, patience_s = "", _WAIT_S
        try:
            while not (await asyncio.wait((asked,), timeout=patience_s))[0]:
                lack = await self._room.lack()
                if lack != told and not asked.done():
                    self._tell(Kind.WAITS, lack)
                    told = lack
                patience_s = _LOOK_S
            return asked.result()
        finally:
            asked.cancel()

    async def _hear(self) -> None:
        from ray.exceptions import ActorUnavailableError

        after = 0
        while True:
            try:
                heard = await self._actor.hear.remote(after)
            except ActorUnavailableError:  # the network; that the actor is dead, Ray says otherwise
                await asyncio.sleep(_UNAVAILABLE_S)
                continue
            for one in heard:
                after = one.number
                self._tell(one.kind, one.text)
                if one.kind is Kind.ENDED:
                    return

    async def _die(self) -> None:
        """End process and actor, and wait a moment until Ray confirms it."""
        from ray.exceptions import RayError

        self._actor.kill.remote()  # straight to the node; the other way is by the cluster's head
        await asyncio.to_thread(self._give_up)
        with suppress(RayError, TimeoutError):
            async with asyncio.timeout(_DEATH_S):
                while True:
                    await self._actor.hear.remote(0)

    def _tell(self, kind: Kind, text: str) -> None:
        self._tell_gateway(Told(kind=kind, number=self._number, text=text))


async def _awaited(reference: Any) -> Any:
    return await reference


def why(error: BaseException) -> str:
    """Make a sentence of what Ray says in a page."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("The actor is dead", "The node", "The process", "Owner"))]
    chosen = told[0] if told else (lines or [type(error).__name__])[-1]
    return chosen[:_WHY_CHARS]
