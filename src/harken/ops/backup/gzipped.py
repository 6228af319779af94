"""A gzip file that holds the SHA-256 of itself, in a field of its own header.

gzip's checksum covers what was compressed, but not the header, nor bits that fill up a byte; so a flipped bit there
would go unnoticed. The digest covers every byte behind the header, and the header is compared with the only one that
we write. Any gzip or tar reads the file. The invariant: a file that `check` accepts is, to the last bit, what `Gzipped`
wrote.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import BinaryIO

from harken.ops.backup.errors import BackupDamaged

# Magic number, deflate, "an extra field follows"; no time, no hint, unknown system; 36 bytes of extra: "HK", 32 bytes.
_HEAD = bytes((0x1F, 0x8B, 8, 4, 0, 0, 0, 0, 0, 255)) + struct.pack("<H2sH", 36, b"HK", 32)
_DIGEST_BYTES = 32
_CHUNK = 1 << 20
_LEVEL = 6


class Gzipped:
    """Compresses into a file that can seek.

    Args:
        file: empty, and open for writing; stays open.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._crc = 0
        self._size = 0
        self._has_begun = False

    def write(self, data: bytes) -> int:
        """Compress the next bytes."""
        if not self._has_begun:
            self._file.write(_HEAD + bytes(_DIGEST_BYTES))
            self._has_begun = True
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        self._put(self._packer.compress(data))
        return len(data)

    def finish(self) -> None:
        """Write the end, and the digest into the header."""
        self._put(self._packer.flush())
        self._put(struct.pack("<II", self._crc, self._size & 0xFFFF_FFFF))
        self._file.seek(len(_HEAD))
        self._file.write(self._digest.digest())

    def _put(self, packed: bytes) -> None:
        self._digest.update(packed)
        self._file.write(packed)


def check(file: BinaryIO) -> None:
    """Read a file to its end and see that it is what was written; it stands at its beginning afterwards.

    Raises:
        BackupDamaged: it is not.
    """
    file.seek(0)
    if file.read(len(_HEAD)) != _HEAD:
        raise BackupDamaged("This is not a file that `harken backup` wrote, or its beginning is damaged.")
    told, digest = file.read(_DIGEST_BYTES), hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    if digest.digest() != told:
        raise BackupDamaged("The backup is damaged or cut off: its checksum is another.")
    file.seek(0)
