"""What a gateway leaves in its run folder for whoever looks later: log files and crash reports.

Owns when both begin (as soon as the port is known) and what becomes of them at the end. It knows nothing of what is
written. The invariant: without a folder that can be used the gateway does all its work, and says once that it keeps no
records.
"""

from __future__ import annotations

import atexit
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import harken
from harken.config import Config
from harken.errors import HarkenError
from harken.fleet.crash import Crash
from harken.fleet.crash_folder import CrashFolder
from harken.log import LogFiles, get_log
from harken.state.run_folder import make_run_folder

_LAST_WORDS_S = 1.0
"""How long the end of the process waits for lines that are not written yet."""

_log = get_log("fleet.records")


class Records:
    """The records of one gateway.

    Args:
        config: state folder, log, and the port as configured.
        env: the process's variables.

    Attributes:
        files: for `set_up_log`; None where no files are wanted.
    """

    def __init__(self, config: Config, env: Mapping[str, str]) -> None:
        self.files = LogFiles(config.log) if config.log.to_files else None
        self._config = config
        self._env = env
        self._crashes: CrashFolder | None = None

    def open(self, url: str) -> None:
        """Begin to keep records of the gateway that listens at `url`, until the process ends."""
        _log.info("gateway.started", url=url, pid=os.getpid(), harken=harken.__version__)
        try:
            folder = make_run_folder(self._config.state, self._env, urlsplit(url).port or 0)
        except HarkenError as error:
            _log.warning("records.none", reason=error.message)
            if self.files is not None:
                self.files.give_up()
            return
        self._crashes = CrashFolder(folder / "crashes")
        trouble = self.files.open(folder / "logs") if self.files is not None else ""
        if trouble:
            _log.warning("log.no_files", folder=str(folder / "logs"), reason=trouble)
        atexit.register(self._close, folder, is_ours=not trouble)

    def report(self, crash: Crash) -> None:
        """Log that an instance crashed, and write the report down."""
        _log.warning(
            "instance.crashed",
            instance=crash.instance,
            how=crash.how,
            pid=crash.pid,
            uptime_s=crash.uptime_s,
            restarts=crash.restarts,
        )
        if self._crashes is not None:
            self._crashes.report(crash)

    def _close(self, folder: Path, *, is_ours: bool) -> None:
        if self.files is not None:
            self.files.close(_LAST_WORDS_S)
        if self._config.gateway.port == 0 and is_ours:
            # A passing gateway: nobody will look for it under a number that the next one does not have.
            shutil.rmtree(folder, ignore_errors=True)
