"""The dispatcher: a `Recognizer` whose models are in other processes.

A segment waits here, not in an instance, until a slot is free on a ready target (late binding); then it is relayed, and
tried again elsewhere as long as nothing of it has reached the client. The decisions are made in the pure modules beside
this one. Invariant: every accepted segment ends exactly once, with a transcript, one error or its caller's leaving; at
the end nothing waits, nothing runs and every slot is back.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType

from harken.clock import Clock, SystemClock
from harken.config import DispatchConfig, FleetConfig, LimitsConfig
from harken.dispatch.draining import until_empty
from harken.dispatch.lines.line import OpenLine
from harken.dispatch.lines.session import open_session
from harken.dispatch.lines.wire_line import WireLine
from harken.dispatch.load import Load
from harken.dispatch.lookout import Lookout
from harken.dispatch.news import News
from harken.dispatch.order.pace import Pace
from harken.dispatch.order.room import Room
from harken.dispatch.reception import Reception, until_ready
from harken.dispatch.recognized import OnRecognized
from harken.dispatch.recovery.hedge import HedgeRule
from harken.dispatch.runner import Runner
from harken.dispatch.stats import Stats
from harken.dispatch.targets.choice import policy_named
from harken.dispatch.targets.pool import OnUnresponsive, Pool
from harken.dispatch.targets.traffic import Traffic, traffic_of
from harken.dispatch.targets.vitals import Patience
from harken.dispatch.waiting import WaitingRoom
from harken.errors import HarkenError
from harken.events import Tell, nobody
from harken.types import InstanceHealth, ModelInfo, Options, Requester, Segment, Send, Transcript


class Dispatcher:
    """Recognises segments on whichever target is free.

    Args:
        limits: of the queue, the waits and the attempts.
        fleet: how often and how patiently instances are looked at.
        dispatch: the choice of targets, and the shares of further and of second tries; None for the defaults.
        clock: seconds for deadlines, rests and the measured pace.
        on_unresponsive: gets the name of a target that has fallen silent or failed its canary, and which of them, so
            that its owner can replace it.
        silence_s: an instance that sends nothing for so long during a segment has failed it.
        hedges: which segments are late, and get a second try.
        tell: takes each wait for a slot and each try that is over.

    Raises:
        ConfigError: `dispatch.policy` is not known.
    """

    def __init__(
        self,
        limits: LimitsConfig,
        fleet: FleetConfig,
        dispatch: DispatchConfig | None = None,
        *,
        clock: Clock | None = None,
        on_unresponsive: OnUnresponsive | None = None,
        silence_s: float = 6.0,
        hedges: HedgeRule | None = None,
        tell: Tell = nobody,
    ) -> None:
        self._tell = tell
        self._limits = limits
        self._fleet = fleet
        self._dispatch = dispatch or DispatchConfig()
        self._rule = hedges or HedgeRule()
        self._clock = clock or SystemClock()
        self._silence_s = silence_s
        self._pool = Pool(
            Patience(missed_looks=fleet.probe_failures, eject_share=self._dispatch.eject_share),
            clock=self._clock,
            on_change=self._look_around,
            policy=policy_named(self._dispatch.policy),
            bulk_policy=policy_named(self._dispatch.policy),
        )
        self._pool.on_unresponsive = on_unresponsive
        self._pace = Pace()
        self._waiting = WaitingRoom(limits=limits, pool=self._pool, pace=self._pace, clock=self._clock)
        self._stats = Stats()
        self._news = News()
        self._is_open = False
        self._used_at = self._clock.now()

    # --- life -----------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Dispatcher:
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(open_session(secrets.token_hex(8)))
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            self._session = session
            self._lookout = Lookout(
                pool=self._pool,
                fleet=self._fleet,
                tasks=tasks,
                on_news=self._look_around,
                clock=self._clock,
                canary_interval_s=self._dispatch.canary_interval_s,
            )
            self._reception = Reception(
                known=lambda: self._lookout.model, news=self._news, timeout_s=self._limits.queue_timeout_s
            )
            self._runner = Runner(
                limits=self._limits,
                dispatch=self._dispatch,
                rule=self._rule,
                waiting=self._waiting,
                pool=self._pool,
                pace=self._pace,
                clock=self._clock,
                stats=self._stats,
                news=self._news,
                hurry=self._lookout.hurry,
                tell=self._tell,
            )
            self._ticking = tasks.create_task(self._waiting.run())
            self._is_open = True
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_open = False
        try:
            self._waiting.close()
            self._runner.close()
            for target in tuple(self._pool):
                self.remove_target(target.name)
            await self._news.until(lambda: not self._runner.open)
        finally:
            self._ticking.cancel()
            # A cancellation may come from a task of ours that broke; only the group can tell. Any other error of the
            # block is the block's own, and a group would wrap it.
            if isinstance(error, asyncio.CancelledError):
                await self._stack.__aexit__(kind, error, traceback)
            else:
                await self._stack.aclose()

    # --- for the owner of the instances ---------------------------------------------------------------------------

    def add_target(self, name: str, url: str, open_line: OpenLine | None = None, *, weight: float = 1.0) -> None:
        """Take in an instance that runs or will soon run at an address; it gets work once it says that it is ready.

        One of the same name is taken away first, so that a restarted process never inherits what is known of the old.

        Args:
            name: in logs, answers and /health.
            url: its address.
            open_line: makes the line to it; None: by the wire protocol, as an instance of ours.
            weight: its share of the work under the weighted policies.
        """
        assert self._is_open, "targets belong to a running dispatcher"
        self.remove_target(name)
        open_line = open_line or partial(WireLine, url, silence_s=self._silence_s, stall_s=self._dispatch.stall_s)
        self._lookout.watch(self._pool.add(name, url, open_line(self._session), weight=weight))

    def remove_target(self, name: str) -> None:
        """Forget an instance, at the latest when its process has ended; what runs on it goes elsewhere.

        An unknown name is no error: the owner and the dispatcher may notice the same death.
        """
        target = self._pool.get(name)
        if target is not None:
            self._lookout.forget(target)
            self._pool.remove(name)

    def drain_target(self, name: str) -> None:
        """Give an instance nothing more; what it has may finish (`wait_drained` tells when nothing is left)."""
        self._pool.drain(name)

    async def wait_drained(self, name: str, timeout_s: float) -> bool:
        """Wait until nothing runs on an instance; what still does after `timeout_s` seconds goes elsewhere.

        Returns:
            False when something had to be taken away from it. An unknown name has nothing.
        """
        target = self._pool.get(name)
        return target is None or await until_empty(target, self._news, timeout_s)

    def takes_work(self, name: str) -> bool:
        """Whether an instance would be given work now; False for an unknown name."""
        target = self._pool.get(name)
        return target is not None and target.takes_work

    async def wait_held(self) -> None:
        """Wait until somebody waits though there is no target at all."""

        def is_held() -> bool:
            return not len(self._lookout) and (len(self._waiting) > 0 or self._reception.asking > 0)

        await self._news.until(is_held)

    async def wait_in_service(self, name: str) -> None:
        """Wait until an instance takes work; for ever, where it never does."""

        def takes_work() -> bool:
            target = self._pool.get(name)
            return target is not None and target.takes_work

        await self._news.until(takes_work)

    @property
    def on_unresponsive(self) -> OnUnresponsive | None:
        """Who is told of a target that has just fallen silent or failed its canary; it must not block."""
        return self._pool.on_unresponsive

    @on_unresponsive.setter
    def on_unresponsive(self, callback: OnUnresponsive | None) -> None:
        self._pool.on_unresponsive = callback

    def listen(self, on_recognized: OnRecognized | None) -> None:
        """Have somebody told of each recognised segment from now on; None, as at the start: nobody."""
        self._runner.listen(on_recognized)

    def traffic(self) -> tuple[Traffic, ...]:
        """What each target has done, for whoever compares them."""
        now = self._clock.now()
        return tuple(traffic_of(target, now) for target in self._pool)

    async def wait_ready(self, timeout_s: float, *, count: int = 1) -> None:
        """Wait until so many targets are ready.

        Raises:
            NoReadyInstance: too few of them after `timeout_s` seconds.
        """
        await until_ready(self._news, lambda: self._pool.ready >= count, timeout_s)

    def health(self) -> tuple[InstanceHealth, ...]:
        """Every target, in the order in which they were added."""
        return tuple(target.health() for target in self._pool)

    @property
    def queued_audio_s(self) -> float:
        """Seconds of audio that wait for a slot."""
        return self._waiting.audio_s

    @property
    def room(self) -> Room:
        """What waits for a slot, by class, and how much may."""
        return self._waiting.room

    @property
    def oldest_wait_s(self) -> float:
        """How long the segment has waited that came first, in seconds; 0 where none waits."""
        return self._waiting.oldest_wait_s

    @property
    def is_shut(self) -> bool:
        """Every target said itself that it takes nothing for longer than a segment may wait."""
        return self._waiting.is_shut

    @property
    def in_flight(self) -> int:
        """Segments that occupy a slot."""
        return self._pool.in_flight

    @property
    def ready(self) -> int:
        """How many targets are ready."""
        return self._pool.ready

    def load(self, names: Collection[str]) -> Load:
        """What there is to do at this moment.

        Args:
            names: of the targets whose slots count; others may be somebody else's.
        """
        now = self._clock.now()
        ready = [target for target in self._pool if target.is_ready]
        ours = [target for name in names if (target := self._pool.get(name)) is not None]
        return Load(
            waiting=len(self._waiting),
            asking=self._reception.asking,
            queued_audio_s=self._waiting.audio_s,
            oldest_wait_s=self._waiting.oldest_wait_s,
            in_flight=sum(target.in_flight for target in ours),
            ready=len(ready),
            slots=sum(target.limit if target.capacity.is_found else target.slots for target in ours if target.is_ready),
            rtfx=self._pace.rtfx(now),
            full_rtfx=self._pace.full_rtfx(now),
            idle_s=0.0 if self._runner.open or self._reception.asking else now - self._used_at,
        )

    def stats(self) -> Stats:
        """What was done so far."""
        return self._stats.snapshot(ejections=self._pool.ejections)

    @property
    def known_model(self) -> ModelInfo | None:
        """What the ready targets serve, or served; None before any told. Waits for nobody."""
        return self._lookout.model if self._is_open else None

    # --- for clients: the Recognizer ------------------------------------------------------------------------------

    async def model(self) -> ModelInfo:
        """Tell what the ready targets serve; waits while the first instance starts, at most `queue_timeout_s`.

        Raises:
            NoReadyInstance: no instance told in time.
            QueueFull: too many wait for that already.
        """
        self._tell_if_alone()
        return self._lookout.model or await self._reception.model()

    def refusal(self, requester: Requester) -> HarkenError | None:
        """Tell whether a new recording of this requester would be refused now, so that nobody uploads it in vain.

        Returns:
            The error that even its shortest recording would get; None if it would get a slot or a place.
        """
        return self._reception.refusal() or self._waiting.refusal(requester)

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """Recognise one segment on some target.

        Args:
            segment: not longer than `model().max_segment_s`.
            options: language and context.
            send: gets the text as it comes. Once it was called there is no other attempt.

        Raises:
            QueueFull: too much waits, and it is its recording's first segment; `retry_after_s` says when all that will
                be worked off.
            NoReadyInstance: no target was ready within `queue_timeout_s`.
            DeadlineExceeded: the requester's deadline came while it waited.
            TimedOut: no slot within `queue_timeout_s`, or the last attempt took too long.
            HarkenError: of the last attempt.
        """
        self._tell_if_alone()
        try:
            return await self._runner.recognize(segment, options, send)
        finally:
            self._used_at = self._clock.now()

    def _tell_if_alone(self) -> None:
        """Where there is no target, whoever owns instances may wait to hear that somebody wants one."""
        if not len(self._lookout):
            asyncio.get_running_loop().call_soon(self._news.spread)

    def _look_around(self) -> None:
        """A slot may be free, or a target ready: see who waits for that."""
        self._waiting.assign()
        self._news.spread()
