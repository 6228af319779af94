"""Server-side paths in jobs: only below the folders that the operator named, wherever links lead.

Blocking, but for nothing else than the file system: a pipe, which may never be written to, is not waited for. A path is
taken as what it really is (links resolved), both when the job is accepted and again when the file is opened. The
invariant: nothing outside the folders is read, nothing but regular files either, and a client cannot learn from an
answer what exists there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from harken.errors import ClientError, NotPermitted, UploadTooLarge
from harken.jobs.types import NewFile


def allowed_folders(setting: str) -> tuple[Path, ...]:
    """Read `jobs.paths`: folders, separated by ":"."""
    return tuple(Path(part).expanduser() for part in setting.split(os.pathsep) if part)


def named_file(path: str, folders: Sequence[Path], *, max_bytes: int) -> NewFile:
    """Take a path that a client named.

    Raises:
        NotPermitted: paths are not enabled, or this one is outside of the folders.
        ClientError: it is relative, does not exist, or is no readable file.
        UploadTooLarge: it is larger than an upload may be.
    """
    if not folders:
        raise NotPermitted("Jobs may not name files by path on this server; upload them.", field="paths")
    if "\0" in path or not Path(path).is_absolute():
        raise ClientError(f"{path[:200]!r} is not an absolute path.", field="paths")
    real = _real(path, folders)
    with _open(real, path) as file:
        status = os.fstat(file.fileno())
    if status.st_size > max_bytes:
        raise UploadTooLarge(f"{path[:200]!r} is larger than {max_bytes} bytes.", field="paths")
    return NewFile(name=path, path=str(real), stamp=_stamp(status), is_ours=False)


def open_named(path: str, folders: Sequence[Path]) -> tuple[BinaryIO, str]:
    """Open a file that a job named; return it, and a stamp that changes when it does.

    Raises:
        NotPermitted: it is not in the folders (any more).
        ClientError: it is no readable file (any more).
    """
    real = _real(path, folders)
    file = _open(real, path)
    status = os.fstat(file.fileno())
    # Between the look and the opening a link may have been put there: what was opened must be what is allowed.
    again = _real(path, folders)
    if not again.exists() or not os.path.samestat(status, again.stat()):
        file.close()
        raise NotPermitted(f"{path[:200]!r} changed while it was opened.")
    return file, _stamp(status)


def _real(path: str, folders: Sequence[Path]) -> Path:
    real = Path(os.path.realpath(path))
    if not any(real.is_relative_to(os.path.realpath(folder)) for folder in folders):
        raise NotPermitted(f"{path[:200]!r} is not in a folder that jobs may read.", field="paths")
    return real


def _open(real: Path, path: str) -> BinaryIO:
    """Open a regular file; `path` is how the client named it."""
    try:
        # Without O_NONBLOCK the opening of a pipe waits until somebody writes; for regular files it means nothing.
        opened = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise ClientError(f"{path[:200]!r} cannot be read: {error.strerror}.", field="paths") from error
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise ClientError(f"{path[:200]!r} is not a file.", field="paths")
    return os.fdopen(opened, "rb")


def _stamp(status: os.stat_result) -> str:
    return f"{status.st_size}.{status.st_mtime_ns}.{status.st_ino}"
