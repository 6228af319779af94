"""MANIFEST.json, the first file of every archive: what is in it, made by whom, and how to tell that it is whole.

Pure. Whatever is read is checked, because an archive may come from anywhere. The invariant: every other member is
named once, with its size and SHA-256, and by a name that is allowed.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harken.ops.backup.errors import BackupDamaged, RestoreRefused
from harken.ops.backup.names import is_allowed

NAME = "MANIFEST.json"
FORMAT = 1
"""Raised when an older Harken could misread an archive."""

BYTES_MAX = 64 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A file.

    Attributes:
        name: in the archive; of a model that is not part of it, in the model's folder.
        size: in bytes.
        sha256: in hexadecimal digits.
    """

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelNote:
    """A model that the server used.

    Attributes:
        role: "model" or "aligner".
        spec: as the configuration names it.
        name: as the model calls itself; "" where it is not on the machine.
        revision: of its weights; "" where it does not say.
        files: of its folder.
        is_included: they are members of the archive.
        is_absent: it is one that has files, and they were not on the machine.
    """

    role: str
    spec: str
    name: str = ""
    revision: str = ""
    files: tuple[Member, ...] = ()
    is_included: bool = False
    is_absent: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What an archive says of itself.

    Attributes:
        format: of the archive.
        harken: the version that made it.
        made_at: RFC 3339, UTC: the moment that the database is of.
        state_folder: where the state was.
        database: "sqlite", "postgresql" or another of SQLAlchemy's words; "" where there was none.
        counts: rows of each table.
        missing: recordings of unended files that were not on the disk.
        elsewhere: unended files whose recordings are on other machines, or the operator's own.
        models: the model and its aligner.
        members: every other file of the archive, in its order.
    """

    harken: str
    made_at: str
    state_folder: str
    format: int = FORMAT
    database: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    elsewhere: int = 0
    models: tuple[ModelNote, ...] = ()
    members: tuple[Member, ...] = ()

    def names(self) -> frozenset[str]:
        """All members' names."""
        return frozenset(member.name for member in self.members)

    def to_bytes(self) -> bytes:
        """Write it as JSON."""
        return json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False).encode()


def read_manifest(data: bytes) -> Manifest:
    """Read what `to_bytes` wrote.

    Raises:
        RestoreRefused: a newer Harken wrote it.
        BackupDamaged: it is no manifest.
    """
    try:
        found = json.loads(data)
        if not isinstance(found["format"], int) or isinstance(found["format"], bool):
            raise TypeError("format")
        if found["format"] > FORMAT:
            told = f"format {found['format']}, Harken {str(found.get('harken'))[:20]}"
            raise RestoreRefused(f"A newer Harken made this backup ({told}); this one reads format {FORMAT}.")
        manifest = _manifest(found)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BackupDamaged(f"{NAME} cannot be read: {type(error).__name__} {str(error)[:100]}.") from error
    wrong = [member.name for member in manifest.members if not is_allowed(member.name)]
    if wrong:
        raise BackupDamaged(f"The backup names a file that none has: {wrong[0][:100]!r}.")
    if len(manifest.names()) != len(manifest.members):
        raise BackupDamaged("The backup names a file twice.")
    return manifest


def _manifest(found: Mapping[str, Any]) -> Manifest:
    return Manifest(
        format=found["format"],
        harken=_text(found["harken"]),
        made_at=_text(found["made_at"]),
        state_folder=_text(found["state_folder"]),
        database=_text(found["database"]),
        counts={_text(name): _size(count) for name, count in found["counts"].items()},
        missing=tuple(map(_text, found["missing"])),
        elsewhere=_size(found["elsewhere"]),
        models=tuple(map(_model, found["models"])),
        members=tuple(map(_member, found["members"])),
    )


def _model(found: Mapping[str, Any]) -> ModelNote:
    words = {key: _text(found[key]) for key in ("role", "spec", "name", "revision")}
    return ModelNote(
        **words,
        files=tuple(map(_member, found["files"])),
        is_included=found["is_included"] is True,
        is_absent=found.get("is_absent") is True,  # not told by the first ones
    )


def _member(found: Mapping[str, Any]) -> Member:
    digest = _text(found["sha256"])
    if not _SHA256.fullmatch(digest):
        raise ValueError("sha256")
    return Member(name=_text(found["name"]), size=_size(found["size"]), sha256=digest)


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise TypeError("text")
    return found


def _size(found: object) -> int:
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise TypeError("number")
    return found
