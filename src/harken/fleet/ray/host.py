"""What Ray runs on a node for one instance: a `harken serve --supervised` as its child, heard for whoever asks.

An actor of its own for each process: it holds what Ray counts, and ends with the process. It decides nothing. What the
process says is kept, numbered, until whoever listens has it, so a reply that was lost costs no line. The invariant: the
process dies with this actor, however that ends (`server/orphan`).
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import Mapping

import harken
from harken.fleet.process import Process
from harken.fleet.ray.gpu_turn import GpuTurn
from harken.fleet.ray.messages import Heard, Kind, Node
from harken.server.announce import Announcement, News, as_line

_HEAR_S = 10.0
"""A question that nothing answers is answered with nothing after this time."""

_KEPT = 1000
"""Lines that nobody has heard yet; of more, the oldest are lost."""

_COMMAND = ("-P", "-m", "harken", "serve", "--supervised")


class Host:
    """One instance's process; its methods are called through Ray, one after another or at the same time."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._life: asyncio.Task[None] | None = None
        self._heard: deque[Heard] = deque()
        self._count = 0
        self._news = asyncio.Event()
        self._turn = GpuTurn()

    async def node(self) -> Node:
        """Tell where this is, once its process may load there."""
        import ray

        context = ray.get_runtime_context()
        gpus = tuple(context.get_accelerator_ids().get("GPU", ()))
        await self._turn.take(gpus)
        return Node(
            address=ray.util.get_node_ip_address(),
            node=context.get_node_id(),
            gpus=gpus,
            version=harken.__version__,
        )

    async def start(self, variables: Mapping[str, str]) -> int:
        """Start the process; return its number.

        Args:
            variables: the instance's own; all others are this node's.

        Raises:
            OSError: it cannot be started.
        """
        own = {name: value for name, value in os.environ.items() if not name.startswith("HARKEN_")}
        self._process = await Process.spawn((sys.executable, *_COMMAND), {**own, **variables})
        self._life = asyncio.create_task(self._live(self._process))
        return self._process.pid

    async def hear(self, after: int) -> list[Heard]:
        """Return what was said after the line of that number; waits a while where there is nothing."""
        while self._heard and self._heard[0].number <= after:
            self._heard.popleft()
        if not self._heard:
            self._news.clear()
            try:
                async with asyncio.timeout(_HEAR_S):
                    await self._news.wait()
            except TimeoutError:
                return []
        return list(self._heard)

    async def terminate(self) -> None:
        """Ask the process to drain and leave."""
        if self._process is not None:
            self._process.terminate()

    async def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()

    async def _live(self, process: Process) -> None:
        code = await process.attend(self._announce, lambda line: self._keep(Kind.LINE, line))
        self._turn.give_back()
        self._keep(Kind.ENDED, str(code))

    def _announce(self, announcement: Announcement) -> None:
        if announcement.news is News.READY:
            self._turn.give_back()
        self._keep(Kind.NEWS, as_line(announcement))

    def _keep(self, kind: Kind, text: str) -> None:
        self._count += 1
        if len(self._heard) >= _KEPT:
            # An announcement or the end is never lost: at most three of these, so this is one of the first lines.
            del self._heard[next(place for place, one in enumerate(self._heard) if one.kind is Kind.LINE)]
        self._heard.append(Heard(number=self._count, kind=kind, text=text))
        self._news.set()
