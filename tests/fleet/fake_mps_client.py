"""Becomes the program of its arguments, once it has found the MPS daemon and become its client, as CUDA does."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path


def main(command: list[str]) -> None:
    """Write our process down, where the variables name a daemon that is there."""
    pipe = os.environ.get("CUDA_MPS_PIPE_DIRECTORY")
    if pipe is not None:
        with socket.socket(socket.AF_UNIX) as asking:
            try:
                asking.connect(f"{pipe}/control")
            except OSError:
                pass
            else:
                with (Path(pipe) / "clients").open("a", encoding="ascii") as clients:
                    clients.write(f"{os.getpid()}\n")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
