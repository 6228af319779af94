"""The fleet as the autoscaler sees it: one moment in numbers, and a count that can be set.

It joins what the dispatcher knows (what waits, what runs, how fast), what the fleet knows (who is ready, how long a
start takes) and what the machine says. The invariant: while an operator changes the fleet the autoscaler does not, and
a model that cannot start is not started again and again without a pause.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from harken.clock import Clock
from harken.dispatch.load import Load
from harken.fleet.changes import Changes
from harken.fleet.local import LocalFleet
from harken.fleet.one_change import OneChange
from harken.fleet.phases import Phase
from harken.fleet.refusals import ChangeFailed, FleetBusy
from harken.fleet.sample import Sample
from harken.log import get_log

_COMING = frozenset({Phase.WAITING, Phase.STARTING, Phase.KILLING})
_PAUSE_S = 30.0
_PAUSE_MAX_S = 900.0

_log = get_log("fleet.scaled")


Share = Callable[[], float | None]
"""A busy part, 0 to 1; None unknown. Returns at once."""


class Scaled:
    """What `Autoscaling` looks at and changes.

    Args:
        local: the instances.
        changes: changes them.
        one: whether an operator does so just now.
        load: what there is to do at this moment, as the dispatcher knows; the slots of these instances count.
        cpu_share: the busy part of the machine's cores.
        gpu_share: the same of its busiest GPU.
        room: for how many further instances memory has room; None unknown.
        cores: that the instances share, where they compute on the CPU; None where they do not.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        local: LocalFleet,
        changes: Changes,
        one: OneChange,
        *,
        load: Callable[[Collection[str]], Load],
        cpu_share: Share,
        gpu_share: Share,
        room: Callable[[], int | None],
        cores: int | None,
        clock: Clock,
    ) -> None:
        self._local = local
        self._changes = changes
        self._one = one
        self._load = load
        self._cpu_share = cpu_share
        self._gpu_share = gpu_share
        self._room = room
        self._cores = cores
        self._clock = clock
        self._failures = 0
        self._not_before = 0.0
        self._failed_because = ""

    @property
    def is_busy(self) -> bool:
        """An operator changes the fleet just now: what it looks like says nothing."""
        return bool(self._one.under_way)

    def sample(self) -> Sample:
        """This moment, in numbers."""
        wanted = self._changes.in_service()
        load = self._load(wanted)
        phases = [self._local.phase(name) for name in wanted]
        ready = phases.count(Phase.READY)
        rtfx = load.full_rtfx or load.rtfx
        return Sample(
            now=self._clock.now(),
            wanted=len(wanted),
            ready=ready,
            # Who waits for room may wait for days: a load that is over is no reason to go on wishing.
            starting=sum(
                phase in _COMING and not self._local.lacks_room(name)
                for name, phase in zip(wanted, phases, strict=True)
            ),
            slots=load.slots,
            in_flight=load.in_flight,
            queued_audio_s=load.queued_audio_s,
            oldest_wait_s=load.oldest_wait_s,
            held=load.asking + load.waiting if not wanted else 0,
            pace=None if rtfx is None or not load.ready else rtfx / load.ready,
            start_s=self._local.start_s,
            cpu_share=self._cpu_share(),
            gpu_share=self._gpu_share(),
            room=self._room(),
            last_request_s=load.idle_s,
            cores=self._cores,
        )

    async def scale(self, count: int, reason: str) -> None:
        """Have so many instances from now on; returns at once.

        Raises:
            FleetBusy: an operator changes the fleet just now.
            ChangeFailed: the last new ones could not start, a moment ago.
        """
        if self._one.under_way:
            raise FleetBusy(f"Under way is: {self._one.under_way}.")
        now = self._clock.now()
        is_more = count > len(self._changes.in_service())
        if is_more and now < self._not_before:
            raise ChangeFailed(f"{self._failed_because} The next try comes in {self._not_before - now:.0f} s.")
        tasks = self._changes.resize(count, lambda sentence: _log.info("autoscale.progress", progress=sentence))
        for task in tasks if is_more else ():
            task.add_done_callback(lambda ended: None if ended.cancelled() else self._note(ended.result()))

    def _note(self, failure: str) -> None:
        """Remember what came of one that was to start."""
        if not failure:
            self._failures = 0
            return
        self._failures += 1
        self._failed_because = failure
        self._not_before = self._clock.now() + min(_PAUSE_S * 2.0 ** min(self._failures - 1, 16), _PAUSE_MAX_S)
        _log.error("autoscale.start_failed", reason=failure, pause_s=self._not_before - self._clock.now())
