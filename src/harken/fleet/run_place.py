"""The run folder of this gateway, from when its port is known to its end.

Where it cannot be made, or another gateway holds it, the gateway serves all the same: without a control socket, and
remembering nothing. The invariants: two gateways never have one at the same time; and a gateway on a port that the
system chose leaves none behind; what one leaves that was killed, the next removes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from harken.config import Config
from harken.errors import StateUnavailable
from harken.log import get_log
from harken.state import make_run_folder, run_folder, run_folders
from harken.state.control_socket import is_answered

_PASSING = "passing"
"""A file in the run folders that go with their gateway."""

_LOCK = "lock"
"""Held by the gateway whose folder it is: two of them may have the same port, of different addresses."""

_YOUNG_S = 60.0
"""Between its port and its socket a gateway needs a moment."""

_log = get_log("fleet.run_place")


class RunPlace:
    """One gateway's run folder.

    Args:
        config: the state folder, and whether the port was chosen by the system.
        env: the variables of this process.

    Attributes:
        folder: where it is; None before `open`, and where there can be none.
    """

    def __init__(self, config: Config, env: Mapping[str, str]) -> None:
        self._config = config
        self._env = env
        self.folder: Path | None = None
        self._lock: int | None = None

    def open(self, url: str) -> None:
        """Make it, now that the gateway's address is known."""
        is_passing = self._config.gateway.port == 0
        try:
            _sweep(self._config, self._env)
            port = urlsplit(url).port or 0
            planned = run_folder(self._config.state, self._env, port)
            if is_passing and planned.exists() and not (planned / _PASSING).exists():
                _log.warning("run_folder.unavailable", reason=f"{planned} belongs to a gateway on this very port.")
                return
            folder = make_run_folder(self._config.state, self._env, port)
            if not self._hold(folder):
                _log.warning("run_folder.unavailable", reason=f"{folder} is held by a gateway on another address.")
                return
            if is_passing:
                (folder / _PASSING).touch()
            else:
                (folder / _PASSING).unlink(missing_ok=True)
        except (StateUnavailable, OSError) as error:
            _log.warning("run_folder.unavailable", reason=str(error))
            return
        self.folder = folder

    def _hold(self, folder: Path) -> bool:
        """Lock it; the kernel lets go of it with this process, however that ends."""
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._lock = descriptor
        return True

    def close(self) -> None:
        """Remove what should not stay."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self.folder is not None and self._config.gateway.port == 0:
            shutil.rmtree(self.folder, ignore_errors=True)


def _sweep(config: Config, env: Mapping[str, str]) -> None:
    """Remove what gateways on chosen ports left that were killed; those that have just begun are left alone."""
    for folder in run_folders(config.state, env).values():
        mark = folder / _PASSING
        with suppress(OSError):
            if time.time() - mark.stat().st_mtime > _YOUNG_S and not is_answered(folder):
                shutil.rmtree(folder, ignore_errors=True)
