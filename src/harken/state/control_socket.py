"""The address of a gateway's control socket, by its run folder; the same for who listens and for who connects.

The path of a Unix socket has room for some hundred bytes only. Where a run folder's is longer, Linux is asked for the
file through the folder's descriptor, whose path is short. The invariant: the socket itself is always in the run folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harken.errors import ConfigError

NAME = "control.sock"
_PATH_BYTES = 103
"""The shortest limit of the systems that we know: macOS'."""


@contextmanager
def socket_address(folder: Path) -> Iterator[str]:
    """Yield a path under which the socket in a run folder can be bound or reached, meanwhile.

    Raises:
        ConfigError: the folder's path is too long, on a system that knows no way round.
        OSError: there is no such folder.
    """
    path = folder / NAME
    if len(os.fsencode(path)) <= _PATH_BYTES:
        yield str(path)
        return
    if not sys.platform.startswith("linux"):
        raise ConfigError(f"The path of {path} is too long for a socket: choose a shorter state.folder.")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)
