"""What a source tells about a model: plain data, and the one check that all lists have to pass. Pure.

The invariant: a list that passed has safe names, each once, no size that cannot be, and at least a configuration and
one file of weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from harken.models.hashing import Digests
from harken.models.manifest import FILES_MAX
from harken.models.names import is_safe, is_wanted
from harken.ops.pull.failures import PullFailed


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFile:
    """One file as its source tells of it.

    Attributes:
        name: relative to the model's folder.
        url: where it is.
        size: in bytes; None where the source does not say.
        sha256: of its content; "" where the source does not say.
        git_sha1: git's id of its content; "" where the source does not say.
    """

    name: str
    url: str = field(repr=False)
    size: int | None = None
    sha256: str = ""
    git_sha1: str = ""

    @property
    def digest(self) -> str:
        """What its content must be, in one word; "" where nobody says."""
        if self.sha256:
            return f"sha256:{self.sha256}"
        return f"git:{self.git_sha1}" if self.git_sha1 else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One revision of one model.

    Attributes:
        name: of the model.
        revision: its commit, or an id made of the content.
        ref: what was asked for: a branch, a tag, a commit; "" for the source's default.
        source: where it is, for people and for the manifest: no secret in it.
        files: those that are wanted.
        untold: names of files of which the source tells neither digest nor version. They may be others at any time
            under the same revision, which is then only a name for this try.
    """

    name: str
    revision: str
    ref: str
    source: str
    files: tuple[RemoteFile, ...]
    untold: frozenset[str] = frozenset()


def what_is_wrong(file: RemoteFile, found: Digests) -> str:
    """Compare what came with what the source tells; "" where it is right, as far as the source tells."""
    if file.size is not None and found.size != file.size:
        return f"it has {found.size} bytes in place of {file.size}"
    if file.sha256 and found.sha256 != file.sha256:
        return "its SHA-256 is not the one that the source tells"
    if not file.sha256 and file.git_sha1 and found.git_sha1 != file.git_sha1:
        return "its content is not the one that the source tells (git's id of it differs)"
    return ""


class Source(Protocol):
    """A place where models come from."""

    async def listing(self, name: str, revision: str | None) -> Listing:
        """List a model's files.

        Raises:
            PullFailed: it is not there, or may not be read, or the place does not answer.
        """
        ...


def wanted_files(files: Iterable[RemoteFile], source: str) -> tuple[RemoteFile, ...]:
    """Keep the files that an instance loads.

    Raises:
        PullFailed: a name that leads elsewhere, twice the same name, a size that cannot be, or no model at all.
    """
    found: dict[str, RemoteFile] = {}
    for file in files:
        if not is_wanted(file.name):
            continue
        if not is_safe(file.name):
            raise PullFailed(f"{source} lists a file with an unsafe name, {file.name[:100]!r}; nothing was fetched.")
        if file.name.casefold() in found:
            raise PullFailed(f"{source} lists {file.name[:100]!r} twice; nothing was fetched.")
        if file.size is not None and not 0 <= file.size < 2**50:
            raise PullFailed(f"{source} says that {file.name} has {file.size} bytes, which cannot be.")
        found[file.name.casefold()] = file
    names = {file.name for file in found.values()}
    if "config.json" not in names or not any(name.endswith(".safetensors") for name in names):
        raise PullFailed(f"{source} has no model there: a config.json and weights in .safetensors files belong to one.")
    if len(found) > FILES_MAX:
        raise PullFailed(f"{source} lists {len(found)} files, more than the {FILES_MAX} that a model may have.")
    return tuple(sorted(found.values(), key=lambda file: file.name))
