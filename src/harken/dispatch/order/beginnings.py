"""When each recording began: its segments come one by one, and who is finished first depends on who began first.

A bounded memory by request. Pure: the time is an argument. Invariant: it never holds more than `REQUESTS_MAX`; of a
recording that it has forgotten the next segment counts as the first, which costs it its lead and nothing else.
"""

from __future__ import annotations

from collections import OrderedDict

REQUESTS_MAX = 10_000
"""More recordings than can be on their way at a time: each has a segment in a slot or in the queue."""


class Beginnings:
    """The first arrivals of the requests that were heard of last."""

    def __init__(self) -> None:
        self._began: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._began)

    def of(self, request_id: str, now: float) -> float:
        """Tell when a request's first segment came: now, if this is the first. O(1)."""
        began = self._began.setdefault(request_id, now)
        self._began.move_to_end(request_id)
        if len(self._began) > REQUESTS_MAX:
            self._began.popitem(last=False)
        return began
