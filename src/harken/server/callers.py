"""Who sends segments to an instance: how many each gateway has here, and how many gateways there are.

A gateway knows what it sent itself; of several that share an instance each would otherwise take it for idle while the
others fill it. Pure: it is told who comes and goes, and takes the time as an argument. Invariant: what each gateway has
here is counted exactly, for as long as it is here; one of which nothing was heard for a while counts no more.
"""

from __future__ import annotations

import re

from harken.wire import Crowd

_HEARD_S = 10.0
"""Gateways look every half second, unless they are told otherwise."""

_KNOWN_MAX = 1000
"""Gateways that are told apart: more are nobody's, and the names may be anybody's invention."""

_NAME = re.compile(r"[0-9a-f]{1,32}")


class Callers:
    """Counts for one instance."""

    def __init__(self) -> None:
        self._here: dict[str, int] = {}
        self._heard: dict[str, float] = {}

    def hear(self, name: str, now: float) -> None:
        """Somebody spoke to the instance; who has no proper name is nobody."""
        if not _NAME.fullmatch(name) or (name not in self._heard and len(self._heard) >= _KNOWN_MAX):
            return
        self._heard[name] = now
        if len(self._heard) > 1:
            gone = [one for one, at in self._heard.items() if now - at > _HEARD_S and one not in self._here]
            for one in gone:
                del self._heard[one]

    def enter(self, name: str) -> None:
        """A segment of this gateway is here."""
        self._here[name] = self._here.get(name, 0) + 1

    def leave(self, name: str) -> None:
        """It has ended."""
        self._here[name] -= 1
        if not self._here[name]:
            del self._here[name]

    def crowd(self, name: str, in_flight: int) -> Crowd:
        """Who else there is.

        Args:
            name: who asks.
            in_flight: segments that the engine holds: those of nobody's gateway too.
        """
        ours, everybody = self._here.get(name, 0), sum(self._here.values())
        others = everybody - ours + max(0, in_flight - everybody)
        return Crowd(others=others, gateways=max(1, len(self._heard)))
