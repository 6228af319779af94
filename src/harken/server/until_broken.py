"""A recognizer that stops waiting when there is nothing left to wait for.

The dispatcher holds requests while instances start, for minutes if need be: for the model's name, and, because an
instance tells that before its canary was heard, for a slot too. When every instance turns out to be broken at start,
those requests would wait in vain: here they end at once, with the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harken.errors import NoReadyInstance
from harken.types import ModelInfo, Options, Recognizer, Segment, Send, Transcript


class UntilBroken:
    """Passes everything on to `recognizer` until `give_up`."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self._reason = ""
        self._waits: set[asyncio.Timeout] = set()

    def give_up(self, reason: str) -> None:
        """End every wait, now and from now on."""
        self._reason = reason
        for wait in self._waits:
            wait.reschedule(asyncio.get_running_loop().time())

    async def model(self) -> ModelInfo:
        """See `harken.types.Recognizer`.

        Raises:
            NoReadyInstance: none became ready in time, or none ever can.
        """
        async with self._waiting():
            return await self._recognizer.model()

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """See `harken.types.Recognizer`.

        Raises:
            NoReadyInstance: none became ready in time, or none ever can.
        """
        async with self._waiting():
            return await self._recognizer.recognize(segment, options, send)

    @asynccontextmanager
    async def _waiting(self) -> AsyncIterator[None]:
        if self._reason:
            raise NoReadyInstance(self._reason)
        try:
            async with asyncio.timeout(None) as wait:
                self._waits.add(wait)
                try:
                    yield
                finally:
                    self._waits.discard(wait)
        except TimeoutError as error:
            if not wait.expired():
                raise
            raise NoReadyInstance(self._reason) from error
