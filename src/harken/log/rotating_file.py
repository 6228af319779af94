"""One log file of bounded size, and its older ones beside it: `gateway.log`, `gateway.log.1`, … `.5`.

Thin effects; whoever calls may be kept waiting by the disk, so it is a thread's business. What happens to the files
from outside is looked at before every write: a file that was removed or renamed is made again, a truncated one goes on
from its new end. The invariants: nothing that was there before is overwritten but the oldest of the rotated files, and
no file grows beyond the bound by more than one line.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from harken.log.line_writer import write_fully

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
"""O_RDWR, to look at the last byte; O_NONBLOCK, because a device or pipe in the file's place must hold nobody up."""

_MODE = 0o600
_FOLDER_MODE = 0o700


class RotatingFile:
    """A file to append to.

    Args:
        path: of the current file.
        file_bytes: where the next one begins.
        files: rotated ones that are kept; 0 for none.
    """

    def __init__(self, path: Path, *, file_bytes: int, files: int) -> None:
        self._path = path
        self._file_bytes = file_bytes
        self._files = files
        self._descriptor: int | None = None
        self._identity = (0, 0)
        self._is_torn = False

    def write(self, data: bytes) -> None:
        """Append one line, its end included; it is never spread over two files.

        Raises:
            OSError: it could not be written, or not all of it. The next line begins a line of its own all the same.
        """
        descriptor, size = self._current()
        if size and size + len(data) > self._file_bytes:
            self._rotate()
            self.close()
            descriptor, size = self._current()
        if self._is_torn:
            data = b"\n" + data
        self._is_torn = True
        write_fully(descriptor, data)
        self._is_torn = False

    def close(self) -> None:
        """Let go of it; the next line opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _current(self) -> tuple[int, int]:
        """The descriptor and the size of what is at the path now."""
        if self._descriptor is not None:
            try:
                found = self._path.stat()
            except FileNotFoundError:
                pass
            else:
                if (found.st_dev, found.st_ino) == self._identity:
                    return self._descriptor, found.st_size
            self.close()
        return self._open()

    def _open(self) -> tuple[int, int]:
        try:
            self._descriptor = os.open(self._path, _FLAGS, _MODE)
        except FileNotFoundError:
            self._path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, _FLAGS, _MODE)
        found = os.fstat(self._descriptor)
        if stat.S_ISFIFO(found.st_mode):
            self.close()
            raise OSError(errno.EINVAL, "It is a named pipe")
        self._identity = found.st_dev, found.st_ino
        # A process that was killed, or a full disk, may have left half a line.
        self._is_torn = found.st_size > 0 and os.pread(self._descriptor, 1, found.st_size - 1) != b"\n"
        return self._descriptor, found.st_size

    def _rotate(self) -> None:
        """Rename each file to the next number, up to the first gap; the oldest goes."""
        if not self._files:
            self._path.unlink()
            return
        numbers = self._numbers()
        for number in numbers:
            if number > self._files:
                self._numbered(number).unlink(missing_ok=True)
        free = next(number for number in range(1, len(numbers) + 2) if number not in numbers)
        for number in range(min(free, self._files), 0, -1):
            self._numbered(number - 1).replace(self._numbered(number))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path

    def _numbers(self) -> set[int]:
        return {number for number, _ in rotated(self._path)}


def rotated(path: Path) -> list[tuple[int, Path]]:
    """The rotated files of a log file with their numbers, the newest (1) first; empty where there are none."""
    prefix = f"{path.name}."
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.name.startswith(prefix)]
    except OSError:
        return []
    numbers = [name.removeprefix(prefix) for name in names]
    found = [int(number) for number in numbers if number.isascii() and number.isdecimal() and number[0] != "0"]
    return [(number, path.with_name(f"{prefix}{number}")) for number in sorted(found)]
