"""One log file that is followed while somebody else writes, rotates, truncates or removes it.

Thin effects: each `poll` looks once and gives the whole lines that came since. It holds the file itself, not its name,
so a rotation loses nothing: what was renamed is read to its end first, then what came after it. The invariant: the
lines are each given once, in their order.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import BinaryIO

from harken.ops.log_folder import close_all, identity, open_all
from harken.ops.log_line import LINE_BYTES
from harken.ops.log_reading import lines_backwards

_POLL_BYTES = 4 << 20
"""Read at one look; the next look goes on."""


class Tap:
    """Follows a file that need not be there yet.

    Args:
        path: of the current file.
        from_end: begin behind the last whole line that is there now; else with the oldest file.
    """

    def __init__(self, path: Path, *, from_end: bool) -> None:
        self._path = path
        self._files: deque[BinaryIO] = deque()
        self._rest = b""
        if from_end and (file := _open(path)) is not None:
            end = file.seek(0, os.SEEK_END)
            torn = next(lines_backwards(file, end), b"") if end and not _ends_whole(file, end) else b""
            file.seek(end - len(torn))
            self._files.append(file)

    @property
    def identity(self) -> tuple[int, int] | None:
        """Of the file that is read now, before the first `poll`."""
        return identity(self._files[0]) if self._files else None

    @property
    def position(self) -> int:
        """How far that is read."""
        return self._files[0].tell() if self._files else 0

    def close(self) -> None:
        """Let go of all files."""
        while self._files:
            self._files.popleft().close()

    def poll(self) -> list[bytes]:
        """Give the lines that were finished since the last look, without their ends."""
        self._find_newer()
        data = b""
        while self._files and len(data) < _POLL_BYTES:
            file = self._files[0]
            if os.fstat(file.fileno()).st_size < file.tell():
                file.seek(0)  # truncated: what is in it now is new
                self._rest = b""
            part = file.read(_POLL_BYTES - len(data))
            data += part
            if part:
                continue
            if len(self._files) == 1:
                break
            # It was rotated away and is at its end: nobody will finish a line in it.
            data += b"\n" if (self._rest + data)[-1:] not in (b"", b"\n") else b""
            self._files.popleft().close()
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[:LINE_BYTES]
        return [line[:LINE_BYTES] for line in lines if line.strip()]

    def _find_newer(self) -> None:
        """Queue up what is newer than the last file that we know: rotated ones, then the current."""
        newest = self._files[-1] if self._files else None
        try:
            found = self._path.stat()
        except OSError:
            return  # between two renames, or removed
        if newest is not None and (found.st_dev, found.st_ino) == identity(newest):
            return
        there = open_all(self._path)
        if there is None:
            return  # rotated faster than we can look: the next look will tell
        newer = _after(newest, there)
        close_all(file for file in there if file not in newer)
        self._files += newer


def _after(newest: BinaryIO | None, there: list[BinaryIO]) -> list[BinaryIO]:
    """Those of some files, the oldest first, that were begun after one that we know; all where we know none."""
    if newest is None:
        return there
    identities = [identity(file) for file in there]
    if identity(newest) in identities:
        return there[identities.index(identity(newest)) + 1 :]
    # Removed: by so many rotations, or by a person; what was written to later is newer.
    last_write = os.fstat(newest.fileno()).st_mtime_ns
    return [file for file in there if os.fstat(file.fileno()).st_mtime_ns > last_write]


def _ends_whole(file: BinaryIO, end: int) -> bool:
    file.seek(end - 1)
    return file.read(1) == b"\n"


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb") if path.is_file() else None
    except OSError:
        return None
