"""Digests of files: SHA-256, and git's name for a small file. Blocks, so run it in a thread."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_BLOCK_BYTES = 1024 * 1024


class Stopped(Exception):
    """Whoever asked no longer wants to know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Digests:
    """Of one file.

    Attributes:
        size: in bytes, as read.
        sha256: of the content.
        git_sha1: what git calls a file of this content (its blob id).
    """

    size: int
    sha256: str
    git_sha1: str


def digests_of(path: Path, is_stopped: Callable[[], bool] = lambda: False) -> Digests:
    """Read a file once and make both digests.

    Args:
        path: the file.
        is_stopped: asked after every MiB.

    Raises:
        OSError: it cannot be read.
        Stopped: `is_stopped` said so.
    """
    size = path.stat().st_size
    sha256 = hashlib.sha256()
    # Not for security: it is git's own name for a file, and the only digest that hubs tell of small ones.
    git = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    read = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            if is_stopped():
                raise Stopped
            read += len(block)
            sha256.update(block)
            git.update(block)
    return Digests(size=read, sha256=sha256.hexdigest(), git_sha1=git.hexdigest())
