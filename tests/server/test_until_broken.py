"""Waiting ends when there is nothing left to wait for."""

from __future__ import annotations

import asyncio

import pytest

from harken.errors import NoReadyInstance
from harken.server.until_broken import UntilBroken
from harken.types import ModelInfo, Options, Segment, Send, Transcript


class Starting:
    """A recognizer whose first instance never comes."""

    async def model(self) -> ModelInfo:
        """Wait for ever."""
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody resolves it")

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """Not asked here."""
        raise NotImplementedError


def test_all_who_wait_are_told_why_at_once() -> None:
    """Three requests wait for the first instance; the verdict ends all of them."""

    async def story() -> None:
        recognizer = UntilBroken(Starting())
        waiting = [asyncio.ensure_future(recognizer.model()) for _ in range(3)]
        await asyncio.sleep(0)
        recognizer.give_up("asr-1: no weights")
        for end in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(end, NoReadyInstance)
            assert "no weights" in end.message

    asyncio.run(story())


def test_who_comes_later_does_not_wait() -> None:
    """The verdict is final."""

    async def story() -> None:
        recognizer = UntilBroken(Starting())
        recognizer.give_up("asr-1: no weights")
        with pytest.raises(NoReadyInstance, match="no weights"):
            await recognizer.model()

    asyncio.run(story())
