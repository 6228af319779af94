"""What `harken models` tells of each pulled model: plain data, read from the folder of models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harken.models.names import Spec
from harken.models.store import DEFAULT, ModelStore, Partial, Stored


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One revision of a model, complete or not.

    Attributes:
        name: of the model.
        revision: the whole commit.
        refs: branches and tags that meant it.
        is_default: it is what the bare name means.
        state: "complete", "damaged" (files or the manifest are gone, or a file has another size) or "partial".
        bytes: on the disk.
        source: where it came from; "" of one without a manifest.
        pulled_at: when it was complete; "" of one without a manifest.
        verified_at: when its files were last hashed and found right.
        folder: where it is.
    """

    name: str
    revision: str
    refs: tuple[str, ...]
    is_default: bool
    state: str
    bytes: int
    source: str
    pulled_at: str
    verified_at: str
    folder: str


def lines_of(store: ModelStore) -> list[Line]:
    """What is in the folder of models."""
    lines = [_complete(one, store.find(Spec(name=one.manifest.name))) for one in store.all()]
    lines += [_without_manifest(one, "damaged") for one in store.damaged()]
    return lines + [_without_manifest(one, "partial") for one in store.partials()]


def _complete(one: Stored, default: Stored | None) -> Line:
    manifest = one.manifest
    return Line(
        name=one.name,
        revision=one.revision,
        refs=tuple(ref for ref in one.refs if ref != DEFAULT),
        is_default=default is not None and default.folder == one.folder,
        state="damaged" if one.missing else "complete",
        bytes=manifest.bytes,
        source=manifest.source,
        pulled_at=manifest.pulled_at,
        verified_at=manifest.verified_at,
        folder=str(one.folder),
    )


def _without_manifest(one: Partial, state: str) -> Line:
    return Line(
        name=one.name,
        revision=one.revision,
        refs=(),
        is_default=False,
        state=state,
        bytes=bytes_on_disk(one.folder),
        source="",
        pulled_at="",
        verified_at="",
        folder=str(one.folder),
    )


def fields_of(line: Line) -> dict[str, object]:
    """A line as JSON has it."""
    return {name: getattr(line, name) for name in Line.__slots__}


def bytes_on_disk(folder: Path) -> int:
    """What a folder takes."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def bytes_freed(folder: Path) -> int:
    """What deleting a folder frees: a file that another revision shares frees nothing."""
    found = (path.stat() for path in folder.rglob("*") if path.is_file())
    return sum(stat.st_blocks * 512 for stat in found if stat.st_nlink == 1)
