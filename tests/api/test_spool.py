"""The bytes of an upload, in memory or on a disk that may be full."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest

from harken.api.spool import SMALL_BYTES, Spool, SpoolMemory
from harken.errors import StorageFull


async def fill(spool: Spool, pieces: list[bytes]) -> bytes:
    """Put them in and take them out."""
    for piece in pieces:
        spool.append(piece)
        await spool.settle()
    return bytes(await spool.take())


@pytest.mark.parametrize("memory_bytes", [10, 100_000])
def test_what_goes_in_comes_out(memory_bytes: int) -> None:
    """Whether it went through a file or not."""
    pieces = [bytes([n]) * 7 for n in range(100)]
    with Spool(memory_bytes) as spool:
        assert asyncio.run(fill(spool, pieces)) == b"".join(pieces)
        assert spool.size == 700


def test_many_uploads_at_once_share_a_bound_of_memory() -> None:
    """Beyond it the larger ones go to the disk; what they held is given back, however they end."""
    shared = SpoolMemory(SMALL_BYTES)
    pieces = [bytes([number]) * 4096 for number in range(100)]

    async def scene() -> None:
        with Spool(shared=shared) as first, Spool(shared=shared) as second, Spool(shared=shared) as small:
            small.append(b"x" * 1000)
            for piece in pieces:
                for spool in (first, second):
                    spool.append(piece)
                    await spool.settle()
                assert shared.used_bytes <= 3 * SMALL_BYTES
            assert first._file is not None
            assert small._file is None
            for spool in (first, second):
                assert bytes(await spool.take()) == b"".join(pieces)

    asyncio.run(scene())
    assert shared.used_bytes == 0


def test_a_disk_without_room_is_storage_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder that does not exist stands for it; the operator reads the reason in the log."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with Spool(10) as spool, pytest.raises(StorageFull):
        asyncio.run(fill(spool, [bytes(100)]))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_is_storage_full() -> None:
    """The system's own error, from the system's own full disk."""
    with Spool(10) as spool, Path("/dev/full").open("r+b", buffering=0) as full:
        spool._file = full
        with pytest.raises(StorageFull):
            asyncio.run(fill(spool, [bytes(100)]))
