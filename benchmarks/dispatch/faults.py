"""What is done to the instances while requests arrive; times are shares of the time that the arrivals fill."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.dispatch.play import Meanwhile
from benchmarks.dispatch.servers import House, Server, terminate


class Fault(StrEnum):
    """What goes wrong; its text goes into the table."""

    HALF = "half"
    """One instance has half the speed of the others from the beginning."""
    KILL = "kill"
    """One is killed (SIGKILL) after a quarter, and started again at half time."""
    STOP = "stop"
    """One is stopped (SIGSTOP) after a quarter, and goes on at half time."""
    ROLLING = "rolling"
    """From a fifth on, one after another is asked to leave (SIGTERM) and started again when it has."""


LABELS = {
    Fault.HALF: "one instance at half speed",
    Fault.KILL: "one killed, restarted later",
    Fault.STOP: "one stopped for a while",
    Fault.ROLLING: "rolling restart of all",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Mischief:
    """A fault that is about to happen.

    Attributes:
        fault: which.
        house: where the instances live.
        instances: all four; the last one is the victim where it is one.
        seconds: that the arrivals fill.
    """

    fault: Fault
    house: House
    instances: Sequence[Server]
    seconds: float

    def meanwhile(self) -> Meanwhile:
        """What to do while requests arrive."""
        return {Fault.HALF: self._nothing, Fault.KILL: self._kill, Fault.STOP: self._stop, Fault.ROLLING: self._roll}[
            self.fault
        ]

    async def _nothing(self) -> None:
        pass

    async def _kill(self) -> None:
        victim = self.instances[-1]
        await asyncio.sleep(self.seconds * 0.25)
        victim.process.kill()
        await asyncio.to_thread(victim.process.wait)
        await asyncio.sleep(self.seconds * 0.25)
        await asyncio.to_thread(self.house.restart, victim)

    async def _stop(self) -> None:
        victim = self.instances[-1]
        await asyncio.sleep(self.seconds * 0.25)
        victim.process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(self.seconds * 0.25)
        finally:
            victim.process.send_signal(signal.SIGCONT)

    async def _roll(self) -> None:
        await asyncio.sleep(self.seconds * 0.2)
        for instance in self.instances:
            await asyncio.to_thread(terminate, instance)
            await asyncio.to_thread(self.house.restart, instance)
