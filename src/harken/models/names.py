"""What models, revisions and their files may be called. Pure.

Owns the line between a name that somebody else wrote (a hub, a mirror, a client) and a path on this machine: nothing
becomes a path that was not let through here. The invariant: no name that passes leads out of its folder, hides itself,
or is of a kind that a loader would execute (weights are safetensors only).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harken.errors import ConfigError

MANIFEST = "harken-manifest.json"
"""Lies beside a model's files and lists them; never one of them."""

_KINDS = (".json", ".safetensors", ".txt", ".jinja")
_CANARIES = ("canary.flac", "canary.wav")
"""A model card may name a recording that proves the model; it travels with the model."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,199}")
_DEPTH = 4
_PREFIX = "models--"


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """A model as somebody names it.

    Attributes:
        name: "Qwen/Qwen3-ASR-1.7B", or without an owner.
        revision: a branch, a tag, a commit or its first digits; None where none was named.
    """

    name: str
    revision: str | None = None

    def __str__(self) -> str:
        return self.name if self.revision is None else f"{self.name}@{self.revision}"


def parse_spec(text: str) -> Spec | None:
    """Read "NAME" or "NAME@REVISION"; None where it is neither."""
    name, at, revision = text.partition("@")
    if not is_name(name) or (at and not is_revision(revision)):
        return None
    return Spec(name=name, revision=revision if at else None)


def wanted_spec(text: str) -> Spec:
    """Read the same.

    Raises:
        ConfigError: it cannot be a model's name.
    """
    spec = parse_spec(text)
    if spec is None:
        raise ConfigError(f"{text[:200]!r} cannot be the name of a model; one is Qwen/Qwen3-ASR-1.7B.")
    return spec


def is_name(text: str) -> bool:
    """Whether a model may be called so; two hyphens in a row stand for a slash in the names of folders."""
    return bool(_NAME.fullmatch(text)) and "--" not in text and ".." not in text


def is_revision(text: str) -> bool:
    """Whether a branch, a tag or a commit may be called so."""
    return bool(_REVISION.fullmatch(text)) and ".." not in text and "//" not in text


def is_commit(text: str) -> bool:
    """Whether it is a whole commit id (or an id of ours, made of the content)."""
    return bool(_COMMIT.fullmatch(text))


def folder_of(name: str) -> str:
    """The folder of all revisions of a model: "models--Qwen--Qwen3-ASR-1.7B", as in the hub's own cache."""
    return _PREFIX + name.replace("/", "--")


def name_of(folder: str) -> str | None:
    """The way back; None for a folder of another kind."""
    if not folder.startswith(_PREFIX):
        return None
    name = folder.removeprefix(_PREFIX).replace("--", "/")
    return name if is_name(name) and folder_of(name) == folder else None


def is_wanted(file: str) -> bool:
    """Whether a file belongs to what an instance loads, by its name alone; it may still be unsafe."""
    last = file.replace("\\", "/").rpartition("/")[2]
    if last.startswith(".") or last.lower() == MANIFEST:
        return False
    return last.endswith(_KINDS) or file in _CANARIES


def is_safe(file: str) -> bool:
    """Whether a file's name is a plain relative path below its folder."""
    parts = file.split("/")
    return len(parts) <= _DEPTH and all(_PART.fullmatch(part) and not part.endswith(".") for part in parts)
