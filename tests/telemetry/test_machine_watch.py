"""Rules of harken.telemetry.machine_watch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from harken.machine.gpus import Gpu, Gpus
from harken.machine.memory import Memory
from harken.telemetry.look import GpuLook
from harken.telemetry.machine_watch import MachineWatch

MEMORY = Memory(total_bytes=100, available_bytes=30)


async def seen(watch: MachineWatch, enough: Callable[[], bool]) -> None:
    """Let it look until it is enough."""
    running = asyncio.create_task(watch.run())
    async with asyncio.timeout(5.0):
        while not enough():
            await asyncio.sleep(0.001)
    running.cancel()


def test_cpu_memory_and_gpus_are_as_they_were_a_moment_ago() -> None:
    """What the driver does not tell stays unknown."""
    gpus = Gpus(gpus=(Gpu(index=1, name="H200", total_bytes=10, used_bytes=4, busy_share=0.5),), has_library=True)
    watch = MachineWatch(cpu=lambda: 0.25, memory=lambda: MEMORY, gpus=lambda: gpus, interval_s=0.001)
    asyncio.run(seen(watch, lambda: bool(watch.look.gpus)))
    look = watch.look
    assert (look.cpu_busy, look.memory_bytes, look.memory_total_bytes) == (0.25, 70, 100)
    assert look.gpus == (GpuLook(index=1, name="H200", busy=0.5, memory_bytes=4, memory_total_bytes=10),)


def test_where_there_is_no_gpu_nobody_asks_twice() -> None:
    """Each question may load a library."""
    asked = 0
    looks = 0

    def gpus() -> Gpus:
        nonlocal asked
        asked += 1
        return Gpus()

    def memory() -> Memory:
        nonlocal looks
        looks += 1
        return MEMORY

    watch = MachineWatch(cpu=lambda: None, memory=memory, gpus=gpus, interval_s=0.001)
    asyncio.run(seen(watch, lambda: looks >= 5))
    assert asked == 1


def test_a_system_that_does_not_say_is_unknown() -> None:
    """None, rather than nothing held."""
    unknown = Memory(total_bytes=None, available_bytes=None)
    watch = MachineWatch(cpu=lambda: 0.1, memory=lambda: unknown, gpus=Gpus, interval_s=0.001)
    asyncio.run(seen(watch, lambda: watch.look.cpu_busy is not None))
    assert watch.look.memory_bytes is None
