"""How much of what an instance's process prints is passed on to our log.

Pure. An engine of another package, torch or a driver may print without end, and would fill the disk, push everything
else out of the log's files and keep the gateway busy. The invariant: in each stretch of time so many lines pass, the
first ones; and no line is left out without being counted.
"""

from __future__ import annotations

LINES = 200
"""Long enough for the traceback of every thread of a process."""

STRETCH_S = 10.0


class OutputBound:
    """Counts the lines of one instance.

    Args:
        lines: that pass in each stretch.
        stretch_s: its length in seconds; it begins with its first line.
    """

    def __init__(self, *, lines: int = LINES, stretch_s: float = STRETCH_S) -> None:
        self._lines = lines
        self._stretch_s = stretch_s
        self._began = float("-inf")
        self._passed = 0
        self._left_out = 0

    def admit(self, now: float) -> bool:
        """Take in a line; tell whether it passes. `now` is the clock's time in seconds."""
        if now >= self._began + self._stretch_s:
            self._began, self._passed = now, 0
        if self._passed < self._lines:
            self._passed += 1
            return True
        self._left_out += 1
        return False

    def left_out(self, now: float) -> int:
        """How many lines were left out, once their stretch is over; each is told once."""
        return self.end() if now >= self._began + self._stretch_s else 0

    def end(self) -> int:
        """How many were left out and not told yet: no more will come."""
        left_out, self._left_out = self._left_out, 0
        return left_out
