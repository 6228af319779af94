"""When an engine last recognised something."""

from __future__ import annotations

import asyncio

import pytest

from harken.errors import EngineFailed
from harken.server.witness import Witness
from harken.testing import FakeClock
from harken.types import ModelInfo, Options, Segment, Send, Transcript
from tests.server.running import job, running, stub_instance


class Moody:
    """A recognizer that fails when it is told to."""

    fails = False

    async def model(self) -> ModelInfo:
        """Nobody asks."""
        raise NotImplementedError

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """Hear nothing, or fail."""
        if self.fails:
            raise EngineFailed
        return Transcript(text="", language="", audio_s=segment.audio_s)


def test_only_a_transcript_counts() -> None:
    """A failure does not, and before the first transcript there is nothing to tell."""

    async def story() -> None:
        clock, moody = FakeClock(), Moody()
        witness = Witness(moody, clock)
        assert witness.last_success_s is None
        await witness.recognize(job().segment, Options())
        clock.advance(5)
        moody.fails = True
        with pytest.raises(EngineFailed):
            await witness.recognize(job().segment, Options())
        assert witness.last_success_s == 5

    asyncio.run(story())


def test_an_instance_tells_of_its_own_last_success() -> None:
    """Its canary, at first."""

    async def story() -> float | None:
        async with running(stub_instance()) as server:
            await server.wait_state("ready")
            (line,) = (await server.client.get("/health")).json()["instances"]
        seen: float | None = line["last_success_s"]
        return seen

    assert asyncio.run(story()) is not None
