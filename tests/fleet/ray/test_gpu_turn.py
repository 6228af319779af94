"""Turns on a shared GPU: one after another, given back by whoever has loaded or is gone."""

from __future__ import annotations

import asyncio
from pathlib import Path

from harken.fleet.ray.gpu_turn import GpuTurn


def test_two_of_one_gpu_load_one_after_another(tmp_path: Path) -> None:
    """Another GPU is not waited for."""

    async def story() -> None:
        first, second, other = GpuTurn(tmp_path), GpuTurn(tmp_path), GpuTurn(tmp_path)
        async with asyncio.timeout(10):
            await first.take(["0"])
            waiting = asyncio.create_task(second.take(["0"]))
            await other.take(["1"])
            assert not waiting.done()
            first.give_back()
            await waiting
            second.give_back()
            other.give_back()
            first.give_back()

    asyncio.run(story())


def test_where_there_can_be_no_lock_nobody_waits(tmp_path: Path) -> None:
    """A folder that is not there, or no GPU at all."""

    async def story() -> None:
        async with asyncio.timeout(10):
            for turn in (GpuTurn(tmp_path / "none"), GpuTurn(tmp_path / "none")):
                await turn.take(["0"])
            await GpuTurn(tmp_path).take([])

    asyncio.run(story())
    assert list(tmp_path.iterdir()) == []
