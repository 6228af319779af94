"""The models whose files a gateway offers to other machines: all that were pulled, and the folders that it serves from.

A pulled model has its manifest already. Of any other folder one is made when the server starts, by hashing its files;
its revision is then an id made of the content. Everything here blocks, so run it in a thread. The invariant: only files
of a manifest are ever opened, and only while they are as they were when they were hashed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harken.errors import NotFound, Unavailable
from harken.models.hashing import digests_of
from harken.models.manifest import FileEntry, Manifest, content_revision
from harken.models.names import Spec, is_commit, is_safe, is_wanted
from harken.models.store import DEFAULT, ModelStore

Folders = Callable[[], Mapping[str, Path]]
"""Finds the folders that are served from, by the names of their models; may take a second."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offered:
    """One revision of one model.

    Attributes:
        manifest: its files.
        folder: where they are.
        refs: branches and tags that meant it when it was pulled.
        is_default: it is what the bare name means.
        changed_ns: when each file was last changed, as it was when it was hashed; empty where that was not looked at.
    """

    manifest: Manifest
    folder: Path
    refs: tuple[str, ...] = ()
    is_default: bool = False
    changed_ns: Mapping[str, int] = field(default_factory=dict)


class Shelf:
    """What is offered.

    Args:
        store: the models that were pulled.
        folders: finds what else is served.
    """

    def __init__(self, store: ModelStore, folders: Folders) -> None:
        self._store = store
        self._folders = folders
        self._hashed: dict[str, Offered] | None = None

    def prepare(self, is_stopped: Callable[[], bool]) -> list[str]:
        """Hash the folders that were not pulled; until that is done, `offered` and `find` say when to ask again.

        Returns:
            A sentence for each folder that cannot be read; it is not offered.

        Raises:
            Stopped: `is_stopped` said so.
        """
        hashed, failures = {}, []
        for name, folder in self._folders().items():
            try:
                offered = None if self._is_pulled(folder) else _hashed(name, folder, is_stopped)
            except OSError as error:
                failures.append(f"{name} in {folder} cannot be read: {error.strerror or error}.")
                continue
            if offered is not None:
                hashed[name] = offered
        self._hashed = hashed
        return failures

    def _is_pulled(self, folder: Path) -> bool:
        return self._store.folder.resolve() in folder.resolve().parents

    def offered(self) -> list[Offered]:
        """Everything, by name.

        Raises:
            Unavailable: files are still being hashed.
        """
        hashed = self._ready()
        found = list(hashed.values())
        for one in self._store.all():
            if not one.missing:
                # What this server serves from comes before what was pulled under the same name.
                is_default = one.name not in hashed and self._means(one.name) == one.revision
                refs = tuple(ref for ref in one.refs if ref != DEFAULT)
                found.append(Offered(manifest=one.manifest, folder=one.folder, refs=refs, is_default=is_default))
        return sorted(found, key=lambda one: (one.manifest.name, not one.is_default))

    def find(self, name: str, revision: str) -> Offered:
        """One of them.

        Raises:
            NotFound: it is not offered.
            Unavailable: files are still being hashed.
        """
        hashed = self._ready().get(name)
        if hashed is not None and hashed.manifest.revision == revision:
            return hashed
        stored = self._store.at(name, revision)
        if stored is None:
            raise NotFound("No model of that name and revision is offered here; GET /models lists them.")
        return Offered(manifest=stored.manifest, folder=stored.folder)

    def open(self, offered: Offered, name: str) -> tuple[int, FileEntry]:
        """Open a file of it; whoever gets the descriptor closes it.

        Raises:
            NotFound: it has no such file, or not any more the one that was hashed.
        """
        entry = offered.manifest.file(name)
        if entry is None:
            raise NotFound("The manifest of that model has no such file.")
        try:
            descriptor = os.open(offered.folder / entry.name, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise NotFound(f"{entry.name} is no longer there.") from error
        stat = os.fstat(descriptor)
        if stat.st_size != entry.size or offered.changed_ns.get(name, stat.st_mtime_ns) != stat.st_mtime_ns:
            os.close(descriptor)
            raise NotFound(f"{entry.name} is no longer the file that it was.")
        return descriptor, entry

    def _ready(self) -> dict[str, Offered]:
        if self._hashed is None:
            raise Unavailable("The files of the models are still being hashed.", retry_after_s=2)
        return self._hashed

    def _means(self, name: str) -> str:
        found = self._store.find(Spec(name=name))
        return "" if found is None else found.revision


def _hashed(name: str, folder: Path, is_stopped: Callable[[], bool]) -> Offered | None:
    entries, changed_ns = [], {}
    for path in sorted(_files(folder)):
        relative = path.relative_to(folder).as_posix()
        if is_wanted(relative) and is_safe(relative) and path.is_file():
            before = path.stat()
            found = digests_of(path, is_stopped)
            entries.append(FileEntry(name=relative, size=found.size, sha256=found.sha256))
            changed_ns[relative] = before.st_mtime_ns
    if not entries:
        return None
    # A folder of the hub's cache is called as its commit.
    revision = folder.resolve().name
    if not is_commit(revision):
        revision = content_revision((entry.name, entry.size, entry.sha256) for entry in entries)
    manifest = Manifest(name=name, revision=revision, source="", files=tuple(entries))
    return Offered(manifest=manifest, folder=folder, is_default=True, changed_ns=changed_ns)


def _files(folder: Path) -> Iterable[Path]:
    """Its files; of folders below it none, as no model has any."""
    return folder.iterdir()
