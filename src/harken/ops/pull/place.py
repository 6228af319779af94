"""A revision's folder while it grows: whole files in `files/`, others in `parts/`, and a note of what was checked.

It gets its final name in one step. The invariant: that step is taken only when each file of the list is in `files/` and
was checked, and everything is on the disk.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from harken.models.hashing import Digests
from harken.models.lock import wait_lock
from harken.models.manifest import FileEntry, Manifest
from harken.models.names import MANIFEST
from harken.models.removal import delete, set_aside
from harken.models.store import ModelStore, Stored, size_of, write_manifest
from harken.models.whole_file import write_whole
from harken.ops.pull.files import RemoteFile
from harken.ops.pull.partial import PartialFile

PART_BYTES = 64 * 1024 * 1024
"""Large enough that a hub's redirect costs nothing beside it, small enough that eight connections have work."""


class Place:
    """The folder of one revision that is being fetched; its methods block for as long as a disk does.

    Args:
        store: of all models.
        name: of the model.
        revision: of it.
        part_bytes: see `PART_BYTES`.
    """

    def __init__(self, store: ModelStore, name: str, revision: str, *, part_bytes: int = PART_BYTES) -> None:
        self._store = store
        self._folder = store.partial_place(name, revision)
        self._files = self._folder / "files"
        self._parts = self._folder / "parts"
        self._part_bytes = part_bytes
        self._checked: dict[str, FileEntry] = {}

    def open(self) -> None:
        """Make the folder, and read what an earlier try left.

        Raises:
            OSError: it cannot be made.
        """
        self._files.mkdir(parents=True, exist_ok=True)
        self._parts.mkdir(exist_ok=True)
        with suppress(OSError, ValueError, TypeError, KeyError):
            noted = json.loads((self._folder / "checked.json").read_text(encoding="utf-8"))
            self._checked = {one["name"]: FileEntry(**one) for one in noted}

    def forget(self, names: Iterable[str]) -> None:
        """Take files that are whole for others than those that are wanted."""
        for name in names:
            self._checked.pop(name, None)

    def entry(self, file: RemoteFile) -> FileEntry | None:
        """What is known of a file that is whole and checked; None of others."""
        entry = self._checked.get(file.name)
        if entry is None or size_of(self._files / file.name) != entry.size:
            return None
        return entry if file.sha256 in ("", entry.sha256) and file.size in (None, entry.size) else None

    def partial(self, file: RemoteFile) -> PartialFile:
        """Where a file that is not whole is collected."""
        return PartialFile(self._part(file), self._part(file, ".journal"), part_bytes=self._part_bytes)

    def bytes_missing(self, file: RemoteFile, others: Iterable[Stored]) -> int:
        """What a file will take of the disk beyond what is there, as far as its source tells."""
        if self.entry(file) is not None:
            return 0
        partial, device = self.partial(file), _device_of(self._parts)
        # A link takes nothing; where links cannot be, the disk itself says when it is full.
        if not partial.data.exists() and any(_device_of(path) == device for path in _twins(file, others)):
            return 0
        return max(0, (file.size or 0) - partial.taken)

    def borrow(self, file: RemoteFile, others: Iterable[Stored]) -> bool:
        """Take a file from another revision that has the same one; whether there was one. It is to be checked again."""
        for path in _twins(file, others):
            with suppress(OSError):
                _link(path, self._part(file))
                return True
        return False

    def sync(self, file: RemoteFile) -> None:
        """Make sure that a file's bytes are on the disk; may take seconds, so run it in a thread.

        Raises:
            OSError: they cannot be.
        """
        _sync(self._part(file))

    def keep(self, file: RemoteFile, found: Digests) -> FileEntry:
        """Put a file that was checked among the whole ones; not from two threads at once.

        Raises:
            OSError: it cannot be.
        """
        checked = "sha256" if file.sha256 else "git" if file.git_sha1 else "none"
        entry = FileEntry(name=file.name, size=found.size, sha256=found.sha256, checked=checked)
        target = self._files / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        self._part(file).replace(target)
        self._part(file, ".journal").unlink(missing_ok=True)
        self._checked[file.name] = entry
        self._note()
        return entry

    def adopt(self, stored: Stored, good: Iterable[FileEntry]) -> None:
        """Take back a revision of which some files are damaged: it is no longer complete, and its good files stay.

        Raises:
            OSError: it cannot be.
        """
        shutil.rmtree(self._folder, ignore_errors=True)
        self._parts.mkdir(parents=True)
        self._checked = {entry.name: entry for entry in good}
        self._note()
        stored.folder.rename(self._files)
        (self._files / MANIFEST).unlink(missing_ok=True)

    def publish(self, manifest: Manifest) -> Path:
        """Give the folder its final name; what has that name and is no model makes way.

        Raises:
            OSError: it cannot be.
        """
        final = self._store.place(manifest.name, manifest.revision)
        wanted = {file.name for file in manifest.files}
        for path in self._files.rglob("*"):
            if path.is_file() and path.relative_to(self._files).as_posix() not in wanted:
                path.unlink()  # of another list of files, which this place held before
        write_manifest(self._files, manifest)
        _sync(self._files)
        with wait_lock(self._store.lock_of_refs(manifest.name)):  # nobody tidies the folder away meanwhile
            final.parent.mkdir(parents=True, exist_ok=True)
            doomed = set_aside(final) if os.path.lexists(final) else None
            self._files.rename(final)
        _sync(final.parent)
        if doomed is not None:
            with suppress(OSError):
                delete(doomed)
        self.discard()
        return final

    def discard(self) -> None:
        """Leave nothing of what was collected."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for parent in (self._folder.parent, self._folder.parent.parent):
            with suppress(OSError):
                parent.rmdir()

    def _note(self) -> None:
        noted = [asdict(entry) for entry in self._checked.values()]
        write_whole(self._folder / "checked.json", json.dumps(noted, indent=1))

    def _part(self, file: RemoteFile, more: str = "") -> Path:
        return self._parts / (file.name.replace("/", "%") + more)


def _twins(file: RemoteFile, others: Iterable[Stored]) -> Iterator[Path]:
    """Files of other revisions that should have the same content."""
    for other in others:
        for entry in other.manifest.files:
            if file.sha256 and entry.sha256 == file.sha256:
                yield other.folder / entry.name


def _device_of(path: Path) -> int:
    """The disk that a file is on; -1 of none."""
    try:
        return path.stat().st_dev
    except OSError:
        return -1


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    target.with_name(target.name + ".journal").unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
