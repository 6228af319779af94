"""One change of the fleet at a time, and who listens to it.

It knows nothing of instances. The invariant: a change that was begun goes on to its end, or until the gateway leaves,
whether or not anybody still listens to its progress; and meanwhile every other one is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from harken.errors import HarkenError
from harken.fleet.refusals import ChangeFailed, FleetBusy
from harken.log import get_log

Tell = Callable[[str], None]
"""Takes a sentence of progress; never blocks."""

Check = Callable[[], None]
"""Raises what is wrong with a wish; changes nothing."""

Work = Callable[[Tell], Awaitable[dict[str, Any]]]
"""Changes the fleet; returns what came of it, as plain data."""

_log = get_log("fleet.change")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Change:
    name: str
    task: asyncio.Task[None]


class OneChange:
    """The place of the one change that may be under way."""

    def __init__(self) -> None:
        self._change: _Change | None = None
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Cut short what is under way: the whole fleet is about to go."""
        if self._change is not None:
            self._change.task.cancel()
        await self._group.__aexit__(None, None, None)

    @property
    def under_way(self) -> str:
        """What is done just now; "" for nothing."""
        return "" if self._change is None else self._change.name

    async def make(self, name: str, work: Work, tell: Tell, *, check: Check = lambda: None) -> dict[str, Any]:
        """Do something with the fleet, alone; return what came of it.

        Whoever is cancelled while he waits here leaves the change to itself. A wish that `check` refuses is no change:
        the log has nothing of it.

        Raises:
            FleetBusy: something else is under way.
            HarkenError: of the check, or of the work.
        """
        if self._change is not None:
            raise FleetBusy(f"Under way is: {self._change.name}. Try again when it is done.")
        check()
        tellers = [tell]

        def tell_all(sentence: str) -> None:
            _log.info("fleet.progress", change=name, progress=sentence)
            for one in tellers:
                one(sentence)

        outcome: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        task = self._group.create_task(self._run(name, work, tell_all, outcome))
        self._change = _Change(name=name, task=task)
        try:
            return await asyncio.shield(outcome)
        except asyncio.CancelledError:
            # Nobody listens any more; what comes of it is in the log.
            tellers.clear()
            outcome.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            raise

    async def _run(
        self,
        name: str,
        work: Work,
        tell: Tell,
        outcome: asyncio.Future[dict[str, Any]],
    ) -> None:
        _log.info("fleet.change", change=name)
        try:
            result = await work(tell)
        except asyncio.CancelledError:
            outcome.set_exception(ChangeFailed("The gateway is leaving."))
            raise
        except HarkenError as error:
            # A wish that could not be met is no failure of the fleet's.
            say, event = (_log.warning, "refused") if error.status < 500 else (_log.error, "failed")
            say(f"fleet.change_{event}", change=name, code=error.code, reason=error.message)
            outcome.set_exception(error)
        except Exception as error:  # noqa: BLE001 - the edge of this task: a defect here must not end the gateway
            _log.exception("fleet.change_defect", change=name)
            outcome.set_exception(ChangeFailed(f"{type(error).__name__}: {error}"))
        else:
            _log.info("fleet.changed", change=name, **result)
            outcome.set_result(result)
        finally:
            self._change = None
