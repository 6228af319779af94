"""The folder of pulled models: which are complete, which are not yet, and what a name means.

`models--OWNER--NAME/REVISION/` holds one revision with its manifest, `models--OWNER--NAME/refs.json` what branches and
tags meant when they were pulled, `.partial/` what is being fetched, `.locks/` who is at work. It fetches nothing. The
invariant: what `find` returns was complete and checked when it got its name, and has all its files in their sizes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harken.config import ModelsConfig
from harken.models.manifest import Manifest, manifest_fields, read_manifest
from harken.models.names import MANIFEST, Spec, folder_of, is_commit, is_name, name_of
from harken.models.refs import read_refs, remove_if_empty, write_ref
from harken.models.removal import delete, set_aside, sweep
from harken.models.whole_file import write_whole

DEFAULT = ""
"""The ref of what was pulled without naming a revision."""

_SHORT = 7
"""So many digits of a commit are enough."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """One complete revision.

    Attributes:
        folder: where it is.
        manifest: what is in it.
        refs: the branches and tags that meant it when they were pulled; "" is the source's default.
    """

    folder: Path
    manifest: Manifest
    refs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of the model."""
        return self.manifest.name

    @property
    def revision(self) -> str:
        """Of the model."""
        return self.manifest.revision

    @property
    def missing(self) -> tuple[str, ...]:
        """Files that are gone or have another size than they should."""
        return tuple(file.name for file in self.manifest.files if size_of(self.folder / file.name) != file.size)


@dataclass(frozen=True, kw_only=True, slots=True)
class Partial:
    """A revision that is not complete, or lost its manifest; its bytes are what lies there.

    Attributes:
        name: of the model.
        revision: of it.
        folder: where its files are.
    """

    name: str
    revision: str
    folder: Path


def models_folder(config: ModelsConfig, env: Mapping[str, str]) -> Path:
    """Tell where pulled models are, by the configuration, else by the XDG base directory specification."""
    if config.folder:
        return Path(config.folder).expanduser().absolute()
    home = env.get("XDG_DATA_HOME", "")
    # The specification says that a relative path there is to be ignored.
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "share"
    return base / "harken" / "models"


def open_store(config: ModelsConfig, env: Mapping[str, str]) -> ModelStore:
    """The store that a configuration means."""
    return ModelStore(models_folder(config, env))


class ModelStore:
    """What lies in one folder; nothing is remembered, every question looks anew.

    Attributes:
        folder: of all models; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, spec: Spec) -> Stored | None:
        """The complete revision that a name means, or None.

        Without a revision: what was pulled without one, else the newest. With one: a branch or tag as it was when it
        was pulled, a commit, or at least seven of its first digits where they mean one.
        """
        found = [one for one in self.revisions(spec.name) if not one.missing]
        if spec.revision is None:
            default = [one for one in found if DEFAULT in one.refs]
            return max(default or found, key=lambda one: one.manifest.pulled_at, default=None)
        named = [one for one in found if spec.revision in (one.manifest.revision, *one.refs)]
        if not named and len(spec.revision) >= _SHORT:
            named = [one for one in found if one.manifest.revision.startswith(spec.revision)]
        return named[0] if len(named) == 1 else None

    def revisions(self, name: str) -> list[Stored]:
        """All revisions of a model that were complete once."""
        found = (self.at(name, folder.name) for folder in _folders(self.folder / folder_of(name)))
        return [one for one in found if one is not None]

    def at(self, name: str, revision: str) -> Stored | None:
        """One whole revision by its whole name."""
        if not is_name(name) or not is_commit(revision):
            return None
        folder = self.place(name, revision)
        manifest = manifest_in(folder)
        if manifest is None or (manifest.name, manifest.revision) != (name, revision):
            return None
        its = tuple(sorted(ref for ref, meant in self.refs(name).items() if meant == revision))
        return Stored(folder=folder, manifest=manifest, refs=its)

    def all(self) -> list[Stored]:
        """All of all models, by name and age."""
        names = sorted(filter(None, (name_of(folder.name) for folder in _folders(self.folder))))
        return [one for name in names for one in sorted(self.revisions(name), key=lambda one: one.manifest.pulled_at)]

    def partials(self) -> list[Partial]:
        """What was begun and is not complete."""
        found = []
        for parent in _folders(self.folder / ".partial"):
            name = name_of(parent.name)
            if name is not None:
                found += [
                    Partial(name=name, revision=one.name, folder=one) for one in _folders(parent) if is_commit(one.name)
                ]
        return found

    def damaged(self) -> list[Partial]:
        """What has the name of a revision, and no manifest that can be read."""
        found = []
        for parent in _folders(self.folder):
            name = name_of(parent.name)
            if name is not None:
                its = (Partial(name=name, revision=one.name, folder=one) for one in _folders(parent))
                found += [one for one in its if is_commit(one.revision) and self.at(name, one.revision) is None]
        return found

    def place(self, name: str, revision: str) -> Path:
        """Where a complete revision is, or will be."""
        return self.folder / folder_of(name) / revision

    def partial_place(self, name: str, revision: str) -> Path:
        """Where it is collected before."""
        return self.folder / ".partial" / folder_of(name) / revision

    def lock_of(self, name: str, revision: str) -> Path:
        """The file of its lock."""
        return self.folder / ".locks" / f"{folder_of(name)}@{revision}"

    def lock_of_refs(self, name: str) -> Path:
        """The file of the lock on what its branches mean, and on which revisions there are."""
        return self.folder / ".locks" / folder_of(name)

    def refs(self, name: str) -> dict[str, str]:
        """What branches and tags of a model meant when they were pulled."""
        return read_refs(self.folder / folder_of(name))

    def set_ref(self, name: str, ref: str, revision: str) -> None:
        """Note what a branch or tag means now."""
        write_ref(self.folder / folder_of(name), self.lock_of_refs(name), ref, revision)

    def remove(self, name: str, folder: Path) -> None:
        """Delete a revision; it loses its name first, so that nobody finds half of it. Its lock is held.

        Raises:
            OSError: it cannot be deleted.
        """
        delete(set_aside(folder))
        self._tidy(name)

    def sweep(self, name: str) -> None:
        """Delete what earlier removals of a model that were killed left."""
        found = [sweep(parent, lambda revision: self.lock_of(name, revision)) for parent in self._parents(name)]
        if any(found):
            with suppress(OSError):
                self._tidy(name)

    def _tidy(self, name: str) -> None:
        """Delete the folders of a model in which nothing is left."""
        whole, partial = self._parents(name)
        if whole.is_dir():
            remove_if_empty(whole, self.lock_of_refs(name))
        for empty in (partial, partial.parent):
            with suppress(OSError):
                empty.rmdir()

    def _parents(self, name: str) -> tuple[Path, Path]:
        return self.folder / folder_of(name), self.folder / ".partial" / folder_of(name)


def manifest_in(folder: Path) -> Manifest | None:
    """The manifest of a model's folder; None where there is none that can be read."""
    try:
        return read_manifest((folder / MANIFEST).read_bytes())
    except OSError:
        return None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it into its folder, whole or not at all."""
    write_whole(folder / MANIFEST, json.dumps(manifest_fields(manifest), indent=2, ensure_ascii=False))


def note_verified(stored: Stored, at: str) -> None:
    """Note when all files were found right; where the folder cannot be written, nobody is worse off."""
    try:
        write_manifest(stored.folder, dataclasses.replace(stored.manifest, verified_at=at))
    except OSError:
        return


def size_of(path: Path) -> int | None:
    """A file's size; None where there is no file."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(one for one in parent.iterdir() if one.is_dir() and not one.name.startswith("."))
    except OSError:
        return []
