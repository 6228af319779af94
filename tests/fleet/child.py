"""A stand-in for `harken serve --supervised`: no server, but it announces, writes, dies and leaves as a test says.

What it does is in HARKEN_INSTANCE_MODEL, the words separated by spaces. It keeps to the orphan watch as the real one.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from harken.server.orphan import leave_with_parent, supervisor_of


def announce(news: str) -> None:
    """Tell the supervisor."""
    name = os.environ.get("HARKEN_INSTANCE_NAME", "asr-1")
    line = json.dumps({"news": news, "name": name, "url": "http://nowhere", "pid": os.getpid()})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def leave_at_once(wishes: list[str]) -> int | None:
    """Leave before listening, with this exit code; None: stay."""
    for wish in wishes:
        name, _, value = wish.partition("=")
        if name == "exit":
            sys.stderr.write(f"leaving with {value}\n")
            return int(value)
        if name == "exit_unless" and not Path(value).exists():
            Path(value).touch()
            return 1
        if name == "exit_while" and Path(value).exists():
            sys.stderr.write("not now\n")
            return 3
        if name == "crash_while" and Path(value).exists():
            sys.stderr.write("out of memory\n")
            return 1
        if name == f"exit_{os.environ.get('HARKEN_INSTANCE_NAME')}_while" and Path(value).exists():
            return 3
        if name == "flood":
            sys.stderr.write("x" * int(value) + "\n")
            sys.stderr.flush()
    return None


def main(wishes: list[str]) -> int:
    """Do as told."""
    leave_with_parent(supervisor_of(os.environ))
    stop = threading.Event()

    def leave(_: int, __: FrameType | None) -> None:
        if "ignore_term" not in wishes:
            stop.set()

    signal.signal(signal.SIGTERM, leave)
    code = leave_at_once(wishes)
    if code is not None:
        return code
    announce("listening")
    for wish in wishes:
        name, _, value = wish.partition("=")
        while name == "mute_while" and Path(value).exists() and not stop.wait(0.01):
            pass
    if "never_ready" not in wishes:
        announce("ready")
    stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ.get("HARKEN_INSTANCE_MODEL", "").split()))
