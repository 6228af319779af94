"""Patience that our own stalls do not use up."""

from __future__ import annotations

import asyncio
import time

import pytest

from harken.dispatch.lines.patience import patiently
from tests.dispatch.house import run


def test_what_comes_in_time_is_returned_and_what_fails_raises() -> None:
    """Like a plain await."""

    async def answer() -> int:
        return 7

    async def failure() -> int:
        raise ValueError("no")

    assert run(patiently(answer(), 1.0)) == 7
    with pytest.raises(ValueError, match="no"):
        run(patiently(failure(), 1.0))


def test_what_takes_too_long_is_cancelled() -> None:
    """And nothing of it is left."""
    with pytest.raises(TimeoutError):
        run(patiently(asyncio.sleep(60), 0.02))


def test_a_stall_of_our_own_costs_a_small_part_of_the_patience() -> None:
    """An answer that came meanwhile is still found."""

    async def story() -> int:
        loop = asyncio.get_running_loop()

        async def asked() -> int:
            loop.call_soon(time.sleep, 0.06)  # longer than the whole patience
            await asyncio.sleep(0.001)
            return 7

        return await patiently(asked(), 0.05)

    assert run(story()) == 7
