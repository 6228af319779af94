"""The machine as it was a moment ago: CPU, memory, GPUs, looked at now and then beside the event loop.

What has to be waited for is waited for in a thread, so that a look at the result costs nothing. The invariant: no
driver, however broken, holds the event loop; and where there is no GPU nobody asks for one twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from harken.machine.cores import own_cores
from harken.machine.gpus import Gpus, own_gpus
from harken.machine.load import CpuMeter
from harken.machine.memory import Memory, own_memory
from harken.telemetry.look import GpuLook, MachineLook

INTERVAL_S = 2.0


class MachineWatch:
    """Looks at the machine.

    Args:
        cpu: the busy part since it was last asked, 0 to 1.
        memory: of the machine.
        gpus: asks the driver; may block for seconds.
        interval_s: between two looks.
    """

    def __init__(
        self,
        *,
        cpu: Callable[[], float | None] | None = None,
        memory: Callable[[], Memory] = own_memory,
        gpus: Callable[[], Gpus] = own_gpus,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._cpu = cpu or CpuMeter().read
        self._memory = memory
        self._gpus = gpus
        self._interval_s = interval_s
        self._has_gpus = True
        self._look = MachineLook(cores=own_cores().usable)

    @property
    def look(self) -> MachineLook:
        """What was seen last."""
        return self._look

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._look_once()
            await asyncio.sleep(self._interval_s)

    async def _look_once(self) -> None:
        found = await asyncio.to_thread(self._gpus) if self._has_gpus else Gpus()
        self._has_gpus = found.has_library
        memory = self._memory()
        total, available = memory.total_bytes, memory.available_bytes
        self._look = MachineLook(
            cores=self._look.cores,
            cpu_busy=self._cpu(),
            memory_bytes=None if total is None or available is None else max(0, total - available),
            memory_total_bytes=total,
            gpus=tuple(
                GpuLook(
                    index=gpu.index,
                    name=gpu.name,
                    busy=gpu.busy_share,
                    memory_bytes=gpu.used_bytes,
                    memory_total_bytes=gpu.total_bytes,
                )
                for gpu in found.gpus
            ),
        )
