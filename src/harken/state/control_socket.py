"""A gateway's control socket, by its run folder: its address, for who listens and who connects, and whether it answers.

The path of a Unix socket has room for some hundred bytes only. Where a run folder's is longer, Linux is asked for the
file through the folder's descriptor, whose path is short. The invariant: the socket itself is always in the run folder.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harken.errors import ConfigError

NAME = "control.sock"
_PATH_BYTES = 103
"""The shortest limit of the systems that we know: macOS'."""
_ANSWER_TIMEOUT_S = 2.0


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


def is_answered(folder: Path) -> bool:
    """Whether a gateway listens in a run folder; one that is busy, or another user's, does."""
    try:
        if not stat.S_ISSOCK((folder / NAME).lstat().st_mode):
            return False
        with socket_address(folder) as address, socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(_ANSWER_TIMEOUT_S)
            caller.connect(address)
    except (TimeoutError, PermissionError):
        return True
    except (OSError, ConfigError):
        return False
    return True
