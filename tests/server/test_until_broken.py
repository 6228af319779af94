"""Waiting ends when there is nothing left to wait for."""

from __future__ import annotations

import asyncio

import pytest

from harken.errors import NoReadyInstance
from harken.server.until_broken import UntilBroken
from harken.testing.sounds import segment
from harken.types import ModelInfo, Options, Segment, Send, Transcript


class Starting:
    """A recognizer whose first instance never comes."""

    async def model(self) -> ModelInfo:
        """Wait for ever."""
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody resolves it")

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """Wait for ever."""
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody resolves it")


class Impatient(Starting):
    """A recognizer with a defect: a timeout of its own escapes."""

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """Fail."""
        raise TimeoutError("mine")


SEGMENT = segment(0.1)


def test_all_who_wait_are_told_why_at_once() -> None:
    """Two requests wait for the model, one for a slot; the verdict ends all of them."""

    async def story() -> None:
        recognizer = UntilBroken(Starting())
        waiting: list[asyncio.Future[object]] = [
            asyncio.ensure_future(recognizer.model()),
            asyncio.ensure_future(recognizer.model()),
            asyncio.ensure_future(recognizer.recognize(SEGMENT, Options())),
        ]
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
        with pytest.raises(NoReadyInstance, match="no weights"):
            await recognizer.recognize(SEGMENT, Options())

    asyncio.run(story())


def test_a_timeout_of_the_recognizer_is_not_taken_for_the_verdict() -> None:
    """It passes as what it is."""
    with pytest.raises(TimeoutError, match="mine"):
        asyncio.run(UntilBroken(Impatient()).recognize(SEGMENT, Options()))
