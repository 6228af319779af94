"""Sound that is on its way: what a client has to send, and what it may have to send again. Pure.

Places are counted in bytes from the beginning of the stream. The invariants: what is taken was put, once and in order,
unless it is rewound; and what lies further back than is kept is gone, which a rewind says.
"""

from __future__ import annotations

_TRIM = 1 << 20
"""Bytes that may lie behind what is kept before they are let go: each trim moves the rest."""


class Ring:
    """The sound of one client.

    Args:
        keeps: bytes that are kept behind the place up to which it was taken; None for all.
    """

    def __init__(self, keeps: int | None) -> None:
        self.at = 0
        """Up to here it was taken."""
        self._keeps = keeps
        self._start = 0
        self._bytes = bytearray()

    @property
    def end(self) -> int:
        """The place behind everything that was put."""
        return self._start + len(self._bytes)

    @property
    def waiting(self) -> int:
        """Bytes that nobody has taken yet."""
        return self.end - self.at

    def put(self, data: bytes) -> None:
        """Add sound."""
        self._bytes += data

    def take(self, most: int) -> bytes:
        """Return what comes next, at most so many bytes; b"" where there is none."""
        begin = self.at - self._start
        data = bytes(self._bytes[begin : begin + most])
        self.at += len(data)
        self._trim()
        return data

    def rewind(self, place: int) -> int:
        """Have everything from a place on taken (again).

        Returns:
            How many bytes from there on are not kept any more; the next ones are taken instead.
        """
        place = min(place, self.end)
        lost = max(0, self._start - place)
        self.at = place + lost
        return lost

    def _trim(self) -> None:
        if self._keeps is None:
            return
        old = self.at - self._keeps - self._start
        if old > _TRIM or old >= self._keeps:
            del self._bytes[:old]
            self._start += old
