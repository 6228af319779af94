"""The rival: a second try of one segment, which may begin while the first goes on.

It is told how to get a slot and how to make a try, and decides neither. The first success, or the first text that the
client hears, wins; the loser is ended down to its slot. That one of the two fails changes nothing for the other.
Invariant: when its `async with` is left, the second try has ended and its slot is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

from harken.dispatch.targets.target import Claim
from harken.errors import HarkenError
from harken.types import Transcript

_AGAIN_S = 0.1
"""When there was no slot for it, it asks again after this."""


class Rival:
    """A second try, beginning `after_s` seconds after now, or never.

    Args:
        first: the first try's claim; cut when the second has won.
        after_s: how long the first is left alone.
        enter: gets a slot elsewhere if there may be a second try now.
        attempt: makes a try; raises `HarkenError`.

    Attributes:
        has_won: it succeeded while the first was running.
        error: how it failed.
    """

    def __init__(
        self,
        *,
        first: Claim,
        after_s: float,
        enter: Callable[[], Claim | None],
        attempt: Callable[[Claim], Awaitable[Transcript]],
    ) -> None:
        self._first = first
        self._after_s = after_s
        self._enter = enter
        self._attempt = attempt
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Transcript | None] | None = None
        self.has_won = False
        self.error: HarkenError | None = None

    async def __aenter__(self) -> Rival:
        self._timer = asyncio.get_running_loop().call_later(self._after_s, self._consider)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        if self._task is not None:
            await asyncio.wait((self._task,))
            if not self._task.cancelled() and (defect := self._task.exception()) is not None:
                raise defect

    def stop(self) -> None:
        """End it, or let it never begin."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            self._task.cancel()

    def on_first_text(self, speaker: object) -> None:
        """The client hears one of the two: the other is of no use any more."""
        if speaker is self._first:
            self.stop()
        else:
            self._win()

    async def result(self) -> Transcript | None:
        """What became of it, once it has begun; None where it has not, or failed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is None:
            return None
        await asyncio.wait((self._task,))
        return None if self._task.cancelled() else self._task.result()

    def _consider(self) -> None:
        loop = asyncio.get_running_loop()
        claim = self._enter()
        if claim is None:
            self._timer = loop.call_later(_AGAIN_S, self._consider)
            return
        self._timer = None
        self._task = loop.create_task(self._run(claim))
        # A task that is cancelled before its first step never gets to its `with`.
        self._task.add_done_callback(lambda _: claim.release())

    async def _run(self, claim: Claim) -> Transcript | None:
        with claim:
            try:
                transcript = await self._attempt(claim)
            except HarkenError as error:
                self.error = error
                return None
        self._win()
        return transcript

    def _win(self) -> None:
        self.has_won = True
        self._first.beat()
