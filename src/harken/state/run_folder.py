"""The run folder of a gateway: its control socket, what it remembers of its fleet, its logs and crash reports.

One for each port, in the state folder. Who takes one holds a lock in it (`fleet.run_place`): two gateways may have the
same port, of different addresses. The invariant: all of them are readable by this user only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harken.config import StateConfig
from harken.state.folder import make_folder, state_folder


def run_folder(config: StateConfig, env: Mapping[str, str], port: int) -> Path:
    """Tell where the run folder of the gateway on a port is; it need not exist."""
    return state_folder(config, env) / "run" / str(port)


def make_run_folder(config: StateConfig, env: Mapping[str, str], port: int) -> Path:
    """Make the run folder, readable by this user only; return it.

    Raises:
        StateUnavailable: it cannot be made.
    """
    folder = run_folder(config, env, port)
    make_folder(folder.parent.parent)
    make_folder(folder.parent)
    return make_folder(folder)


def run_folders(config: StateConfig, env: Mapping[str, str]) -> dict[int, Path]:
    """All run folders, by port, in its order; those of gateways that have ended too."""
    parent = state_folder(config, env) / "run"
    try:
        found = {int(folder.name): folder for folder in parent.iterdir() if folder.name.isdecimal()}
    except OSError:
        return {}
    return dict(sorted(found.items()))
