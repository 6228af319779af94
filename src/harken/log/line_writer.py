"""Lines on their way to one file descriptor, written by a thread of their own.

Knows nothing of events or files; standard error is its usual end. The invariant: `write` returns at once, whatever
becomes of the line, and lines that were lost are counted until their number could be written.
"""

from __future__ import annotations

import os
import queue
import threading
from typing import Final

LINES_MAX: Final = 10_000
"""Lines that may wait to be written: some megabytes."""


class LineWriter:
    """Writes lines to a file descriptor in a thread of its own; beyond `lines_max` waiting ones it drops new ones.

    Args:
        descriptor: where to.
        lines_max: how many may wait.
    """

    def __init__(self, descriptor: int, *, lines_max: int = LINES_MAX) -> None:
        self._descriptor = descriptor
        self._lines: queue.Queue[str] = queue.Queue(lines_max)
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Lines lost since the last one that could be written."""
        return self._dropped

    def start(self) -> None:
        """Begin to write; the thread ends with the process."""
        threading.Thread(target=self._write_all, name="log", daemon=True).start()

    def write(self, line: str) -> None:
        """Take a line, its end included; returns at once, whatever becomes of it."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def flush(self) -> None:
        """Nothing: the thread writes each line as it comes."""

    def drain(self, timeout_s: float) -> None:
        """Wait until everything is written, at most so long."""
        with self._lines.all_tasks_done:
            self._lines.all_tasks_done.wait_for(lambda: not self._lines.unfinished_tasks, timeout_s)

    def _write_all(self) -> None:
        while True:
            line = self._lines.get()
            lost = self._dropped
            note = f"log.dropped: {lost} lines could not be written\n" if lost else ""
            try:
                write_fully(self._descriptor, (note + line).encode(errors="backslashreplace"))
            except OSError:
                self._dropped += 1
            else:
                self._dropped -= lost
            self._lines.task_done()


def write_fully(descriptor: int, data: bytes) -> None:
    """Write all of it, however often that takes.

    Raises:
        OSError: it cannot be written, or only a part of it.
    """
    while data:
        data = data[os.write(descriptor, data) :]
