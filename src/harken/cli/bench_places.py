"""Where `harken bench` writes its reports, looked at before anything is sent: an hour of load is not lost at its end.

The invariants: each report has a file of its own, and none of them is a recording.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from harken.errors import ConfigError


def check_places(places: Mapping[str, Path | None], files: Sequence[Path]) -> None:
    """Each is a file of its own."""
    seen: dict[Path, str] = {}
    for option, path in places.items():
        if path is None:
            continue
        if str(path) == "-":
            raise ConfigError(f"{option} wants a file; standard output is /dev/stdout.")
        _check_place(path, files)
        other = seen.setdefault(path.resolve(), option)
        if other != option and (path.is_file() or not path.exists()):
            raise ConfigError(f"{other} and {option} are the same file: {path}.")


def _check_place(path: Path, files: Sequence[Path]) -> None:
    """Before the run: a report that cannot be written is found out after an hour otherwise."""
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; a report is a file.")
    if any(path.resolve() == file.resolve() for file in files):
        raise ConfigError(f"{path} is one of the recordings; the report would take its place.")
    place = path if path.exists() else path.parent
    if not os.access(place, os.W_OK):
        raise ConfigError(f"{path} cannot be written.")
