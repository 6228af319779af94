"""The dispatcher: a `Recognizer` whose models are in other processes.

A segment waits here, not in an instance, until a slot is free on a ready target (late binding); then it is relayed, and
tried again elsewhere as long as nothing of it has reached the client. The decisions are made in the pure modules beside
this one. Invariant: every accepted segment ends exactly once, with a transcript, one error or its caller's leaving; at
the end nothing waits, nothing runs and every slot is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType

from harken.clock import Clock, SystemClock
from harken.config import FleetConfig, LimitsConfig
from harken.dispatch.attempt import Outlet, Pending
from harken.dispatch.health import Policy
from harken.dispatch.line import Line
from harken.dispatch.lookout import Lookout
from harken.dispatch.pace import Pace
from harken.dispatch.pool import OnUnresponsive, Pool
from harken.dispatch.runner import Runner, ids, what
from harken.dispatch.session import open_session
from harken.dispatch.waiting import NOT_READY_RETRY_AFTER_S, WaitingRoom
from harken.dispatch.wire_line import WireLine
from harken.errors import ClientError, HarkenError, NoReadyInstance, QueueFull
from harken.log import get_log
from harken.types import InstanceHealth, ModelInfo, Options, Requester, Segment, Send, Transcript
from harken.wire import Job

_ASKING_MAX = 256
"""Requests that may wait for the first instance: nobody knows their audio yet, and each of them holds an upload."""

_log = get_log("dispatch.dispatcher")


class Dispatcher:
    """Recognises segments on whichever target is free.

    Args:
        limits: of the queue, the waits and the attempts.
        fleet: how often and how patiently instances are looked at.
        clock: seconds for deadlines, rests and the measured pace.
        on_unresponsive: gets the name of a target that has fallen silent, so that its owner can replace it.
        silence_s: an instance that sends nothing for so long during a segment has failed it.
    """

    def __init__(
        self,
        limits: LimitsConfig,
        fleet: FleetConfig,
        *,
        clock: Clock | None = None,
        on_unresponsive: OnUnresponsive | None = None,
        silence_s: float = 6.0,
    ) -> None:
        self._limits = limits
        self._fleet = fleet
        self._clock = clock or SystemClock()
        self._silence_s = silence_s
        self._pool = Pool(
            policy=Policy(missed_looks=fleet.probe_failures), clock=self._clock, on_change=self._look_around
        )
        self._pool.on_unresponsive = on_unresponsive
        self._pace = Pace()
        self._waiting = WaitingRoom(limits=limits, pool=self._pool, pace=self._pace, clock=self._clock)
        self._open: set[Pending] = set()
        self._asking = 0
        self._changed = asyncio.Event()
        self._is_open = False

    # --- life -----------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Dispatcher:
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(open_session())
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            self._session = session
            self._lookout = Lookout(pool=self._pool, fleet=self._fleet, tasks=tasks, on_news=self._look_around)
            self._runner = Runner(
                limits=self._limits,
                waiting=self._waiting,
                pool=self._pool,
                pace=self._pace,
                clock=self._clock,
                hurry=self._lookout.hurry,
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
            for target in tuple(self._pool):
                self.remove_target(target.name)
            while self._open:
                await self._changed.wait()
        finally:
            self._ticking.cancel()
            # A cancellation may come from a task of ours that broke; only the group can tell. Any other error of the
            # block is the block's own, and a group would wrap it.
            if isinstance(error, asyncio.CancelledError):
                await self._stack.__aexit__(kind, error, traceback)
            else:
                await self._stack.aclose()

    # --- for the owner of the instances ---------------------------------------------------------------------------

    def add_target(self, name: str, url: str, line: Line | None = None, *, weight: float = 1.0) -> None:
        """Take in an instance that runs or will soon run at an address; it gets work once it says that it is ready.

        One of the same name is taken away first, so that a restarted process never inherits what is known of the old.

        Args:
            name: in logs, answers and /health.
            url: its address.
            line: how it is talked to; None: by the wire protocol, as an instance of ours.
            weight: its share of the work under the weighted policies.
        """
        assert self._is_open, "targets belong to a running dispatcher"
        self.remove_target(name)
        line = line or WireLine(url, self._session, silence_s=self._silence_s)
        self._lookout.watch(self._pool.add(name, url, line, weight=weight))

    def remove_target(self, name: str) -> None:
        """Forget an instance, at the latest when its process has ended; what runs on it goes elsewhere.

        An unknown name is no error: the owner and the dispatcher may notice the same death.
        """
        target = self._pool.get(name)
        if target is not None:
            self._lookout.forget(target)
            self._pool.remove(name)

    def drain_target(self, name: str) -> None:
        """Give an instance nothing more; what it has may finish (`health()` shows when nothing is left)."""
        self._pool.drain(name)

    @property
    def on_unresponsive(self) -> OnUnresponsive | None:
        """Who is told the name of a target that has just fallen silent; it must not block."""
        return self._pool.on_unresponsive

    @on_unresponsive.setter
    def on_unresponsive(self, callback: OnUnresponsive | None) -> None:
        self._pool.on_unresponsive = callback

    async def wait_ready(self, timeout_s: float, *, count: int = 1) -> None:
        """Wait until so many targets are ready.

        Raises:
            NoReadyInstance: too few of them after `timeout_s` seconds.
        """
        await self._wait_for(lambda: self._pool.ready >= count, timeout_s)

    def health(self) -> tuple[InstanceHealth, ...]:
        """Every target, in the order in which they were added."""
        return tuple(target.health() for target in self._pool)

    @property
    def queued_audio_s(self) -> float:
        """Seconds of audio that wait for a slot."""
        return self._waiting.audio_s

    @property
    def in_flight(self) -> int:
        """Segments that occupy a slot."""
        return self._pool.in_flight

    # --- for clients: the Recognizer ------------------------------------------------------------------------------

    async def model(self) -> ModelInfo:
        """Tell what the ready targets serve; waits while the first instance starts, at most `queue_timeout_s`.

        Raises:
            NoReadyInstance: no instance told in time.
            QueueFull: too many wait for that already.
        """
        if (model := self._lookout.model) is not None:
            return model
        if self._asking >= _ASKING_MAX:
            raise self._too_many_ask()
        self._asking += 1
        try:
            await self._wait_for(lambda: self._lookout.model is not None, self._limits.queue_timeout_s)
        finally:
            self._asking -= 1
        model = self._lookout.model
        assert model is not None, "a model that is known is not forgotten"
        return model

    def refusal(self, requester: Requester) -> HarkenError | None:
        """Tell whether a new recording of this requester would be refused now, so that nobody uploads it in vain.

        Returns:
            The error that even its shortest recording would get; None if it would get a slot or a place.
        """
        if self._lookout.model is None and self._asking >= _ASKING_MAX:
            return self._too_many_ask()
        return self._waiting.refusal(requester)

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
        now = self._clock.now()
        pending = Pending(
            audio_s=segment.audio_s,
            recording_s=segment.recording_s,
            requester=segment.requester,
            arrival=now,
            deadline=now + self._limits.queue_timeout_s,
            # A recording is accepted with its first segment. Refused in its middle, all work on it would be lost.
            is_accepted=segment.index > 0,
        )
        job = Job(segment=segment, options=options, wants_deltas=send is not None)
        self._open.add(pending)
        try:
            return await self._runner.run(pending, job, Outlet(send))
        except HarkenError as error:
            log = _log.info if isinstance(error, ClientError | QueueFull) else _log.warning
            log("segment.failed", **ids(job), **what(error), tries=pending.tally.tries)
            raise
        finally:
            self._open.discard(pending)
            self._notify()

    def _too_many_ask(self) -> QueueFull:
        told = f"{self._asking} requests wait for the first instance already."
        return QueueFull(told, retry_after_s=NOT_READY_RETRY_AFTER_S)

    # --- news and waiting for it ----------------------------------------------------------------------------------

    async def _wait_for(self, condition: Callable[[], bool], timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    await self._changed.wait()
        except TimeoutError as error:
            raise NoReadyInstance(
                f"Too few instances became ready within {timeout_s:g} s.", retry_after_s=NOT_READY_RETRY_AFTER_S
            ) from error

    def _look_around(self) -> None:
        """A slot may be free, or a target ready: see who waits for that."""
        self._waiting.assign()
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
