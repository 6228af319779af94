"""Drives a roll over real sockets: a dispatcher, scripted instances that appear and vanish, and constant traffic.

What a local fleet does with processes is done here with servers in this process; everything that decides is the real
thing. It keeps no time: nothing here may take long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from harken.dispatch.dispatcher import Dispatcher
from harken.dispatch.lines.session import open_session
from harken.dispatch.lines.wire_line import WireLine
from harken.fleet.roll_actions import Action, RollDo
from harken.fleet.roll_stages import RollEvent, Stage
from harken.fleet.rollout import Rollout
from harken.fleet.shadow import judge
from harken.fleet.shadow_sampler import ShadowSampler
from harken.fleet.traffic_watch import Call, TrafficLimits, watch
from harken.types import Options
from tests.dispatch.instances import Instance, Script, make_segment

LIMITS = TrafficLimits(segments=10)


class Driver:
    """One roll.

    Args:
        dispatcher: knows the old instances already.
        roll: which is carried out.
        sampler: listens to the dispatcher.
        make: a new instance of that name, or an old one again.
    """

    def __init__(
        self, dispatcher: Dispatcher, roll: Rollout, sampler: ShadowSampler, make: Callable[[str], Instance]
    ) -> None:
        self.dispatcher = dispatcher
        self.roll = roll
        self.sampler = sampler
        self.make = make
        self.instances: dict[str, Instance] = {}
        self.news: asyncio.Queue[tuple[RollEvent, str, str]] = asyncio.Queue()
        self.least_ready = 99
        self.done: list[tuple[RollDo, str]] = []

    async def run(self) -> Action:
        """Carry it out; returns its END."""
        actions = self.roll.start()
        async with asyncio.TaskGroup() as tasks:
            while True:
                for action in actions:
                    self.done.append((action.do, action.name))
                    if action.do is RollDo.END:
                        return action
                    tasks.create_task(self._do(action))
                event, name, reason = await self.news.get()
                actions = self.roll.on(event, name, reason)

    async def _do(self, action: Action) -> None:
        name = action.name
        match action.do:
            case RollDo.PREPARE:
                await self._collect()
                self._say(RollEvent.PREPARED)
            case RollDo.START:
                await self._start(name)
                self._say(RollEvent.READY, name)
            case RollDo.SHADOW:
                await self._shadow(name)
            case RollDo.ADMIT | RollDo.RESTORE:
                if action.do is RollDo.RESTORE:
                    await self._start(name)
                self.dispatcher.add_target(name, self.instances[name].url)
                await self._until(lambda: self._is_ready(name))
                self._say(RollEvent.READY if action.do is RollDo.RESTORE else RollEvent.ADMITTED, name)
            case RollDo.WATCH:
                await self._watch(name)
            case RollDo.REMOVE:
                self.dispatcher.drain_target(name)
                await self.dispatcher.wait_drained(name, 5.0)
                self.dispatcher.remove_target(name)
                await self.instances.pop(name).vanish()
                self._say(RollEvent.GONE, name)
            case _:
                pass

    def _say(self, event: RollEvent, name: str = "", reason: str = "") -> None:
        self.news.put_nowait((event, name, reason))

    async def _start(self, name: str) -> None:
        self.instances[name] = self.make(name)
        await self.instances[name].listen()

    async def _collect(self) -> None:
        await self.sampler.collect(None, wait_s=10.0)

    async def _shadow(self, name: str) -> None:
        await self._collect()
        async with open_session() as session:
            pairs = await self.sampler.run(WireLine(self.instances[name].url, session))
        verdict = await asyncio.to_thread(judge, pairs)
        self._say(RollEvent.SHADOW_GOOD if verdict.is_good else RollEvent.SHADOW_BAD, reason=verdict.reason)

    async def _watch(self, name: str) -> None:
        clock, before = asyncio.get_running_loop().time, self.dispatcher.traffic()
        began, call = clock(), Call.KEEP_WATCHING
        while call is Call.KEEP_WATCHING and self.roll.stage is Stage.WATCHING:
            await asyncio.sleep(0.02)  # between two looks at the counts; the verdict ends the wait
            now, elapsed_s = self.dispatcher.traffic(), clock() - began
            verdict = watch(before, now, new={name}, elapsed_s=elapsed_s, watch_s=0.2, limits=LIMITS)
            call = verdict.call
        if call is not Call.KEEP_WATCHING:
            event = RollEvent.TRAFFIC_GOOD if call is Call.GOOD else RollEvent.TRAFFIC_BAD
            self._say(event, name, verdict.reason)

    def _is_ready(self, name: str) -> bool:
        return any(line.name == name and line.state == "ready" for line in self.dispatcher.health())

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0)

    async def talk(self) -> int:
        """Send segment after segment, and see how many serve; returns how many were recognised, each of them."""
        count = 0
        try:
            while True:
                count += 1
                transcript = await self.dispatcher.recognize(make_segment(f"req-{count}", seed=count % 50), Options())
                assert transcript.text
                ready = sum(line.state == "ready" for line in self.dispatcher.health())
                self.least_ready = min(self.least_ready, ready)
        except asyncio.CancelledError:
            return count


def failing_in_traffic(name: str) -> Instance:
    """A new instance that does well as long as nobody looks, in its shadow sample."""

    class TwoFaced(Instance):
        """Fails what clients send."""

        @property
        def script(self) -> Script:
            """By the request id of the last job."""
            is_ours = not self.seen or self.seen[-1].startswith("shadow")
            return Script.ANSWER if is_ours else Script.ENGINE_FAILS

        @script.setter
        def script(self, value: Script) -> None:
            pass

    return TwoFaced(name)
