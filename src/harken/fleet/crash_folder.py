"""The folder of crash reports: one JSON file for each, the newest fifty.

Thin effects, off the event loop: a report is written by a thread of its own, so that a slow disk holds up no other
instance's restart. The invariants: a file that is there is whole; and trouble with the folder is a line of the log,
never a failure.
"""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime
from pathlib import Path

import harken
from harken.fleet.crash import Crash
from harken.log import get_log
from harken.state.whole_file import replace_file

KEPT = 50
"""Reports; with one more the oldest goes."""

_log = get_log("fleet.crash")


class CrashFolder:
    """Keeps the reports of one gateway.

    Args:
        folder: made with the first report, readable by this user only.
        kept: how many reports at most.
    """

    def __init__(self, folder: Path, *, kept: int = KEPT) -> None:
        self._folder = folder
        self._kept = kept
        self._turn = threading.Lock()

    def report(self, crash: Crash) -> None:
        """Write a report down; returns at once."""
        now = datetime.now(UTC)
        # The process does not end before it is written.
        try:
            threading.Thread(target=self.write, args=(crash, now), name="crash-report").start()
        except RuntimeError as error:
            # Where instances die for want of threads, there is none for their reports either.
            _log.warning("crash.not_written", instance=crash.instance, reason=str(error))

    def write(self, crash: Crash, now: datetime) -> None:
        """Write a report down now, and say where it is."""
        try:
            with self._turn:
                path = self._write(crash, now)
                self._remove_oldest()
        except OSError as error:
            _log.warning("crash.not_written", instance=crash.instance, reason=error.strerror or str(error))
        else:
            # Not for everybody: it may come after a server's last words, which are the reason why it ends.
            _log.debug("crash.written", instance=crash.instance, file=str(path))

    def _write(self, crash: Crash, now: datetime) -> Path:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        text = json.dumps(
            crash.as_json(time=now.isoformat(timespec="milliseconds"), version=harken.__version__),
            indent=2,
            ensure_ascii=False,
        )
        path = self._folder / _file_name(crash.instance, now)
        replace_file(path, text + "\n")
        return path

    def _remove_oldest(self) -> None:
        # Their names begin with the time.
        for path in sorted(self._folder.glob("*.json"))[: -self._kept]:
            path.unlink(missing_ok=True)


def _file_name(instance: str, now: datetime) -> str:
    """No colons: file systems of other systems cannot hold them."""
    time = f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03d}Z"
    return f"{time}-{re.sub(r'[^A-Za-z0-9._-]', '_', instance)[:100]}.json"
