"""What a model's folder holds: the list of its files, where they came from, and when they were checked. Pure.

The same list is what a gateway tells about the models that it serves. The invariant: a manifest that was read has safe
names, each once, sizes and SHA-256 digests of the right form; anything else is no manifest.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harken.models.names import is_commit, is_safe, is_wanted, parse_spec

FORMAT = 1

BYTES_MAX = 4 * 1024 * 1024
"""The largest manifest, or list of files, that is read."""

FILES_MAX = 2000

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHECKS = ("sha256", "git", "none")


@dataclass(frozen=True, kw_only=True, slots=True)
class FileEntry:
    """One file.

    Attributes:
        name: relative to the model's folder.
        size: in bytes.
        sha256: of its content, as it was computed here.
        checked: what that was compared with when it was fetched: "sha256" or "git" (a digest that the source told), or
            "none" where the source told none.
    """

    name: str
    size: int
    sha256: str
    checked: str = "sha256"


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """One revision of one model.

    Attributes:
        name: of the model.
        revision: a commit, or an id made of the content where the source has no commits.
        source: where it came from, without anything secret.
        files: ordered by name.
        pulled_at: when it was complete, ISO 8601 in UTC; "" where it was not pulled.
        verified_at: when all of its files were last hashed and found right.
        format: of the manifest itself.
    """

    name: str
    revision: str
    source: str
    files: tuple[FileEntry, ...]
    pulled_at: str = ""
    verified_at: str = ""
    format: int = FORMAT

    @property
    def bytes(self) -> int:
        """All files together."""
        return sum(file.size for file in self.files)

    def file(self, name: str) -> FileEntry | None:
        """The file of that name."""
        return next((file for file in self.files if file.name == name), None)


def manifest_fields(manifest: Manifest) -> dict[str, Any]:
    """A manifest as JSON has it."""
    return dataclasses.asdict(manifest)


def parse_manifest(raw: object) -> Manifest | None:
    """Read what JSON had; None where it is no manifest that can be trusted with paths."""
    if not isinstance(raw, Mapping) or raw.get("format") != FORMAT or not isinstance(raw.get("files"), list):
        return None
    texts = [raw.get(key, "") for key in ("name", "revision", "source", "pulled_at", "verified_at")]
    if not all(isinstance(text, str) and len(text) < 1000 for text in texts) or not 0 < len(raw["files"]) <= FILES_MAX:
        return None
    name, revision, source, pulled_at, verified_at = texts
    spec = parse_spec(name)
    files = [_entry(one) for one in raw["files"]]
    known = [file for file in files if file is not None]
    if spec is None or spec.revision or not is_commit(revision) or len(known) < len(files) or _has_twins(known):
        return None
    return Manifest(
        name=name,
        revision=revision,
        source=source,
        files=tuple(sorted(known, key=lambda file: file.name)),
        pulled_at=pulled_at,
        verified_at=verified_at,
    )


def read_manifest(text: str | bytes) -> Manifest | None:
    """Read a manifest's own text; None where it is none."""
    try:
        return parse_manifest(json.loads(text))
    except (ValueError, RecursionError):
        return None


def content_revision(parts: Iterable[tuple[str, int | None, str]]) -> str:
    """Make an id of (name, size, digest or version) of all files: the same files, the same id."""
    lines = sorted(f"{name}\0{size}\0{digest}\n" for name, size, digest in parts)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:40]


def _has_twins(files: list[FileEntry]) -> bool:
    """Names that a file system without letter case would take for one are twins, too."""
    return len({file.name.casefold() for file in files}) < len(files)


def _entry(raw: object) -> FileEntry | None:
    if not isinstance(raw, Mapping):
        return None
    name, size, sha256, checked = raw.get("name"), raw.get("size"), raw.get("sha256"), raw.get("checked", "sha256")
    if not isinstance(name, str) or not is_safe(name) or not is_wanted(name):
        return None
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 2**50:
        return None
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256) or checked not in _CHECKS:
        return None
    return FileEntry(name=name, size=size, sha256=sha256, checked=checked)
