"""No instance outlives the process that started it, however that process ends.

Called once, first thing, by `harken serve --supervised`. Three nets, because each alone has a hole:
 - Linux kills this process when its parent dies (PR_SET_PDEATHSIG); SIGKILL reaches a stopped process too;
 - the parent may have died before that was asked for: then its number is no longer our parent's;
 - standard input is a pipe that the parent holds open and never writes to: its end means that the parent is gone.
   That is the only net on macOS, where a stopped process therefore leaves when it is continued.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Mapping

SUPERVISOR_PID = "HARKEN_SUPERVISOR_PID"
"""Variable in which a supervisor tells its instances its own process number."""

_PR_SET_PDEATHSIG = 1
_EXIT_ORPHANED = 1


def leave_with_parent(supervisor_pid: int | None, standard_input: int = 0) -> None:
    """Make sure that this process ends when its supervisor does.

    Args:
        supervisor_pid: the supervisor's process number; None where it is not known.
        standard_input: descriptor of the pipe that the supervisor holds open.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if supervisor_pid is not None and os.getppid() != supervisor_pid:
        os._exit(_EXIT_ORPHANED)
    threading.Thread(target=_leave_at_the_end_of, args=(standard_input,), name="orphan-watch", daemon=True).start()


def supervisor_of(env: Mapping[str, str]) -> int | None:
    """Read the supervisor's process number; None where it is not told."""
    told = env.get(SUPERVISOR_PID, "")
    return int(told) if told.isdecimal() else None


def _leave_at_the_end_of(pipe: int) -> None:
    try:
        os.set_blocking(pipe, True)
        while os.read(pipe, 4096):
            pass
    except OSError:
        # A closed or unreadable input says the same: nobody holds the other end.
        pass
    os._exit(_EXIT_ORPHANED)
