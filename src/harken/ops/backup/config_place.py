"""Where a restored configuration goes: to a place of its own, or into the state folder that is restored with it.

One inside is part of the new state before that is put into its place: beside the old state it would be moved aside with
it. Knows nothing of what is configured. The invariant: what can fail does so before the state folder is touched.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harken.errors import ConfigError
from harken.ops.backup.errors import RestoreRefused
from harken.ops.backup.place import give_owner, move_file_aside

_TAKEN = ("harken.db", "harken.db-wal", "harken.db-shm", "recordings", "run", "webhook-secret", "model", "aligner")
"""What a state folder, or a restored one, holds under its own names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigPlace:
    """A file that may be written.

    Attributes:
        path: of it; no folder in it is a link.
        inside: its path in the state folder; None where it is elsewhere.
    """

    path: Path
    inside: Path | None


def check_config_place(asked: Path | None, state: Path, *, replaces: bool) -> ConfigPlace | None:
    """See whether a configuration may go there.

    Args:
        asked: where it should; None for nowhere.
        state: the state folder's place, without links.
        replaces: one that is there is moved aside.

    Raises:
        ConfigError: it cannot be a file's place.
        RestoreRefused: something is there.
    """
    if asked is None:
        return None
    if asked.name in ("", ".."):
        raise ConfigError(f"{asked} is not the name of a file for the configuration.")
    path = asked.parent.resolve() / asked.name
    inside = path.relative_to(state) if path.is_relative_to(state) else None
    if inside is not None and (not inside.parts or inside.parts[0] in _TAKEN):
        raise ConfigError(f"{asked} is where the state itself goes; name another file for the configuration.")
    if inside is None and not path.parent.is_dir():
        raise ConfigError(f"There is no folder {asked.parent} for the configuration.")
    if path.is_dir() or (path.exists() and not replaces):
        raise RestoreRefused(f"{asked} is there already; --replace moves it aside first.")
    return ConfigPlace(path=path, inside=inside)


@contextmanager
def new_config(data: bytes, where: ConfigPlace | None, state: Path) -> Iterator[Path | None]:
    """The configuration, in the new state or beside its own place.

    Args:
        data: its text.
        where: it goes; None for nowhere.
        state: the new state folder, not in its place yet.

    Yields:
        The file for `put_config`; None where there is nothing to be put.
    """
    if where is None:
        yield None
        return
    if where.inside is not None:
        for folder in reversed(where.inside.parents[:-1]):
            (state / folder).mkdir(mode=0o700, exist_ok=True)
        _write(state / where.inside, data, where.path)
        yield None
        return
    draft = where.path.with_name(f".{where.path.name}.{secrets.token_hex(4)}.partial")
    try:
        _write(draft, data, where.path)
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def put_config(draft: Path, where: ConfigPlace) -> dict[Path, Path]:
    """Put it into its own place; return what was there, and where that is now.

    Raises:
        OSError: it cannot be put.
    """
    aside = {where.path: move_file_aside(where.path)} if where.path.exists() else {}
    draft.rename(where.path)
    return aside


def _write(path: Path, data: bytes, like: Path) -> None:
    """Write a new file, with the owner and mode of the one that it replaces."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if like.exists():
        give_owner(path, like)
        path.chmod(like.stat().st_mode & 0o777)
