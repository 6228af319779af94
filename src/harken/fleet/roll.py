"""`roll`: from what an operator wishes to a plan, its judges and, in the end, what is remembered.

It owns the order: look whether there is room, collect what the old model hears, let `Rolling` do its work, and settle
what runs from now on. The invariant: what is remembered as the fleet's model is the one that alone is in service.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harken.config import Config
from harken.dispatch.dispatcher import Dispatcher
from harken.dispatch.lines.line import Missed
from harken.dispatch.lines.session import open_session
from harken.dispatch.lines.wire_line import WireLine
from harken.errors import ClientError
from harken.fleet.changes import Changes
from harken.fleet.elsewhere import AnyRooms
from harken.fleet.local import LocalFleet
from harken.fleet.one_change import Tell
from harken.fleet.phases import Phase
from harken.fleet.refusals import NoRoom, RolledBack
from harken.fleet.roll_actions import Outcome
from harken.fleet.rolling import Rolling, RollJudges, RollTimes
from harken.fleet.rollout import Plan
from harken.fleet.shadow import ShadowLimits, judge
from harken.fleet.shadow_sampler import ShadowSampler
from harken.fleet.successor import losses
from harken.fleet.traffic_watch import Call, TrafficLimits, watch
from harken.log import get_log
from harken.types import ModelInfo

if TYPE_CHECKING:
    from aiohttp import ClientSession

_LOOK_S = 0.5
_SHADOW_S = 600.0
_ADMIT_S = 60.0
_LOOK_TIMEOUT_S = 5.0

_log = get_log("fleet.roll")


@dataclass(frozen=True, kw_only=True, slots=True)
class RollWish:
    """What an operator wants.

    Attributes:
        model: the new one, as `--model` has it.
        is_replacing: one old instance goes before its successor comes.
        shadow: segments that the first new instance recognises for a trial; 0 for none.
        shadow_wait_s: how long to wait for them in the traffic, before packaged recordings fill the sample.
        watch_s: how long the first new instance is watched in traffic; 0 for not at all.
        accepts_losses: whether the new model may lack what the old one has: languages, an aligner, long segments.
        slowdown: so many times slower than the old model is too slow in traffic; in the sample where that is wider.
    """

    model: str
    is_replacing: bool = False
    shadow: int = 20
    shadow_wait_s: float = 20.0
    watch_s: float = 30.0
    accepts_losses: bool = False
    slowdown: float = TrafficLimits().slowdown


class Roll:
    """Rolls a fleet, one wish at a time.

    Args:
        config: time limits.
        local: the instances.
        changes: what should run.
        dispatcher: the traffic.
        rooms: memory.
    """

    def __init__(
        self, config: Config, local: LocalFleet, changes: Changes, dispatcher: Dispatcher, rooms: AnyRooms
    ) -> None:
        self._config = config
        self._local = local
        self._changes = changes
        self._dispatcher = dispatcher
        self._rooms = rooms
        self._rolling: Rolling | None = None

    def stop(self) -> bool:
        """Have the roll under way go back; False where there is none."""
        if self._rolling is None:
            return False
        self._rolling.stop()
        return True

    async def run(self, wish: RollWish, tell: Tell) -> dict[str, Any]:
        """Roll; return what came of it.

        Raises:
            ClientError: nothing is in service that could be replaced.
            NoRoom: memory does not allow it; the message says what would.
            RolledBack: the new model would not do; the old one is in service.
        """
        await self._changes.settle()
        old = self._changes.in_service()
        if not old:
            raise ClientError(
                "No instance is in service that could be compared: start one first, with harken scale; a sleeping "
                "fleet wakes for a recording."
            )
        await self._check_room(wish)
        new = self._local.free_names(len(old))
        self._local.check(new, wish.model)
        plan = Plan(
            old=old,
            new=new,
            down=tuple(name for name in old if self._local.phase(name) is not Phase.READY),
            broken=tuple(name for name in old if self._local.phase(name) is Phase.BROKEN),
            surge=not wish.is_replacing,
            shadow=max(wish.shadow, 1),  # also where there is no sample the model is asked what it can do
            watch_s=wish.watch_s,
        )
        sampler = ShadowSampler(wanted=wish.shadow, is_old=lambda name: name in plan.old)
        self._dispatcher.listen(sampler.note)
        try:
            async with open_session() as session:
                judges = self._judges(wish, plan, sampler, session, tell)
                rolling = Rolling(
                    self._local,
                    self._dispatcher,
                    plan,
                    model=wish.model,
                    judges=judges,
                    times=self._times(wish),
                    tell=tell,
                )
                self._rolling = rolling
                end = await rolling.run()
        finally:
            self._rolling = None
            self._dispatcher.listen(None)
            sampler.close()
        return self._settle(wish, plan, end.outcome, end.reason)

    async def _check_room(self, wish: RollWish) -> None:
        if wish.is_replacing:
            return
        room = await self._rooms.for_one(wish.model, may_replace=True)
        if not room.fits:
            ways = " ".join(f"{number}. {remedy}" for number, remedy in enumerate(room.remedies, start=1))
            raise NoRoom(f"{room.reason} {f'What would help: {ways}' if ways else ''}".strip())

    def _times(self, wish: RollWish) -> RollTimes:
        fleet = self._config.fleet
        return RollTimes(
            start_s=fleet.start_timeout_s * (fleet.start_retries + 1),
            shadow_s=wish.shadow_wait_s + _SHADOW_S,
            admit_s=_ADMIT_S,
            watch_s=wish.watch_s * (TrafficLimits().patience + 1) + _ADMIT_S,
            drain_s=self._config.instance.drain_timeout_s,
        )

    def _judges(
        self, wish: RollWish, plan: Plan, sampler: ShadowSampler, session: ClientSession, tell: Tell
    ) -> RollJudges:
        limits = ShadowLimits(slowdown=max(ShadowLimits().slowdown, wish.slowdown))
        model_before = self._dispatcher.known_model
        collected = asyncio.Event()

        async def prepare(_: str) -> str:
            if not wish.shadow:
                return ""
            ready = [name for name in plan.old if self._local.phase(name) is Phase.READY]
            line = WireLine(self._local.url(ready[0]), session) if ready else None
            await sampler.collect(line, wait_s=wish.shadow_wait_s)
            collected.set()
            return ""

        async def shadow(name: str) -> str:
            line = WireLine(self._local.url(name), session)
            if lacking := await _lacking(model_before, line, wish):
                return lacking
            if not wish.shadow:
                return ""
            if not collected.is_set():
                await prepare("")
            tell(f"{name} recognises the shadow sample")
            pairs = await sampler.run(line)
            verdict = await asyncio.to_thread(judge, pairs, limits)
            _log.info("roll.shadow", instance=name, is_good=verdict.is_good, reason=verdict.reason)
            return "" if verdict.is_good else f"The shadow sample came out badly. {verdict.reason}"

        async def in_traffic(name: str) -> str:
            began, before = time.monotonic(), self._dispatcher.traffic()
            traffic_limits = TrafficLimits(slowdown=wish.slowdown)
            while True:
                await asyncio.sleep(_LOOK_S)
                verdict = watch(
                    before,
                    self._dispatcher.traffic(),
                    new={name},
                    elapsed_s=time.monotonic() - began,
                    watch_s=wish.watch_s,
                    limits=traffic_limits,
                )
                if verdict.call is not Call.KEEP_WATCHING:
                    _log.info("roll.traffic", instance=name, is_good=verdict.call is Call.GOOD, reason=verdict.reason)
                    return "" if verdict.call is Call.GOOD else f"It does badly in traffic. {verdict.reason}"

        return RollJudges(prepare=prepare, shadow=shadow, watch=in_traffic)

    def _settle(self, wish: RollWish, plan: Plan, outcome: Outcome, reason: str) -> dict[str, Any]:
        """Strike out what is gone, and remember what runs."""
        is_new = outcome is Outcome.DONE or (
            outcome is Outcome.FAILED and any(self._local.phase(name) is Phase.READY for name in plan.new)
        )
        for name in plan.new if is_new else ():
            self._local.keep(name)
        for name in plan.old if is_new else plan.new:
            if name in self._local.names() and self._local.phase(name) in (Phase.STOPPED, Phase.BROKEN):
                self._local.forget(name)
        if is_new:
            self._changes.adopt(wish.model)
        if outcome is not Outcome.DONE:
            raise RolledBack(reason or "The roll was not finished.")
        return {"model": wish.model, "instances": list(plan.new), "replaced": list(plan.old)}


async def _lacking(before: ModelInfo | None, line: WireLine, wish: RollWish) -> str:
    """What the new model cannot do that the old one can, as sentences; "" where that is accepted."""
    state = await line.look(_LOOK_TIMEOUT_S)
    if before is None or isinstance(state, Missed) or state.model is None:
        return ""
    lacking = losses(before, state.model)
    for sentence in lacking:
        _log.warning("roll.loss", model=state.model.name, loss=sentence)
    return "" if wish.accepts_losses or not lacking else f"{' '.join(lacking)} With --accept-losses it is taken."


def wish_of(request: dict[str, Any]) -> RollWish:
    """Read a wish from plain fields.

    Raises:
        ClientError: a field that is unknown, of another kind, or out of its range.
    """
    wish = RollWish(model="")
    ranges = {"shadow": (0, 1000), "shadow_wait_s": (0, 3600), "watch_s": (0, 86_400), "slowdown": (1, 1000)}
    for name, value in request.items():
        if name == "model":
            is_right = isinstance(value, str) and bool(value.strip()) and len(value) < 4096 and value.isprintable()
        elif name in ("is_replacing", "accepts_losses"):
            is_right = isinstance(value, bool)
        elif name in ranges:
            least, most = ranges[name]
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            is_right = is_number and least <= value <= most and (name != "shadow" or isinstance(value, int))
        else:
            raise ClientError(f"Unknown field {name!r}.")
        if not is_right:
            raise ClientError(f"roll cannot do with {value!r} as {name!r}.")
        wish = replace(wish, **{name: value})
    if not wish.model:
        raise ClientError("roll wants a 'model'.")
    return wish
