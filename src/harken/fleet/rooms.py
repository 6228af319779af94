"""How much memory is left for further instances, on which device, and how busy the GPUs are.

Looks at the machine now and then, in a thread, because a driver may take seconds to answer. What an instance needs it
learns from instances that run, else from whoever was handed in to estimate it. The invariant: what is not known is
None, and then nobody is kept from starting anything.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harken.config import InstanceConfig
from harken.fleet.local import LocalFleet
from harken.fleet.memory_check import Need, Place, Room, room_for_one, with_spare
from harken.fleet.phases import Phase
from harken.fleet.placing import CPU
from harken.log import get_log
from harken.machine.gpus import own_gpus
from harken.machine.memory import own_memory
from harken.machine.process import held_bytes
from harken.machine.visible import visible_gpus

INTERVAL_S = 10.0

Estimate = Callable[[InstanceConfig], Need | None]
"""What such an instance will need, by its model's shape; None unknown. Reads files."""

_log = get_log("fleet.rooms")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    free_bytes: Mapping[str, int] = field(default_factory=dict)
    gpu_share: float | None = None
    further: int | None = None


class Rooms:
    """What is known of memory.

    Args:
        local: the instances.
        estimate: what one needs.
        env: the variables of this process.
    """

    def __init__(self, local: LocalFleet, estimate: Estimate, env: Mapping[str, str] | None = None) -> None:
        self._local = local
        self._estimate = estimate
        self._env = os.environ if env is None else env
        self._seen = _Seen()

    @property
    def further(self) -> int | None:
        """For how many more instances there was room at the last look."""
        return self._seen.further

    @property
    def gpu_share(self) -> float | None:
        """The busy part of the busiest GPU at the last look, 0 to 1."""
        return self._seen.gpu_share

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            try:
                self._seen = await asyncio.to_thread(self._look)
            except Exception:  # noqa: BLE001 - the edge of this task: not knowing is no reason to end the gateway
                _log.exception("rooms.look_failed")
                self._seen = _Seen()
            await asyncio.sleep(INTERVAL_S)

    async def for_one(self, model: str, *, may_replace: bool) -> Room:
        """Say whether an instance of a model fits beside those there are; looks now.

        Args:
            model: as `--model` has it.
            may_replace: whether taking one down first is a way out that has not been chosen already.
        """
        instance = self._local.laid_next(model)
        return await asyncio.to_thread(self._for_one, instance, may_replace=may_replace)

    def _for_one(self, instance: InstanceConfig, *, may_replace: bool) -> Room:
        group = self._local.group_of(instance.device)
        need = self._need(instance, group)
        if need is None:
            return Room(fits=True, need_bytes=0, free_bytes=None)
        beside = [name for name in self._local.names() if self._is_on(name, group)]
        place = Place(
            device=group,
            free_bytes=self._free(group),
            instances=len(beside),
            each_bytes=self._each(group) or need.bytes,
        )
        return room_for_one(need, place, may_replace=may_replace)

    def _look(self) -> _Seen:
        groups = {self._local.group_of(kind) for kind in self._local.kinds}
        gpus = own_gpus().gpus if groups != {CPU} else ()
        shares = [gpu.busy_share for gpu in gpus if gpu.busy_share is not None]
        return _Seen(gpu_share=max(shares, default=None), further=self._further(groups))

    def _further(self, groups: set[str]) -> int | None:
        if not self._local.model:
            return None
        count = 0
        for group in groups:
            need, free = self._need(self._local.laid_next(self._local.model), group), self._free(group)
            if need is None or free is None or need.bytes <= 0:
                return None
            count += free // with_spare(need.bytes)
        return count

    def _need(self, instance: InstanceConfig, group: str) -> Need | None:
        """By what runs already of the same model, else by its shape; None where neither is known."""
        estimated = self._estimate(instance)
        same = instance.model == self._local.model
        measured = self._each(group) if same else None
        if estimated is None:
            return None if measured is None else Need(estimated_bytes=measured, measured_bytes=measured)
        return Need(
            estimated_bytes=estimated.estimated_bytes,
            measured_bytes=measured,
            slots=estimated.slots,
            slot_bytes=estimated.slot_bytes,
            quantized_bytes=estimated.quantized_bytes,
        )

    def _each(self, group: str) -> int | None:
        """What the largest ready instance of a group holds; on a GPU nobody is asked that, so it is not known."""
        if group != CPU:
            return None
        pids = (line.pid for line in self._local.instances() if line.state == Phase.READY.value)
        held = (held_bytes(pid) for pid in pids if pid is not None)
        return max((one for one in held if one is not None), default=None)

    def _free(self, group: str) -> int | None:
        if group == CPU:
            return own_memory().available_bytes
        gpus = visible_gpus(own_gpus().gpus, self._env.get("CUDA_VISIBLE_DEVICES"))
        number = group.partition(":")[2]
        at = int(number) if number.isdecimal() else 0
        return gpus[at].free_bytes if at < len(gpus) and not gpus[at].problem else None

    def _is_on(self, name: str, group: str) -> bool:
        return self._local.phase(name) not in (Phase.STOPPED, Phase.BROKEN) and (
            self._local.group_of(self._local.laid(name).device) == group
        )
