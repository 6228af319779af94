"""The state folder: where it is, and making it so that only its owner can read it.

Recordings and API keys' hashes lie in it, so it is made with mode 0700; a folder that was there before keeps the mode
that its owner gave it. The invariant: no folder is made before something is to be kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harken.config import StateConfig
from harken.errors import StateUnavailable


def state_folder(config: StateConfig, env: Mapping[str, str]) -> Path:
    """Tell where the state folder is, by the configuration, else by the XDG base directory specification."""
    if config.folder:
        return Path(config.folder).expanduser().absolute()
    home = env.get("XDG_STATE_HOME", "")
    # The specification says that a relative path there is to be ignored.
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "state"
    return base / "harken"


def make_folder(folder: Path) -> Path:
    """Make a folder (and those above it) that only this user can read; return it.

    Raises:
        StateUnavailable: it cannot be made.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StateUnavailable(f"The state folder {folder} cannot be made: {error.strerror or error}.") from error
    return folder
