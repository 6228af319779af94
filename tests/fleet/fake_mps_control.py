"""A stand-in for `nvidia-cuda-mps-control`: a daemon that does nothing, and questions about it, answered from files.

As the real one it says nothing when its socket's path is too long, goes into the background at once, and ends with 1
where there is no daemon. FAKE_MPS_FOLDER names a folder: a file `refuse` there makes `-d` fail, and `calls` gets a line
of JSON for each call. Clients are those that `fake_mps_client.py` wrote down, as long as they live.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

PIPE = Path(os.environ.get("CUDA_MPS_PIPE_DIRECTORY", "/nowhere"))
PID_FILE = PIPE / "nvidia-cuda-mps-control.pid"
SERVER = 4_194_304
"""One more than any process number can be: nobody is ever taken for it."""


def run_daemon() -> int:
    """Go into the background."""
    folder = Path(os.environ["FAKE_MPS_FOLDER"])
    if (folder / "refuse").exists():
        sys.stderr.write("Failed to start:\nno permission\n")
        return 1
    if os.fork():
        return 0
    os.setsid()
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(str(PIPE / "control"))
    except OSError:
        os._exit(1)
    listening.listen()
    PID_FILE.write_text(f"{os.getpid()}\n", encoding="ascii")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        listening.accept()[0].close()


def is_there() -> bool:
    """Whether the daemon answers."""
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(PIPE / "control"))
        except OSError:
            return False
    return PID_FILE.exists()


def clients() -> list[int]:
    """Those that were written down and live."""
    try:
        pids = [int(line) for line in (PIPE / "clients").read_text(encoding="ascii").splitlines()]
    except FileNotFoundError:
        return []
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def answer(command: str) -> int:
    """Do as one line of standard input says."""
    if not is_there():
        sys.stdout.write("Cannot find MPS control daemon process\n")
        return 1
    if command == "get_server_list" and clients():
        sys.stdout.write(f"{SERVER}\n")
    if command == f"get_client_list {SERVER}":
        sys.stdout.write("".join(f"{pid}\n" for pid in clients()))
    if command == "quit":
        pid = int(PID_FILE.read_text(encoding="ascii"))
        PID_FILE.unlink()
        os.kill(pid, signal.SIGTERM)
        while Path(f"/proc/{pid}").exists() and is_there():
            time.sleep(0.005)
    return 0


def main() -> int:
    """Be told by the first argument, or by the first line of standard input."""
    command = "-d" if sys.argv[1:] == ["-d"] else sys.stdin.readline().strip()
    call = {"command": command, "clients": clients(), "visible": os.environ.get("CUDA_VISIBLE_DEVICES")}
    with (Path(os.environ["FAKE_MPS_FOLDER"]) / "calls").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps(call) + "\n")
    return run_daemon() if command == "-d" else answer(command)


if __name__ == "__main__":
    sys.exit(main())
