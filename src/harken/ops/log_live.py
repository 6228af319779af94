"""What a log says of people who spoke: sessions, their sound and turns, and why connections ended. Pure.

A session is no request: it lasts for minutes, has many turns, and may outlive its connection. So it is counted apart,
and a connection apart from it. Like all of the summary it believes nothing: a field of the wrong kind counts as none.
The invariant: a session is counted once, at its end, whatever number of connections it had.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from harken.ops.log_values import bump, number, word

_DOORS = ("/v1/listen", "/v1/realtime")
_CLOSE_CODE_MOST = 4999


@dataclass(kw_only=True, slots=True)
class LiveWork:
    """What live sessions did on one day.

    Attributes:
        sessions: that ended.
        audio_s: sound that these had been sent.
        turns: of these, with their final text.
        resumed: connections of who came back to a session.
        finished: connections at whose end everything was told, as their client wished.
        ended: connections that the server closed, by the code that it told.
        left: connections that their client closed or that broke, by their close code.
        refused: handshakes that were refused, by code.
    """

    sessions: int = 0
    audio_s: float = 0.0
    turns: int = 0
    resumed: int = 0
    finished: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def is_any(self) -> bool:
        """There is something to tell."""
        closed = self.finished or self.ended or self.left
        return bool(self.sessions or self.resumed or closed or self.refused)

    def count(self, event: str, fields: dict[str, Any]) -> bool:
        """Count an event, if it is one of a live session; say whether it was."""
        match event:
            case "live.ended":
                self.sessions += 1
                self.audio_s += max(0.0, number(fields, "received_s"))
                self.turns += max(0, int(number(fields, "turns")))
            case "socket.opened":
                self.resumed += fields.get("is_resumed") is True
            case "socket.closed":
                self._close(fields)
            case "socket.refused":
                self._refuse(fields)
            # Who is stopped at the keys never comes to the door.
            case "request.refused" if word(fields, "path") in _DOORS:
                self._refuse(fields)
            case _:
                return False
        return True

    def _close(self, fields: dict[str, Any]) -> None:
        code, gone = word(fields, "code"), number(fields, "gone")
        if code:
            bump(self.ended, code)
        elif gone:
            bump(self.left, str(int(gone)) if 0 < gone <= _CLOSE_CODE_MOST else "unknown")
        else:
            self.finished += 1

    def _refuse(self, fields: dict[str, Any]) -> None:
        bump(self.refused, word(fields, "code") or "unknown")
