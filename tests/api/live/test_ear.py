"""From a client's bytes to its session's samples."""

from __future__ import annotations

import asyncio
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from harken.api.live.ear import Ear, Over
from harken.audio.pcm import PcmStream
from harken.errors import Draining, HarkenError, RateLimited
from harken.live.settings import LiveSettings
from harken.types import ANYBODY
from tests.api.live.speaking import PlayedSession, pcm

SOUND = pcm(2.5, 24_000)


class Charge:
    """Counts seconds, and refuses beyond some."""

    def __init__(self, most_s: float = 1e9) -> None:
        self.taken: list[float] = []
        self._most_s = most_s

    async def __call__(self, audio_s: float) -> None:
        """Count."""
        self.taken.append(audio_s)
        if sum(self.taken) > self._most_s:
            raise RateLimited


def heard(cuts: list[int], charge: Charge) -> tuple[NDArray[np.float32], float]:
    """The samples and seconds of the sound, cut at these places."""

    async def run() -> tuple[NDArray[np.float32], float]:
        session = PlayedSession("s", LiveSettings(), ANYBODY)
        ear = Ear(session, PcmStream("pcm16", 24_000), charge)
        places = [0, *sorted(cuts), len(SOUND)]
        for begin, end in itertools.pairwise(places):
            await ear.hear(SOUND[begin:end])
        await ear.flush()
        await ear.settle()
        return session.sound, ear.taken_s

    return asyncio.run(run())


WHOLE, _ = heard([], Charge())


@given(st.lists(st.integers(0, len(SOUND)), max_size=20))
def test_how_bytes_are_cut_changes_nothing(cuts: list[int]) -> None:
    """Not the samples, and not what is charged."""
    charge = Charge()
    samples, taken_s = heard(cuts, charge)
    np.testing.assert_array_equal(samples, WHOLE)
    assert len(samples) == 40_000 and abs(sum(charge.taken) - taken_s) < 1e-9 and abs(taken_s - 2.5) < 1e-9


def test_a_key_without_seconds_ends_the_session() -> None:
    """By the error of whoever counts; what was taken is counted."""
    charge = Charge(most_s=1.5)
    with pytest.raises(Over) as over:
        heard([], charge)
    assert isinstance(over.value.error, RateLimited) and sum(charge.taken) > 1.5


def test_a_session_that_takes_no_more_ends_the_conversation() -> None:
    """By its own error."""

    class Closed(PlayedSession):
        async def feed(self, samples: NDArray[np.float32]) -> None:
            raise Draining

    async def run() -> HarkenError:
        ear = Ear(Closed("s", LiveSettings(), ANYBODY), PcmStream(), Charge())
        with pytest.raises(Over) as over:
            await ear.hear(SOUND)
        return over.value.error

    assert isinstance(asyncio.run(run()), Draining)


def test_an_ear_that_is_closed_takes_nothing_more() -> None:
    """The rest of a message is left to whoever comes back for it."""

    async def run() -> float:
        session = PlayedSession("s", LiveSettings(), ANYBODY)
        ear = Ear(session, PcmStream(), Charge())
        ear.close()
        await ear.hear(SOUND)
        return session.received_s

    assert asyncio.run(run()) == 0.0
