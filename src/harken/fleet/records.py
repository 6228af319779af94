"""What a gateway leaves in its run folder for whoever looks later: log files and crash reports.

Owns when both begin (as soon as the folder is known) and end. It knows nothing of what is written, nor where the folder
comes from. The invariant: without a folder that can be used the gateway does all its work.
"""

from __future__ import annotations

import os
from pathlib import Path

import harken
from harken.config import LogConfig
from harken.fleet.crash import Crash
from harken.fleet.crash_folder import CrashFolder
from harken.log import LogFiles, get_log

_LAST_WORDS_S = 1.0
"""How long the end of the process waits for lines that are not written yet."""

_log = get_log("fleet.records")


class Records:
    """The records of one gateway.

    Args:
        config: whether there are log files, and how large.

    Attributes:
        files: for `set_up_log`; None where no files are wanted.
    """

    def __init__(self, config: LogConfig) -> None:
        self.files = LogFiles(config) if config.to_files else None
        self._crashes: CrashFolder | None = None

    def open(self, folder: Path | None, url: str) -> None:
        """Begin to keep records of the gateway that listens at `url`.

        Args:
            folder: the run folder; None where there is none, and so no records.
            url: for the first line.
        """
        _log.info("gateway.started", url=url, pid=os.getpid(), harken=harken.__version__)
        if folder is None:
            if self.files is not None:
                self.files.give_up()
            return
        self._crashes = CrashFolder(folder / "crashes")
        trouble = self.files.open(folder / "logs") if self.files is not None else ""
        if trouble:
            _log.warning("log.no_files", folder=str(folder / "logs"), reason=trouble)

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

    def close(self) -> None:
        """Write what waits, and make nothing in the folder any more."""
        if self.files is not None:
            self.files.close(_LAST_WORDS_S)
