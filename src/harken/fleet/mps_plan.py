"""Which instances share their GPU through NVIDIA's Multi-Process Service, and what its control program says.

Pure. (The device "mps" is Apple's and has nothing to do with it.)
"""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harken.config import FleetConfig
from harken.errors import ConfigError

MODES = ("off", "on", "auto")

PROGRAM = "nvidia-cuda-mps-control"

PIPE_DIRECTORY = "CUDA_MPS_PIPE_DIRECTORY"
LOG_DIRECTORY = "CUDA_MPS_LOG_DIRECTORY"
THREAD_PERCENTAGE = "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"

_SOCKET_PATH_BYTES = 107
"""The longest path of a Unix socket on Linux."""

_SOCKET_NAME_BYTES = 37
"""Room for what the daemon calls its sockets; the longest that is known is "/control_privileged"."""


def groups_under_mps(mode: str, groups: Sequence[str], *, has_mps: bool) -> frozenset[str]:
    """Choose the GPUs that are shared through MPS.

    Args:
        mode: `fleet.mps`.
        groups: of each instance, as `placing.group_of` has them.
        has_mps: whether the control program is on this machine.

    Raises:
        ConfigError: an unknown mode, or "on" where there can be no MPS.
    """
    if mode not in MODES:
        close = difflib.get_close_matches(mode, MODES, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(MODES)}."
        raise ConfigError(f"Unknown fleet.mps: {mode!r}; {hint}")
    sizes = Counter(group for group in groups if group == "auto" or group.startswith("cuda:"))
    if mode == "on":
        if not has_mps:
            raise ConfigError(f"fleet.mps is 'on', but {PROGRAM} is not in PATH, or this is no Linux 5.3 or later.")
        if not sizes:
            raise ConfigError("fleet.mps is 'on', but no instance is on an NVIDIA GPU.")
        return frozenset(sizes)
    if mode == "auto" and has_mps:
        return frozenset(group for group, size in sizes.items() if size > 1)
    return frozenset()


def client_variables(folder: Path, fleet: FleetConfig) -> dict[str, str]:
    """Return what tells an instance where its daemon is, and how much of the GPU it may use."""
    variables = daemon_variables(folder)
    if fleet.mps_thread_percentage:
        variables[THREAD_PERCENTAGE] = str(fleet.mps_thread_percentage)
    return variables


def daemon_variables(folder: Path) -> dict[str, str]:
    """Return what tells the daemon where its sockets and its log belong."""
    return {PIPE_DIRECTORY: str(pipe_folder(folder)), LOG_DIRECTORY: str(log_folder(folder))}


def pipe_folder(folder: Path) -> Path:
    """Where the sockets are."""
    return folder / "pipe"


def log_folder(folder: Path) -> Path:
    """Where the log is."""
    return folder / "log"


def has_room_for_sockets(folder: Path) -> bool:
    """Whether sockets below it have paths that are short enough."""
    return len(os.fsencode(pipe_folder(folder))) <= _SOCKET_PATH_BYTES - _SOCKET_NAME_BYTES


def read_pids(output: str) -> tuple[int, ...]:
    """Read a list of processes as the control program writes it: a number a line; anything else is not one."""
    lines = (line.strip() for line in output.splitlines())
    return tuple(int(line) for line in lines if line.isascii() and line.isdecimal())
