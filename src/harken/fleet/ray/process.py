"""An instance's process on a node of a Ray cluster, as a keeper knows processes.

What `fleet.process.Process` is for a child of ours. That its node or the bridge died is a loss, in Ray's words: nothing
of it runs any more, or is about to be ended by Ray. The invariant: when `attend` returns, the bridge has been told to
end it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from harken.fleet.ray.life import Life
from harken.fleet.ray.messages import Do, Kind
from harken.fleet.site import Lost
from harken.server.announce import Announcement, parse_line

_LINES_KEPT = 40


class RayProcess:
    """A running process; `seat.Seat` starts it.

    Args:
        life: what is told of it.
    """

    pid: int | None = None
    """It has none on this machine, where somebody might look at another's, or kill it."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._last_lines: deque[str] = deque(maxlen=_LINES_KEPT)

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last lines of its output."""
        return tuple(self._last_lines)

    async def attend(self, on_news: Callable[[Announcement], None], on_line: Callable[[str], None]) -> int:
        """Hear it until it has ended; see `fleet.process.Process.attend`."""
        try:
            while True:
                told = await self._life.next()
                if told.kind is Kind.NEWS:
                    announcement = parse_line(told.text)
                    assert announcement is not None, f"its host parsed it before: {told.text}"
                    on_news(announcement)
                elif told.kind is Kind.LINE:
                    self._last_lines.append(told.text)
                    on_line(told.text)
                elif told.kind is Kind.ENDED:
                    return int(told.text)
                elif told.kind in (Kind.LOST, Kind.CUT):
                    raise Lost(told.text, is_blameless=told.kind is Kind.CUT)
        finally:
            self.kill()

    def terminate(self) -> None:
        """Ask it to drain and leave."""
        self._life.order(Do.TERMINATE)

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self._life.order(Do.KILL)
