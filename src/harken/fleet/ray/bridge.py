"""The process through which a gateway is in a Ray cluster: `python -m harken.fleet.ray.bridge`, a child of the gateway.

It is a process of its own because Ray ends the process that uses it when the cluster's head is away for a minute, and
brings threads, signal handlers and a gRPC of its own; a gateway has to survive all of that. Orders come in on standard
input, what happens goes out on standard output (`messages`). Actors that it made die with it: Ray sees to that. The
invariant: for each order PLACE, exactly one of REFUSED, ENDED and LOST is told in the end.
"""

from __future__ import annotations

import asyncio
import os
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from harken.config import load_config
from harken.errors import SetupError
from harken.fleet.ray.join import join
from harken.fleet.ray.messages import Do, Kind, Order, Told, as_line, parse_order
from harken.fleet.ray.pulse import BEAT_S
from harken.fleet.ray.room import Room
from harken.fleet.ray.stay import Stay
from harken.fleet.ray.wish import Wish, wish_of
from harken.server.lifecycle import EXIT_BROKEN_AT_START
from harken.server.orphan import leave_with_parent, supervisor_of

_LINE_BYTES = 1 << 20
_WATCH_S = 1.0
_JOINING_LOOK_S = 0.5
_EXIT_LOST = 1


class Bridge:
    """Carries out a gateway's orders.

    Args:
        wish: of each instance.
        tell: tells the gateway.
    """

    def __init__(self, wish: Wish, tell: Callable[[Told], None]) -> None:
        self._wish = wish
        self._tell = tell
        self._room = Room(wish)
        self._stays: dict[int, Stay] = {}

    async def run(self, orders: asyncio.StreamReader) -> int:
        """Obey until there are no more orders, or this machine is no node any more; return the exit code."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            obeying = group.create_task(self._obey_all(orders))
            watching = group.create_task(self._watch_node())
            beating = group.create_task(self._beat())
            await asyncio.wait((obeying, watching), return_when=asyncio.FIRST_COMPLETED)
            is_lost = watching.done()
            for task in (obeying, watching, beating):
                task.cancel()
            for stay in self._stays.values():
                stay.end()
        return _EXIT_LOST if is_lost else 0

    async def _obey_all(self, orders: asyncio.StreamReader) -> None:
        while line := await orders.readline():
            order = parse_order(line.decode("utf-8", errors="replace"))
            if order is not None:
                self._obey(order)

    def _obey(self, order: Order) -> None:
        stay = self._stays.get(order.number)
        if order.do is Do.PLACE and stay is None:
            stay = Stay(order.number, self._wish, self._room, self._tell)
            self._stays[order.number] = stay
            self._group.create_task(self._see_through(order.number, stay))
        elif stay is None:
            pass  # it has ended meanwhile, and that was told
        elif order.do is Do.START:
            stay.start(order.variables)
        elif order.do is Do.TERMINATE:
            stay.terminate()
        elif order.do is Do.KILL:
            stay.end()

    async def _see_through(self, number: int, stay: Stay) -> None:
        try:
            await stay.run()
        finally:
            del self._stays[number]

    async def _beat(self) -> None:
        """Say that this loop runs; what may hold it up is done in threads."""
        while True:
            self._tell(Told(kind=Kind.BEAT))
            await asyncio.sleep(BEAT_S)

    async def _watch_node(self) -> None:
        """Return when Ray has lost the node that this machine is: nothing can be placed from here any more."""
        import ray

        own = ray.get_runtime_context().get_node_id()
        while True:
            await asyncio.sleep(_WATCH_S)
            nodes = await asyncio.to_thread(ray.nodes)
            if not any(node["NodeID"] == own and node["Alive"] for node in nodes):
                print("The Ray node of this machine is lost.", file=sys.stderr, flush=True)
                return


async def _main(told: TextIO) -> int:
    import ray

    def tell(message: Told) -> None:
        told.write(f"{as_line(message)}\n")
        told.flush()

    orders = asyncio.StreamReader(limit=_LINE_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    nodes = sum(node["Alive"] for node in ray.nodes())
    tell(Told(kind=Kind.CONNECTED, text=f"{nodes} {'node' if nodes == 1 else 'nodes'}, Ray {ray.__version__}"))
    return await Bridge(wish_of(load_config(env=os.environ)), tell).run(orders)


def _leave_unless(joined: threading.Event, orders: int) -> None:
    """End this process if the gateway leaves first: inside Ray it hears neither a signal nor the end of its orders."""
    poll = select.poll()
    poll.register(orders, 0)  # nothing but that the other end was closed
    while not joined.is_set():
        if poll.poll(_JOINING_LOOK_S * 1000) and not joined.is_set():
            os._exit(_EXIT_LOST)


def main() -> int:
    """Be a gateway's bridge until it has no more orders; return the exit code."""
    # Its own input brings orders; the orphan watch gets one that never ends, and its parent's death signal.
    leave_with_parent(supervisor_of(os.environ), os.pipe()[0])
    # What libraries print must not come between messages.
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    joined = threading.Event()
    threading.Thread(target=_leave_unless, args=(joined, sys.stdin.fileno()), name="joining", daemon=True).start()
    try:
        join(load_config(env=os.environ).ray.address)
    except SetupError as error:
        print(error.message, file=sys.stderr, flush=True)
        return EXIT_BROKEN_AT_START
    joined.set()
    import ray

    with suppress(BrokenPipeError):  # whoever listened is gone, and what it wanted with it
        code = asyncio.run(_main(told))
    ray.shutdown()
    return code


if __name__ == "__main__":
    sys.exit(main())
