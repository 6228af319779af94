"""One after another loads on a GPU that several instances of a node share.

An instance counts what memory is free when it starts; two that look at once would count the same bytes. Ray knows no
such turns, so the hosts of a node take them by a lock on a file that the kernel gives back with its process, however
that ends. Where there can be no such file, everybody loads at once. The invariant: who holds no lock releases none.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path


class GpuTurn:
    """The turn of one host.

    Args:
        folder: where the lock is; None: where this machine has temporary files.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = Path(tempfile.gettempdir()) if folder is None else folder
        self._locks: list[int] = []

    async def take(self, gpus: Sequence[str]) -> None:
        """Wait until nobody else loads on these GPUs, by Ray's numbers of them."""
        for gpu in sorted(gpus):
            path = self._folder / f"harken-ray-{os.getuid()}-gpu-{gpu}.lock"
            try:
                lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            except OSError:
                continue
            self._locks.append(lock)
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)

    def give_back(self) -> None:
        """It has loaded, or is gone; again and again is no error."""
        while self._locks:
            os.close(self._locks.pop())
