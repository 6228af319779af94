"""A word that is made once and kept in a file: a shelf's name, the webhooks' secret.

Blocking; raises `OSError` as the file system does. The file appears whole and on the disk or not at all, so a crash
leaves none that is empty; one that lost its text otherwise is made anew. The invariant: servers that make it at the
same moment end up with the same word.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def kept_once(path: Path, make: Callable[[], str]) -> str:
    """Return what the file holds, without white space around it; where it holds nothing, make it.

    Args:
        path: the file; its folder exists. It is readable for its owner alone.
        make: returns a new word, by chance and not empty.

    Raises:
        OSError: the file cannot be read or kept.
    """
    word = _read(path)
    if not word:
        _keep(path, make())
        word = _read(path)
    return word


def _read(path: Path) -> str:
    try:
        # A file system that lost its power may leave zeros where the text was.
        return path.read_text(errors="replace").strip(" \n\0")
    except FileNotFoundError:
        return ""


def _keep(path: Path, word: str) -> None:
    # No process id: servers in containers that share the folder may all be process 1.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(word + "\n")
            file.flush()
            os.fsync(file.fileno())
        if path.exists() and not _read(path):
            path.unlink(missing_ok=True)
        os.link(draft, path)  # whole or not at all, and never over another server's
        _sync(path.parent)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
