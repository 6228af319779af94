"""How much memory is left for further instances, on which device, and how busy the GPUs are.

Looks at the machine now and then, in a thread, because a driver may take seconds to answer. What an instance needs it
learns from instances that run, else from whoever was handed in to estimate it. The invariant: what is not known is
None, and then nobody is kept from starting anything.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harken.config import InstanceConfig
from harken.errors import ConfigError
from harken.fleet.local import LocalFleet
from harken.fleet.memory_check import Need, Place, Room, room_for_one, with_spare
from harken.fleet.phases import Phase
from harken.fleet.placing import CPU
from harken.log import get_log
from harken.machine.gpus import Gpu, own_gpus
from harken.machine.memory import own_memory
from harken.machine.process import held_bytes
from harken.machine.visible import visible_gpus

INTERVAL_S = 10.0

Estimate = Callable[[InstanceConfig], Need | None]
"""What such an instance will need, by its model's shape; None unknown. Reads files."""

_log = get_log("fleet.rooms")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    gpu_share: float | None = None
    further: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _There:
    """The fleet at one moment.

    Attributes:
        following: how one more instance would be started; None where it cannot be.
        is_same: that one is of the model that runs.
        groups: of devices.
        pids: of ready instances, by group.
        instances: that hold memory, by group.
    """

    following: InstanceConfig | None
    is_same: bool
    groups: tuple[str, ...]
    pids: Mapping[str, Sequence[int]]
    instances: Counter[str]


class Rooms:
    """What is known of memory.

    Args:
        local: the instances.
        estimate: what one needs.
        model: what further instances would be of.
        env: the variables of this process.
    """

    def __init__(
        self,
        local: LocalFleet,
        estimate: Estimate,
        *,
        model: Callable[[], str],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._local = local
        self._estimate = estimate
        self._model = model
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
                there = self._look_here(self._model())
                self._seen = await asyncio.to_thread(self._look, there)
            except Exception:  # noqa: BLE001 - the edge of this task: not knowing is no reason to end the gateway
                _log.exception("rooms.look_failed")
                self._seen = _Seen()
            await asyncio.sleep(INTERVAL_S)

    async def count(self) -> int | None:
        """For how many more instances there is room now; None where nobody knows."""
        return (await asyncio.to_thread(self._look, self._look_here(self._model()))).further

    async def for_one(self, model: str, *, may_replace: bool) -> Room:
        """Say whether an instance of a model fits beside those there are; looks now.

        Args:
            model: as `--model` has it.
            may_replace: whether taking one down first is a way out that has not been chosen already.
        """
        return await asyncio.to_thread(self._for_one, self._look_here(model), may_replace=may_replace)

    def _look_here(self, model: str) -> _There:
        """What the fleet knows, on the event loop that changes it."""
        try:
            following = self._local.laid_next(model)
        except ConfigError:
            following = None  # there is no port for it
        groups = tuple(dict.fromkeys(self._local.group_of(kind) for kind in self._local.kinds))
        pids: dict[str, list[int]] = {group: [] for group in groups}
        counts: Counter[str] = Counter()
        for line in self._local.instances():
            group = self._local.group_of(self._local.laid(line.name).device)
            counts[group] += line.state not in (Phase.STOPPED.value, Phase.BROKEN.value)
            if line.state == Phase.READY.value and line.pid is not None:
                pids.setdefault(group, []).append(line.pid)
        return _There(
            following=following, is_same=model == self._local.model, groups=groups, pids=pids, instances=counts
        )

    def _for_one(self, there: _There, *, may_replace: bool) -> Room:
        if there.following is None:
            return Room(fits=True, need_bytes=0, free_bytes=None)  # the lack of a port is told by whoever starts it
        group = self._local.group_of(there.following.device)
        need = self._need(there, there.following, group)
        if need is None:
            return Room(fits=True, need_bytes=0, free_bytes=None)
        place = Place(
            device=group,
            free_bytes=self._free(group, _gpus((group,))),
            instances=there.instances[group],
            each_bytes=_each(there, group) or need.bytes,
        )
        return room_for_one(need, place, may_replace=may_replace)

    def _look(self, there: _There) -> _Seen:
        gpus = _gpus(there.groups)
        shares = [gpu.busy_share for gpu in gpus if gpu.busy_share is not None]
        return _Seen(gpu_share=max(shares, default=None), further=self._further(there, gpus))

    def _further(self, there: _There, gpus: Sequence[Gpu]) -> int | None:
        if there.following is None:
            return 0
        count = 0
        for group in there.groups:
            needed, free = self._needed_bytes(there, there.following, group), self._free(group, gpus)
            if not needed or free is None:
                return None
            count += max(0, free) // with_spare(needed)
        return count

    def _needed_bytes(self, there: _There, instance: InstanceConfig, group: str) -> int | None:
        """As `_need` has it; where an instance that runs tells, no file of the model is read."""
        measured = _each(there, group) if there.is_same else None
        if measured is not None:
            return measured
        estimated = self._estimate(instance)
        return None if estimated is None else estimated.bytes

    def _need(self, there: _There, instance: InstanceConfig, group: str) -> Need | None:
        """By what runs already of the same model, else by its shape; None where neither is known."""
        estimated = self._estimate(instance)
        measured = _each(there, group) if there.is_same else None
        if estimated is None:
            return None if measured is None else Need(estimated_bytes=measured, measured_bytes=measured)
        return replace(estimated, measured_bytes=measured)

    def _free(self, group: str, gpus: Sequence[Gpu]) -> int | None:
        if group == CPU:
            return own_memory().available_bytes
        visible = visible_gpus(gpus, self._env.get("CUDA_VISIBLE_DEVICES"))
        number = group.partition(":")[2]
        at = int(number) if number.isdecimal() else 0
        return visible[at].free_bytes if at < len(visible) and not visible[at].problem else None


def _gpus(groups: Sequence[str]) -> tuple[Gpu, ...]:
    """What the driver tells; nobody asks it, which may take seconds, where all compute on the CPU."""
    return own_gpus().gpus if set(groups) != {CPU} else ()


def _each(there: _There, group: str) -> int | None:
    """What the largest ready instance of a group holds; on a GPU nobody is asked that, so it is not known."""
    if group != CPU:
        return None
    held = (held_bytes(pid) for pid in there.pids.get(group, ()))
    return max((one for one in held if one is not None), default=None)
