"""A line to an upstream of which nobody said how it is talked to.

An instance of ours is an upstream as well, and the wire protocol serves it better: exact samples, words, beats. So one
way is tried after the other until one is answered, and again after the server was away. Invariant: a segment goes only
the way on which the last answered look went.
"""

from __future__ import annotations

from dataclasses import replace

from harken.dispatch.lines.failures import Unreached
from harken.dispatch.lines.line import Line, Missed
from harken.types import Send, Transcript
from harken.wire import ALONE, Crowd, InstanceState, Job


class EitherLine:
    """Talks to a server in whichever way it answers.

    Args:
        first: tried first.
        second: tried where that is not answered; its reason is told where it is not answered either.
    """

    def __init__(self, first: Line, second: Line) -> None:
        self._first = first
        self._second = second
        self._chosen: Line | None = None
        self._is_sure = False

    @property
    def crowd(self) -> Crowd:
        """Who else uses it, as the chosen line has it."""
        return ALONE if self._chosen is None else self._chosen.crowd

    async def recognize(self, job: Job, send: Send) -> Transcript:
        """Have it recognise one segment, as the chosen line has it.

        What the server calls itself is not passed on: two elsewhere may have the same name, and here it has its own.
        """
        return replace(await self._line().recognize(job, send), instance="")

    async def look(self, timeout_s: float) -> InstanceState | Missed:
        """Ask it how it is, in the known way, else in one after the other."""
        if self._chosen is not None and self._is_sure:
            found = await self._chosen.look(timeout_s)
            self._is_sure = not isinstance(found, Missed)
            return found
        for line in (self._first, self._second):
            found = await line.look(timeout_s)
            if not isinstance(found, Missed):
                self._chosen, self._is_sure = line, True
                break
        return found

    async def prove(self) -> None:
        """Have it prove itself, as the chosen line has it."""
        await self._line().prove()

    def _line(self) -> Line:
        if self._chosen is None:
            raise Unreached("The upstream has not answered yet.")
        return self._chosen
