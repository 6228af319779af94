"""The first level: packed transcripts in this process, the longest unused go first.

Owns the bound: what is kept, its names and the bookkeeping around both never take more than `max_bytes`. Knows nothing
of transcripts, reads no clock. The invariant: `size` is the sum of what is kept, and at most `max_bytes`.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

OVERHEAD_BYTES = 400
"""What CPython needs for one entry beside the bytes of its name and value; a test measures it."""

_LARGEST_PART = 8
"""One value takes an eighth of the room at most, so that it never drives out everything else."""


@dataclass(frozen=True, slots=True)
class _Kept:
    value: bytes
    until: float


class Memory:
    """Values by name.

    Args:
        max_bytes: for everything together.
        keep_s: how long a value is kept, in seconds.
    """

    def __init__(self, max_bytes: int, keep_s: float) -> None:
        self._max_bytes = max_bytes
        self._keep_s = keep_s
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes in use."""
        return self._size

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: bytes, now: float) -> bytes | None:
        """Return the value, which counts as used now; None where there is none, or its time is over."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until <= now:
            self.drop(key)
            return None
        self._kept.move_to_end(key)
        return kept.value

    def put(self, key: bytes, value: bytes, now: float) -> None:
        """Keep a value; one that is too large is not kept."""
        self.drop(key)
        cost = _cost(key, value)
        if cost > self._max_bytes // _LARGEST_PART:
            return
        while self._size + cost > self._max_bytes:
            self.drop(next(iter(self._kept)))
        self._kept[key] = _Kept(value, now + self._keep_s)
        self._size += cost

    def drop(self, key: bytes) -> None:
        """Forget a value, if there is one."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._size -= _cost(key, kept.value)


def _cost(key: bytes, value: bytes) -> int:
    return len(key) + len(value) + OVERHEAD_BYTES
