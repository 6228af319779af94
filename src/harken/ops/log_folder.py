"""The log files of one gateway, as somebody finds them who did not write them.

Owns whose files there are and in which order they are read. The gateway may be running, and rotate while we look. The
invariant: what is opened at one moment is each file once, the oldest first.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from harken.log.rotating_file import rotated

GATEWAY = "gateway"
_SUFFIX = ".log"

_LOOKS = 10
"""How often a set of files that changes while it is opened is tried again."""


def owners(folder: Path) -> tuple[str, ...]:
    """Whose files lie in a folder of logs: the gateway first, then instances by their number; () where none are."""
    try:
        names = {_owner_of(path.name) for path in folder.iterdir()} - {""}
    except OSError:
        return ()
    return tuple(sorted(names, key=_rank))


def current(folder: Path, owner: str) -> Path:
    """The file that an owner's lines are written to now."""
    return folder / f"{owner}{_SUFFIX}"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[list[BinaryIO]]:
    """Open a log file and its rotated ones for a while, the oldest first; those that cannot be read are left out."""
    # Where it is rotated faster than we can look, something is better than nothing.
    files = open_all(path) or _open_once(path)
    try:
        yield files
    finally:
        close_all(files)


def open_all(path: Path) -> list[BinaryIO] | None:
    """Open a log file and its rotated ones, the oldest first; whoever calls closes them.

    Args:
        path: of the current file.

    Returns:
        The files of one moment; None where they changed whenever we looked.
    """
    for _ in range(_LOOKS):
        files = _open_once(path)
        # A rotation between two of them would show one twice and another not at all.
        if [identity(file) for file in files] == _identities(path):
            return files
        close_all(files)
    return None


def close_all(files: Iterable[BinaryIO]) -> None:
    """Let go of files."""
    for file in files:
        file.close()


def identity(file: BinaryIO) -> tuple[int, int]:
    """What stays the same of a file when it is renamed."""
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino


def _open_once(path: Path) -> list[BinaryIO]:
    files: list[BinaryIO] = []
    for one in _paths(path):
        with contextlib.suppress(OSError):
            files.append(one.open("rb"))
    return files


def _identities(path: Path) -> list[tuple[int, int]]:
    found = []
    for one in _paths(path):
        with contextlib.suppress(OSError):
            state = one.stat()
            found.append((state.st_dev, state.st_ino))
    return found


def _paths(path: Path) -> list[Path]:
    """Files alone: opening a pipe would wait for a writer."""
    return [one for one in (*(older for _, older in reversed(rotated(path))), path) if one.is_file()]


def _owner_of(name: str) -> str:
    """The owner of a file by its name, rotated ones included; "" for a foreign file."""
    found = re.fullmatch(r"(.+)\.log(?:\.[1-9]\d*)?", name, flags=re.ASCII)
    return found[1] if found else ""


def _rank(owner: str) -> tuple[bool, str, int, str]:
    head = owner.rstrip("0123456789")
    number = owner[len(head) :]
    return owner != GATEWAY, head, int(number[:18] or 0), owner
