"""The archive: a tar of plain files, compressed; written beside its place and renamed, read once from end to end.

Owns the order (the manifest first) and the bounds. Reading goes header by header and takes nothing but a plain file
that the manifest names: no link, no device, no extension of the format can be in it. The invariants: a file of the
archive's name is whole, whatever stops us; what was unpacked has the sizes and checksums of the manifest.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from harken.ops.backup import gzipped
from harken.ops.backup.errors import BackupDamaged, BackupFailed, BackupUnreadable, naming_failures
from harken.ops.backup.manifest import BYTES_MAX, NAME, Manifest, Member, read_manifest

SUFFIXES = (".tar.gz", ".tgz")
_CHUNK = 1 << 20
_BLOCK = tarfile.BLOCKSIZE
_FILE_MODE = 0o600


def describe(name: str, path: Path) -> Member:
    """Measure a file that will be a member.

    Raises:
        OSError: it cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return Member(name=name, size=size, sha256=digest.hexdigest())


def write_archive(target: Path, manifest: Manifest, places: dict[str, Path], *, replaces: bool) -> int:
    """Write an archive; return its size in bytes.

    Args:
        target: its place.
        manifest: its members in their order.
        places: where each member lies.
        replaces: whether it may take the place of a file that is there.

    Raises:
        StorageFull: the disk has no room.
        BackupFailed: it cannot be written, a member is not what was measured, or another backup is written there.
    """
    with naming_failures(f"{target} cannot be written"), _draft(target) as (draft, file):
        packed = gzipped.Gzipped(file)
        _add(packed, NAME, manifest.to_bytes())
        for member in manifest.members:
            _add_file(packed, member, places[member.name])
        packed.write(bytes(2 * _BLOCK))
        packed.finish()
        file.flush()
        os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
        _publish(draft, target, replaces=replaces)
    return size


def unpack(path: Path, folder: Path) -> Manifest:
    """Unpack an archive into an empty folder of ours, checking everything; return its manifest.

    What is there afterwards need not be on the disk yet.

    Raises:
        BackupUnreadable: the file or the folder cannot be used.
        BackupDamaged: it is not whole, or holds what no backup holds; parts of it may lie in the folder.
        RestoreRefused: a newer Harken wrote it.
        StorageFull: the folder's disk has no room.
    """
    with naming_failures(f"{path} cannot be unpacked", BackupUnreadable), _open_plain(path) as file:
        gzipped.check(file)
        try:
            with gzip.GzipFile(fileobj=file) as stream:
                return _unpack(stream, folder)
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeError) as error:
            raise BackupDamaged(f"The backup cannot be read: {error}.") from error


def _open_plain(path: Path) -> BinaryIO:
    """Open a plain file; a pipe would have us wait for its other end."""
    if path.exists() and not path.is_file():
        raise BackupUnreadable(f"{path} is not a plain file.")
    return path.open("rb")


def _unpack(stream: gzip.GzipFile, folder: Path) -> Manifest:
    first = _header(stream)
    if first is None or first.name != NAME or first.size > BYTES_MAX:
        raise BackupDamaged(f"The backup does not begin with {NAME}.")
    manifest = read_manifest(b"".join(_content(stream, first.size)))
    for expected in manifest.members:
        found = _header(stream)
        if found is None or (found.name, found.size) != (expected.name, expected.size):
            told = "nothing" if found is None else repr(found.name[:100])
            raise BackupDamaged(f"The backup holds {told} where {expected.name} should be.")
        _write(folder / expected.name, _content(stream, expected.size), expected)
    if _header(stream) is not None:
        raise BackupDamaged(f"The backup holds more than {NAME} names.")
    while rest := stream.read(_CHUNK):  # to the end: only there gzip compares its checksum
        if rest.strip(b"\0"):
            raise BackupDamaged("The backup does not end where it should.")
    return manifest


def _header(stream: gzip.GzipFile) -> tarfile.TarInfo | None:
    """Read the next member's header; None at the end."""
    block = stream.read(_BLOCK)
    if len(block) == _BLOCK and not block.strip(b"\0"):
        return None
    found = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    if found.type != tarfile.REGTYPE or found.size < 0:
        raise BackupDamaged(f"The backup holds something that is not a plain file: {found.name[:100]!r}.")
    return found


def _content(stream: gzip.GzipFile, size: int) -> Iterator[bytes]:
    left = size
    while left:
        chunk = stream.read(min(left, _CHUNK))
        if not chunk:
            raise EOFError("it ends too early")
        left -= len(chunk)
        yield chunk
    stream.read(-size % _BLOCK)


def _write(path: Path, content: Iterable[bytes], expected: Member) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE), "wb") as file:
        for chunk in content:
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != expected.sha256:
        raise BackupDamaged(f"{expected.name} in the backup is not what was saved: its checksum is another.")


def _add(packed: gzipped.Gzipped, name: str, data: bytes) -> None:
    packed.write(_head_of(name, len(data)) + data + bytes(-len(data) % _BLOCK))


def _add_file(packed: gzipped.Gzipped, member: Member, path: Path) -> None:
    packed.write(_head_of(member.name, member.size))
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            packed.write(chunk)
    if (size, digest.hexdigest()) != (member.size, member.sha256):
        raise BackupFailed(f"{path} changed while it was saved; try again.")
    packed.write(bytes(-size % _BLOCK))


def _head_of(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, _FILE_MODE
    return info.tobuf(tarfile.GNU_FORMAT, "ascii", "strict")


@contextmanager
def _draft(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Open the file in which the archive grows; it is gone afterwards, unless it became the archive.

    Its name is always the same and it is locked, so what a killed process left is written over, and two processes do
    not write the same archive.
    """
    draft = target.with_name(f".{target.name}.partial")
    with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _FILE_MODE), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupFailed(f"Another backup is being written to {target}.") from None
        if not draft.exists() or not os.path.samestat(os.fstat(file.fileno()), draft.stat()):
            raise BackupFailed(f"Another backup was just written to {target}.")
        os.fchmod(file.fileno(), _FILE_MODE)
        file.truncate()
        try:
            yield draft, file
        finally:
            draft.unlink(missing_ok=True)


def _publish(draft: Path, target: Path, *, replaces: bool) -> None:
    if replaces:
        draft.replace(target)
    else:
        try:
            os.link(draft, target)  # where a file came to be there meanwhile, this fails
        except FileExistsError:
            raise BackupFailed(f"{target} is there already; --replace writes over it.") from None
        except OSError:
            draft.rename(target)  # a file system without links
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
