"""Where the recordings of jobs lie until they have ended: a folder for each job, a file for each recording.

Blocking. Owns the order in which things become durable: every file, then its folder, then the folder above; only then
may the job's row be committed. A folder that is being filled is locked by its process, so whoever tidies up can tell an
upload that goes on from one whose server died; one whose job was committed has the sticky bit, so that a server with
another database, which knows nothing of the job, leaves it alone. The invariant: a file that a committed job needs is
on the disk, and what no job needs goes.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harken.errors import StateUnavailable, StorageFull
from harken.jobs.types import Job, new_job_id
from harken.log import get_log
from harken.state import kept_once, make_folder

ORPHAN_AGE_S = 60.0
"""A folder without a job that was not changed for so long, and that nobody fills, is left over from a crash."""

_ID = ".id"

_log = get_log("jobs.shelf")

Needed = Callable[[list[str]], Mapping[str, set[str]]]
"""For those of these jobs that exist: the paths of files that have not ended."""

_COMMITTED = 0o700 | stat.S_ISVTX

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Shelf:
    """All recordings of jobs on this machine.

    Args:
        folder: holds them; made when it is first used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._id = ""
        self._has_told = False

    def id(self) -> str:
        """A word that names this shelf among those of other machines that share the database."""
        with _named_failures():
            make_folder(self._folder.parent)
            make_folder(self._folder)
            self._id = kept_once(self._folder / _ID, lambda: secrets.token_hex(8))
            return self._id

    def is_there(self) -> bool:
        """Whether the folder is the one that was named: a share may not be mounted now, or only since."""
        try:
            return (self._folder / _ID).read_text().strip() == self._id
        except OSError:
            return False

    def place(self, path: str) -> Path:
        """Where a recording lies: by its names alone, since a share may be mounted elsewhere on other machines.

        Args:
            path: as the server that took it in knows it.
        """
        return self._folder / Path(path).parent.name / Path(path).name

    def free_bytes(self) -> int:
        """Bytes that the disk has room for."""
        with _named_failures():
            return shutil.disk_usage(self._folder).free

    def begin(self) -> Arrival:
        """Make the folder of a new job.

        Raises:
            StorageFull: the disk has no room.
            StateUnavailable: the folder cannot be written.
        """
        job_id = new_job_id()
        if not self.is_there():
            # What was put under its mount point would be gone when it is mounted again.
            raise StateUnavailable("The folder with the recordings is not there now.")
        with _named_failures():
            folder = make_folder(self._folder / job_id)
            return Arrival(job_id, folder, _lock(folder))

    def drop(self, path: Path) -> None:
        """Remove a recording that has ended, and its folder with the last of them."""
        path.unlink(missing_ok=True)
        try:
            path.parent.rmdir()
        except OSError:
            return  # others are still in it, or it is gone

    def drop_all(self, job_id: str) -> None:
        """Remove all recordings of a job that has ended."""
        shutil.rmtree(self._folder / job_id, ignore_errors=True)

    def tidy(self, needed: Needed, *, now: float | None = None) -> int:
        """Remove what no job needs; return how many files and folders went.

        Args:
            needed: for the jobs that exist: the paths of files that have not ended.
            now: seconds since 1970.
        """
        if not self._folder.is_dir():
            return 0
        folders = {path.name: path for path in self._folder.iterdir() if path.is_dir()}
        wanted = needed(list(folders))
        removed = 0
        for job_id, folder in folders.items():
            if job_id not in wanted:
                removed += self._remove_orphan(folder, needed, time.time() if now is None else now)
                continue
            # By their names alone: the state folder may have been moved, or be known under another link.
            kept = {Path(path).name for path in wanted[job_id]}
            for path in folder.iterdir():
                if path.name not in kept:
                    self.drop(path)
                    removed += 1
        return removed

    def _remove_orphan(self, folder: Path, needed: Needed, now: float) -> bool:
        if folder.stat().st_mode & stat.S_ISVTX and any(folder.iterdir()):
            self._tell_of_strangers(folder)
            return False
        if now - folder.stat().st_mtime < ORPHAN_AGE_S or (lock := _lock(folder)) is None:
            return False
        try:
            # Its upload may have ended, with a job, between the first look and the lock.
            is_orphan = folder.name not in needed([folder.name])
            if is_orphan:
                shutil.rmtree(folder, ignore_errors=True)
            return is_orphan
        finally:
            os.close(lock)

    def _tell_of_strangers(self, folder: Path) -> None:
        if not self._has_told:
            _log.warning("jobs.recordings_of_another_database", folder=str(folder))
        self._has_told = True


class Arrival:
    """The folder of a job that is being handed in; `end` ends it, whether or not there is a job then.

    Attributes:
        job_id: the job it is for.
        sizes: bytes of each file so far.
    """

    def __init__(self, job_id: str, folder: Path, lock: int | None) -> None:
        self.job_id = job_id
        self.sizes: list[int] = []
        self._folder = folder
        self._lock = lock
        self._open: int | None = None
        self._mutex = threading.Lock()
        self._is_over = False
        self._is_kept = False

    def path(self, number: int) -> Path:
        """Where a file lies."""
        return self._folder / str(number)

    def begin_file(self) -> None:
        """Begin the next file."""
        with self._working():
            path = self.path(len(self.sizes))
            self._open = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self.sizes.append(0)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write the next bytes of the file that was begun last."""
        assert self._open is not None, "no file was begun"
        with self._working():
            left = memoryview(data)
            while left:
                left = left[os.write(self._open, left) :]
        self.sizes[-1] += len(data)

    def end_file(self) -> None:
        """Put the file on the disk."""
        assert self._open is not None, "no file was begun"
        with self._working():
            os.fsync(self._open)
            os.close(self._open)
        self._open = None

    def commit(self, write: Callable[[], Job]) -> Job:
        """Put the folder on the disk and write the job's row; the folder is kept if the row is of this job.

        Whoever asked for it may have left meanwhile, and `end` may be called while this runs: it waits.
        """
        with self._working():
            self._seal()
            try:
                job = write()
            except StateUnavailable:
                # Nobody knows whether the row is there; the shelf's tidying finds out.
                self._is_kept = True
                raise
            self._is_kept = job.id == self.job_id
            if self._is_kept and self._lock is not None:
                os.fchmod(self._lock, _COMMITTED)  # by its descriptor: a fast worker may have removed it already
            return job

    def end(self) -> None:
        """Let go of the folder; without a job nothing is left of it."""
        with self._mutex:
            self._is_over = True
            if self._open is not None:
                os.close(self._open)
                self._open = None
            if not self._is_kept:
                shutil.rmtree(self._folder, ignore_errors=True)
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def _seal(self) -> None:
        for folder in (self._folder, self._folder.parent):
            opened = os.open(folder, os.O_RDONLY)
            os.fsync(opened)
            os.close(opened)

    @contextmanager
    def _working(self) -> Iterator[None]:
        with self._mutex, _named_failures():
            if self._is_over:
                raise StateUnavailable("The upload ended before its job was written.")
            yield


def _lock(folder: Path) -> int | None:
    """Lock a folder until the descriptor is closed or the process dies; None where somebody has it."""
    import fcntl

    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        return None
    return opened


@contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull from error
        raise StateUnavailable(f"Recordings cannot be stored: {error.strerror or error}.") from error
