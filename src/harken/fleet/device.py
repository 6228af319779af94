"""A device as those see it who want to load on it: so many places, and a health of its own.

Holds back and lets in; what it is to do `DeviceHealth` decides. Whoever is let in holds a place until it is released.
The invariant: a change of the health reaches everybody who waits, in the same breath.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from harken.clock import Clock, SystemClock
from harken.fleet.device_health import Answer, DeviceEvent, DeviceHealth, DeviceState
from harken.log import get_log

_log = get_log("fleet.device")


class Device:
    """One device and the instances that share it.

    Args:
        name: of the device.
        starts: how many of its instances may load at the same time.
        health: None for a device whose instances do not share a fate, as the CPU.
        clock: for the times of failures.
        prepare: awaited before anybody is let in.
        on_given_up: called with the reason, once.
    """

    def __init__(
        self,
        name: str,
        *,
        starts: int,
        health: DeviceHealth | None = None,
        clock: Clock | None = None,
        prepare: Callable[[], Awaitable[None]] | None = None,
        on_given_up: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.name = name
        self._places = asyncio.Semaphore(starts)
        self._health = health
        self._clock = clock or SystemClock()
        self._prepare = prepare
        self._on_given_up = on_given_up
        self._changed = asyncio.Event()
        self.given_up_because = ""
        self.lacks_room = False

    async def enter(self, instance: str) -> bool:
        """Wait until an instance may load here; True: it holds a place now. False: nobody may, ever again."""
        while True:
            while (answer := self._ask(instance)) is Answer.HOLD:
                await self._changed.wait()
            if answer is Answer.REFUSE:
                return False
            if self._prepare is not None:
                await self._prepare()
            await self._places.acquire()
            # Meanwhile others may have failed: then it is not this one's turn any more, or never will be.
            if self._ask(instance) is Answer.ADMIT:
                self.tell(DeviceEvent.LOADING, instance)
                return True
            self._places.release()

    def release(self) -> None:
        """Give a place back."""
        self._places.release()

    def held_because(self, instance: str) -> str:
        """What one that waits here waits for, as a sentence."""
        health = self._health
        if health is not None and health.state is DeviceState.PROBED and health.probe != instance:
            return f"It waits until another instance has shown that {self.name} works."
        return "It waits for its turn to load."

    def tell(self, event: DeviceEvent, instance: str = "", *, reason: str = "") -> None:
        """Take in what happened to an instance.

        Args:
            event: what.
            instance: which; "" where it happened to all.
            reason: one sentence, for a failure.
        """
        if self._health is None:
            return
        before = self._health.state
        self._health.on(event, instance, self._clock.now())
        if self._health.state is not before:
            self._note_change(before, instance, reason)

    def _ask(self, instance: str) -> Answer:
        if self._health is None:
            return Answer.ADMIT
        before = self._health.state
        answer = self._health.on(DeviceEvent.ASKED, instance, self._clock.now())
        if self._health.state is not before:
            self._note_change(before, instance, "")
        return answer

    def _note_change(self, before: DeviceState, instance: str, reason: str) -> None:
        assert self._health is not None, "only a health changes"
        state = self._health.state
        if state is DeviceState.PROBED:
            if before is DeviceState.WELL:
                _log.warning("device.suspect", device=self.name, instance=instance, reason=reason)
            _log.info("device.probed", device=self.name, instance=self._health.probe)
        elif state is DeviceState.WELL:
            _log.info("device.well", device=self.name, instance=instance)
        else:
            _log.warning(f"device.{state.value}", device=self.name, instance=instance, reason=reason)
        self.given_up_because = ""
        if state is DeviceState.GIVEN_UP:
            self.given_up_because = (
                f"The device {self.name} is given up: several of its instances failed together, then "
                f"{self._health.failed_probes} starts of one at a time. The last was {instance}: {reason}"
            )
            self._on_given_up(self.given_up_because)
        self._changed.set()
        self._changed = asyncio.Event()
