"""The log files of a gateway: its own, and one for each instance whose lines come through its pipes.

Owns the way from an event's owner to a file, and the one thread that writes them all. It knows neither what a line says
nor where the folder comes from. Lines wait, within a bound, until `open` says where: the folder has the port in its
name, which is known only once the gateway listens. The invariant: `write` returns at once, whatever becomes of the
line; trouble with a file is told once in a minute, on standard error, and the number of lost lines in the file itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from harken.config import LogConfig
from harken.log.line_writer import LINES_MAX
from harken.log.rotating_file import RotatingFile

OWNER: Final = "_owner"
"""Field of an event that says whose file its line belongs in; it is not written. Without it, it is the gateway's."""

GATEWAY: Final = "gateway"
"""The name of the gateway's own file, without its ending."""

_COMPLAIN_S = 60.0


class LogFiles:
    """Writes lines to files by their owner, in a thread of its own.

    Args:
        config: size and number of the files.
        lines_max: how many lines may wait.
    """

    def __init__(self, config: LogConfig, *, lines_max: int = LINES_MAX) -> None:
        self._config = config
        self._lines: queue.Queue[tuple[str, str] | None] = queue.Queue(lines_max)
        self._files: dict[str, RotatingFile] = {}
        self._dropped: Counter[str] = Counter()
        self._complained: dict[str, float] = {}
        self._is_closed = False
        self._folder: Path | None = None
        self._lock: int | None = None
        self._thread = threading.Thread(target=self._write_all, name="log-files", daemon=True)

    def write(self, owner: str, line: str) -> None:
        """Take a line without its end; returns at once, whatever becomes of it.

        Args:
            owner: an instance's name, or "" for the gateway.
            line: JSON.
        """
        if self._is_closed:
            return
        try:
            self._lines.put_nowait((owner or GATEWAY, line))
        except queue.Full:
            self._dropped[owner or GATEWAY] += 1

    def open(self, folder: Path) -> str:
        """Begin to write into a folder, with what was logged before.

        Returns:
            "", or why there will be no files, in a few words: the folder cannot be used, or another process writes
            there. Lines for them are dropped from then on.
        """
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            self._lock = _lock(folder)
        except OSError as error:
            self.give_up()
            is_taken = isinstance(error, BlockingIOError)
            return "another process writes its log there" if is_taken else error.strerror or str(error)
        self._folder = folder
        self._thread.start()
        return ""

    def give_up(self) -> None:
        """Have no files after all; what waits for them is forgotten."""
        self._is_closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._lines.get_nowait()

    def close(self, timeout_s: float) -> None:
        """Write what waits, at most for so long, and let go of the folder: nothing is made in it any more."""
        self._is_closed = True
        if not self._thread.is_alive():
            return
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=timeout_s)
        self._thread.join(timeout_s)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _write_all(self) -> None:
        while (entry := self._lines.get()) is not None:
            self._write(*entry)
        for file in self._files.values():
            file.close()

    def _write(self, owner: str, line: str) -> None:
        lost = self._dropped[owner]
        text = f"{_note(lost) if lost else ''}{line}\n"
        try:
            self._file_of(owner).write(text.encode(errors="backslashreplace"))
        except OSError as error:
            self._dropped[owner] += 1
            self._complain(owner, error)
        else:
            self._dropped[owner] -= lost

    def _file_of(self, owner: str) -> RotatingFile:
        file = self._files.get(owner)
        if file is None:
            assert self._folder is not None, "the thread starts when there is a folder"
            path = self._folder / file_name(owner)
            file = RotatingFile(path, file_bytes=self._config.file_bytes, files=self._config.files)
            self._files[owner] = file
        return file

    def _complain(self, owner: str, error: OSError) -> None:
        from harken.log.log import get_log  # which knows us

        now = time.monotonic()
        if now - self._complained.get(owner, -_COMPLAIN_S) >= _COMPLAIN_S:
            self._complained[owner] = now
            path = f"{self._folder}/{file_name(owner)}"
            get_log("log.files").warning("log.file_failed", file=path, reason=error.strerror or str(error))


def file_name(owner: str) -> str:
    """The name of somebody's file: the owner's, with what a file's name cannot hold replaced, and ".log"."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", owner)[:100].lstrip(".") + ".log"


def _note(lost: int) -> str:
    event = {"event": "log.dropped", "level": "warning", "timestamp": datetime.now(UTC).isoformat(), "lines": lost}
    return json.dumps(event) + "\n"


def _lock(folder: Path) -> int:
    """Take the folder for this process; the lock goes with the process, however that ends.

    Raises:
        BlockingIOError: another process has it.
        OSError: the folder cannot be used.
    """
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
