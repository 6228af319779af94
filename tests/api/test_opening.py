"""Descriptors of files whose readers left."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harken.api.opening import open_in


def is_open(path: Path) -> bool:
    """Whether this process has it open."""
    found = []
    for one in Path("/proc/self/fd").iterdir():
        try:
            found.append(one.readlink())
        except FileNotFoundError:
            continue  # of the look itself
    return path in found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file."""
    found = tmp_path.resolve() / "weights"
    found.write_bytes(b"x")
    return found


@pytest.mark.parametrize("is_begun", [True, False])
def test_whoever_leaves_while_it_is_opened_leaves_it_closed(path: Path, is_begun: bool) -> None:
    """Whether a thread was at it already, or had not come to it."""
    begun, go = threading.Event(), threading.Event()
    pool = ThreadPoolExecutor(1)

    def work() -> tuple[int, str]:
        begun.set()
        assert go.wait(10)
        return os.open(path, os.O_RDONLY), "weights"

    async def leave() -> None:
        if not is_begun:
            pool.submit(go.wait, 10)
        task = asyncio.create_task(open_in(pool, work))
        await asyncio.to_thread(begun.wait, 10) if is_begun else await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    go.set()
    pool.shutdown()
    assert begun.is_set() is is_begun
    assert not is_open(path)


def test_whoever_leaves_when_it_is_open_leaves_it_closed(path: Path) -> None:
    """The thread was done, and the reader had not heard of it."""
    with ThreadPoolExecutor(1) as pool:

        async def leave() -> None:
            task = asyncio.create_task(open_in(pool, lambda: (os.open(path, os.O_RDONLY), "weights")))
            await asyncio.sleep(0)
            pool.submit(int).result(10)  # the thread has come to what was asked for after it
            assert is_open(path)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(leave())
    assert not is_open(path)


def test_whoever_stays_has_it(path: Path) -> None:
    """With what was told beside it; a file that cannot be opened is the reader's own error."""

    async def stay() -> tuple[int, str]:
        with pytest.raises(FileNotFoundError):
            await open_in(pool, lambda: (os.open(f"{path}x", os.O_RDONLY), ""))
        return await open_in(pool, lambda: (os.open(path, os.O_RDONLY), "weights"))

    with ThreadPoolExecutor(1) as pool:
        descriptor, name = asyncio.run(stay())
    assert (os.read(descriptor, 2), name) == (b"x", "weights")
    os.close(descriptor)
