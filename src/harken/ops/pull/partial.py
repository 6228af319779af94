"""What has arrived of one file: the bytes, and beside them how many of each part.

Owns two files: the data, as large as it will be, and a journal, whose first line says of which content these bytes are
and whose rest is one count for each part. Bytes are written before they are counted, so that a process may be killed
at any moment; whoever comes next goes on from the counts. A count may survive a power failure that its bytes did not:
with a digest that is found out in the end, and without one nothing is kept over a restart of the machine.
The invariant: `missing` never leaves out a byte that was not written by this process or, of the same content, before.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path

from harken.ops.pull.ranges import parts_of

_COUNT = struct.Struct("<Q")
_HEADER_BYTES = 1024
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class PartialFile:
    """One file on its way; its methods block for as long as a disk does.

    Args:
        data: where the bytes are collected.
        journal: the counts beside it.
        part_bytes: how large a part is.

    Attributes:
        data: as given.
        parts: (first byte, number of bytes) of each, once `begin` was called.
        counts: bytes of each that are here.
    """

    def __init__(self, data: Path, journal: Path, *, part_bytes: int) -> None:
        self.data = data
        self.parts: list[tuple[int, int]] = []
        self.counts: list[int] = []
        self._journal = journal
        self._part_bytes = part_bytes
        self._descriptors: tuple[int, ...] = ()

    @property
    def arrived(self) -> int:
        """Bytes that are here."""
        return sum(self.counts)

    @property
    def taken(self) -> int:
        """Bytes of the disk that the data takes, whoever wrote it."""
        try:
            return self.data.stat().st_blocks * 512
        except OSError:
            return 0

    @property
    def missing(self) -> list[int]:
        """The numbers of parts that are not whole."""
        return [number for number, (_, size) in enumerate(self.parts) if self.counts[number] < size]

    def begin(self, size: int, identity: str, *, is_checked: bool) -> None:
        """Open the file, and keep what is here if it is of the same content; else begin anew.

        Args:
            size: of the whole file.
            identity: what tells this content from another: a digest, an ETag; "" where nothing does.
            is_checked: whether a digest will show in the end that it is right.

        Raises:
            OSError: the disk is full, or cannot be written.
        """
        self.close()
        self.parts = parts_of(size, self._part_bytes)
        boot = "" if is_checked else _boot_id()
        content = hashlib.sha256(identity.encode()).hexdigest()
        header = json.dumps({"size": size, "part_bytes": self._part_bytes, "content": content, "boot": boot})
        kept = self._kept(header) if identity and (is_checked or boot) else None
        if kept is None:
            self._make(size, header)
        self.counts = kept or [0] * len(self.parts)
        self._descriptors = (os.open(self.data, os.O_WRONLY), os.open(self._journal, os.O_WRONLY))

    def begin_whole(self) -> None:
        """Open the file for one answer from its first byte to its last: nothing of it is kept for another try.

        Raises:
            OSError: it cannot be written.
        """
        self.close()
        self._delete()
        self.data.parent.mkdir(parents=True, exist_ok=True)
        self.parts, self.counts = [], [0]
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        self._descriptors = (os.open(self.data, flags, 0o644),)

    def append(self, block: bytes) -> None:
        """Append to a file that came to be by `begin_whole`.

        Raises:
            OSError: the disk is full, or cannot be written.
        """
        _write_at(self._descriptors[0], block, self.counts[0])
        self.counts[0] += len(block)

    def write(self, number: int, block: bytes) -> None:
        """Append to a part.

        Raises:
            OSError: the disk is full, or cannot be written.
        """
        data, journal = self._descriptors
        first, size = self.parts[number]
        assert self.counts[number] + len(block) <= size, f"part {number}: {self.counts[number]} + {len(block)} > {size}"
        _write_at(data, block, first + self.counts[number])
        self.counts[number] += len(block)
        _write_at(journal, _COUNT.pack(self.counts[number]), _HEADER_BYTES + number * _COUNT.size)

    def close(self) -> None:
        """Give the descriptors back; what arrived stays."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = ()

    def discard(self) -> None:
        """Throw everything away."""
        self.close()
        self._delete()
        self.parts, self.counts = [], []

    def _kept(self, header: str) -> list[int] | None:
        """The counts of an earlier try, if it was about the same content and nothing of it is damaged."""
        try:
            raw = self._journal.read_bytes()
            is_whole = self.data.stat().st_size == self.parts[-1][0] + self.parts[-1][1]
        except OSError:
            return None
        counts = raw[_HEADER_BYTES:]
        if not is_whole or raw[:_HEADER_BYTES] != _padded(header) or len(counts) != _COUNT.size * len(self.parts):
            return None
        found = [count for (count,) in _COUNT.iter_unpack(counts)]
        is_possible = all(count <= size for count, (_, size) in zip(found, self.parts, strict=True))
        return found if is_possible else None

    def _make(self, size: int, header: str) -> None:
        self._delete()
        self.data.parent.mkdir(parents=True, exist_ok=True)
        with self.data.open("wb") as file:
            file.truncate(size)
        # The journal comes last and under another name first: without it the data counts for nothing.
        beside = self._journal.with_name(f"{self._journal.name}.new")
        beside.write_bytes(_padded(header) + bytes(_COUNT.size * len(self.parts)))
        beside.replace(self._journal)

    def _delete(self) -> None:
        self._journal.unlink(missing_ok=True)
        self.data.unlink(missing_ok=True)


def _padded(header: str) -> bytes:
    return header.encode().ljust(_HEADER_BYTES, b" ")[:_HEADER_BYTES]


def _write_at(descriptor: int, block: bytes, offset: int) -> None:
    left = memoryview(block)
    while left:
        written = os.pwrite(descriptor, left, offset)
        left, offset = left[written:], offset + written


def _boot_id() -> str:
    """Differs after every start of the machine; "" where it cannot be known."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
