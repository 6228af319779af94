"""The place of one instance in a Ray cluster: waits until Ray has made room for it, then has its process started there.

What a `Device` is on this machine, but that Ray decides who comes next. Waiting for room is no failed start, however
long it takes; that a node refuses it, is. The invariant: whoever stops waiting gives up the room that he asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import harken
from harken.fleet.device_health import DeviceEvent
from harken.fleet.ray.life import Life
from harken.fleet.ray.link import Link
from harken.fleet.ray.messages import Do, Kind, Node, parse_node
from harken.fleet.ray.process import RayProcess
from harken.fleet.site import Lost
from harken.log import get_log

_SPAWN_S = 60.0
_AGAIN_S = 0.5
_LOSSES_MOST = 5
"""A node that dies takes an instance with it once or twice, until Ray knows of it."""

_log = get_log("fleet.ray")


class Seat:
    """One instance's place.

    Args:
        name: of the instance.
        link: to the bridge.
        variables: of its process.
        changed: told when it waits, or for something else.
    """

    def __init__(self, name: str, link: Link, variables: Mapping[str, str], changed: Callable[[], None]) -> None:
        self._name = name
        self._link = link
        self._variables = variables
        self._changed = changed
        self._life: Life | None = None
        self._node: Node | None = None
        self._waits_because = ""
        self._lost_because = ""
        self._refused_because = ""
        self.given_up_because = ""
        self.lacks_room = False

    async def enter(self, instance: str) -> bool:
        """Wait until it is placed; False: it cannot be, as `given_up_because` says."""
        self.given_up_because = ""
        losses = 0
        try:
            while True:
                self._note_waiting("" if self._link.is_connected else f"It waits for Ray. {self._link.down_because}")
                await self._link.connected()
                self._note_waiting("")
                life = self._link.place(instance)
                if await self._is_placed(life):
                    self._refused_because = ""
                    return True
                losses += self._link.is_connected
                if losses > _LOSSES_MOST:
                    self.given_up_because = f"Ray lost it {losses} times before it could start: {self._lost_because}"
                if self.given_up_because:
                    self._refused_because = self.given_up_because
                    return False
                await asyncio.sleep(_AGAIN_S)
        finally:
            self._note_waiting("")

    def release(self) -> None:
        """It keeps its place as long as it runs; Ray counts."""

    def held_because(self, instance: str) -> str:
        """What it waits for; "" where that is nothing but its turn with Ray."""
        last = f" The last try: {self._refused_because}" if self._refused_because else ""
        if self._life is not None and not last:
            return self._waits_because  # it had a place, and whoever keeps it knows why it lost that
        return self._waits_because or f"It waits for a place in the Ray cluster.{last}"

    def tell(self, event: DeviceEvent, instance: str = "", *, reason: str = "") -> None:
        """What becomes of it says nothing of where Ray will place it next."""

    async def spawn(self) -> RayProcess:
        """Start its process where it was placed.

        Raises:
            OSError: it cannot be started.
            Lost: its place is gone.
        """
        life, node = self._life, self._node
        assert life is not None, "it was let in"
        assert node is not None, "with its node"
        life.order(Do.START, self._variables_on(node))
        try:
            async with asyncio.timeout(_SPAWN_S):
                told = await life.next()
        except TimeoutError:
            life.order(Do.KILL)
            raise OSError(f"The Ray node {node.address} did not start it within {_SPAWN_S:g} s.") from None
        if told.kind in (Kind.LOST, Kind.CUT):
            raise Lost(told.text, is_blameless=told.kind is Kind.CUT)
        if told.kind is not Kind.STARTED:
            raise OSError(told.text)
        _log.info("ray.started", instance=self._name, node=node.address, node_id=node.node, pid=told.text)
        return RayProcess(life)

    async def _is_placed(self, life: Life) -> bool:
        try:
            while True:
                told = await life.next()
                if told.kind is Kind.WAITS:
                    _log.info("ray.waits", instance=self._name, reason=told.text)
                    self._note_waiting(told.text)
                elif told.kind is Kind.PLACED:
                    return self._take(life, parse_node(told.text))
                elif told.kind is Kind.REFUSED:
                    self.given_up_because = f"Ray could not place it: {told.text}"
                    return False
                else:  # its node died with it, or the bridge: that is no fault of the instance's
                    self._lost_because = told.text
                    _log.warning("ray.lost", instance=self._name, reason=told.text)
                    return False
        except asyncio.CancelledError:
            life.order(Do.KILL)
            raise

    def _take(self, life: Life, node: Node) -> bool:
        if node.version != harken.__version__:
            life.order(Do.KILL)
            self.given_up_because = (
                f"The Ray node {node.address} has Harken {node.version}, this gateway {harken.__version__}: "
                "install the same on all nodes."
            )
            return False
        _log.info("ray.placed", instance=self._name, node=node.address, node_id=node.node, gpus=list(node.gpus))
        self._life, self._node = life, node
        return True

    def _variables_on(self, node: Node) -> dict[str, str]:
        return {**self._variables, "HARKEN_INSTANCE_HOST": node.address}

    def _note_waiting(self, sentence: str) -> None:
        if sentence != self._waits_because:
            self._waits_because = sentence
            self.lacks_room = bool(sentence)
            self._changed()
