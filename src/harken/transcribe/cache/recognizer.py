"""The recognizer with a memory: asks the stores first, then joins whoever asks the same, then lets recognise.

Owns the order of these, and the flights. Invariants: one name is in flight once among askers who may share it; only a
whole answer (`Finish.STOP`) of the model that is still being served is kept; and an answer that was kept equals the one
that the model gave, the name of the instance included.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable

from harken.clock import Clock
from harken.errors import DeadlineExceeded, Draining, HarkenError
from harken.log import get_log
from harken.transcribe.cache.counts import Counts
from harken.transcribe.cache.flight import Flight, is_for_all
from harken.transcribe.cache.key import key_of
from harken.transcribe.cache.memory import Memory
from harken.transcribe.cache.packing import is_whole, pack, unpack
from harken.transcribe.cache.shared import Shared, turn
from harken.types import ModelInfo, Options, Recognizer, Requester, Segment, Send, Transcript

_FOLLOWED = 2
"""Flights of others that one asker waits for at most; then he asks for himself."""

_GRACE_S = 0.1

_log = get_log("cache")


class CachedRecognizer:
    """Implements `Recognizer` over another one.

    Args:
        recognizer: recognises what is not known.
        memory: the first level.
        shared: the second; None for none.
        scope: whose answers an asker may get.
        clock: for the ages of what is kept, and deadlines.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        *,
        memory: Memory,
        shared: Shared | None,
        scope: Callable[[Requester], str],
        clock: Clock,
    ) -> None:
        self._recognizer = recognizer
        self._memory = memory
        self._shared = shared
        self._scope = scope
        self._clock = clock
        self._flights: dict[bytes, Flight] = {}
        self._tasks: dict[Flight, asyncio.Task[None]] = {}
        self._is_closed = False
        self.counts = Counts()

    async def close(self) -> None:
        """End what is still in flight: whoever still waits is told that the server goes. Nothing runs afterwards."""
        if self._tasks:
            # What has just failed beneath knows the reason better than we do.
            await asyncio.wait(self._tasks.values(), timeout=_GRACE_S)
        self._is_closed = True
        for flight, task in self._tasks.items():
            if not flight.has_ended:  # of others only the second level has not heard yet
                flight.end(Draining())
                task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def model(self) -> ModelInfo:
        """See `harken.types.Recognizer`."""
        return await self._recognizer.model()

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """See `harken.types.Recognizer`; `is_cached` of the transcript says whether a model ran for it.

        Raises:
            DeadlineExceeded: the asker's own deadline came.
            HarkenError: of the recognition.
        """
        try:
            async with asyncio.timeout(_left_s(segment.requester, self._clock.now())) as patience:
                return await self._answer(segment, options, send)
        except TimeoutError as error:
            if not patience.expired():
                raise
            raise DeadlineExceeded from error

    # --- one asker ----------------------------------------------------------------------------------------------------

    async def _answer(self, segment: Segment, options: Options, send: Send | None) -> Transcript:
        info = await self._recognizer.model()
        key = await key_of(segment, options, info, self._scope(segment.requester))
        for tries in range(_FOLLOWED + 1):
            known = self._recall(key, segment, options)
            if known is not None:
                self.counts.hits += 1
                return known
            flight = self._flights.get(key)
            if flight is None or not flight.suits(segment) or tries == _FOLLOWED:
                return await self._lead(key, info, segment, options, send)
            answer = await self._follow(flight, segment, send)
            if answer is not None:
                self.counts.joined += 1
                return dataclasses.replace(answer, is_cached=True)
        raise AssertionError("whoever followed often enough leads")

    def _recall(self, key: bytes, segment: Segment, options: Options) -> Transcript | None:
        value = self._memory.get(key, self._clock.now())
        if value is None:
            return None
        known = unpack(key, value, segment, options)
        if known is None:
            self._memory.drop(key)
            return None
        return dataclasses.replace(known, is_cached=True)

    async def _lead(
        self, key: bytes, info: ModelInfo, segment: Segment, options: Options, send: Send | None
    ) -> Transcript:
        if self._is_closed:
            raise Draining
        flight = Flight(segment, options, is_streamed=send is not None, on_abandoned=lambda it: self._abandon(key, it))
        self._flights[key] = flight
        # No task group: it would make the failure of a server's block into a group of failures.
        task = self._tasks[flight] = asyncio.create_task(self._fly(key, info, flight))
        # Not in the task itself: one that is cancelled before its first step never gets there.
        task.add_done_callback(lambda _: self._tasks.pop(flight))
        return await flight.wait(send)

    async def _follow(self, flight: Flight, segment: Segment, send: Send | None) -> Transcript | None:
        """The answer of somebody else's flight; None where he should try again himself."""
        is_told = False

        def tell(text: str) -> None:
            nonlocal is_told
            is_told = True
            assert send is not None
            send(text)

        try:
            return await flight.wait(None if send is None else tell)
        except HarkenError as error:
            if is_for_all(error, flight, segment, is_told=is_told):
                raise
            return None

    # --- one flight ---------------------------------------------------------------------------------------------------

    async def _fly(self, key: bytes, info: ModelInfo, flight: Flight) -> None:
        try:
            if self._shared is None:
                await self._recognize(key, info, flight)
            else:
                await self._ask_others(self._shared, key, info, flight)
        except asyncio.CancelledError:
            flight.end(Draining())
            raise
        except HarkenError as error:
            flight.end(error)
        except Exception as error:  # noqa: BLE001 - the edge of a task: those who wait learn of the defect
            flight.end(error)
        finally:
            self._remove(key, flight)

    async def _ask_others(self, shared: Shared, key: bytes, info: ModelInfo, flight: Flight) -> None:
        async with turn(shared, key, flight.segment.requester, clock=self._clock) as found:
            if found is not None and await self._end_with(found, shared, key, flight):
                return
            value = await self._recognize(key, info, flight)
            if value is not None:
                # Whoever waits here has the answer already.
                await shared.write(key, value)

    async def _end_with(self, value: bytes, shared: Shared, key: bytes, flight: Flight) -> bool:
        """End a flight with what others found out; False where it is nothing that can be believed."""
        known = unpack(key, value, flight.segment, flight.options)
        if known is None:
            _log.warning("cache.poisoned", key=key.hex()[:16], bytes=len(value))
            await shared.forget(key)
            return False
        self.counts.hits += 1
        self._keep(key, value)
        self._remove(key, flight)
        flight.end(dataclasses.replace(known, is_cached=True))
        return True

    async def _recognize(self, key: bytes, info: ModelInfo, flight: Flight) -> bytes | None:
        """Let the flight end with what the model says; return what is worth keeping."""
        self.counts.misses += 1
        send = flight.tell if flight.is_streamed else None
        transcript = await self._recognizer.recognize(_outlasting(flight.segment), flight.options, send)
        value = None
        if is_whole(transcript, flight.segment, flight.options) and await self._still_serves(info):
            value = pack(key, transcript)
        if value is not None:
            self._keep(key, value)
        self._remove(key, flight)
        flight.end(dataclasses.replace(transcript, is_cached=False))
        return value

    async def _still_serves(self, info: ModelInfo) -> bool:
        """Whether the name that was made of this model is that of an answer which came now."""
        try:
            now = await self._recognizer.model()
        except HarkenError:
            return False
        return (info.name, info.revision, info.aligner) == (now.name, now.revision, now.aligner)

    def _keep(self, key: bytes, value: bytes) -> None:
        self._memory.put(key, value, self._clock.now())

    def _abandon(self, key: bytes, flight: Flight) -> None:
        self._remove(key, flight)
        self._tasks[flight].cancel()

    def _remove(self, key: bytes, flight: Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


def _outlasting(segment: Segment) -> Segment:
    """The same for as long as anybody waits: who asked first has his deadline, and others may have more time."""
    if segment.requester.deadline is None:
        return segment
    return dataclasses.replace(segment, requester=dataclasses.replace(segment.requester, is_bound=False))


def _left_s(requester: Requester, now: float) -> float | None:
    return None if requester.ends_at is None else max(0.0, requester.ends_at - now)
