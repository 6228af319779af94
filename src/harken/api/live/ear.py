"""How a client's bytes get into its session: decoded, in small packets, counted for its key.

Owns what is between a message and the session: the encoding, and what a key is charged. The invariants: what was taken
is counted, whatever happens afterwards; and how the bytes are cut into messages changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np
from numpy.typing import NDArray

from harken.api.live.service import Session
from harken.audio.pcm import PcmStream
from harken.errors import HarkenError
from harken.types import SAMPLE_RATE

_PACKET_BYTES = 32_000
"""A larger message goes in by packets, so that the session can hold it back in between: 1 s of PCM16 at 16 kHz."""

_CHARGED_S = 1.0
"""Seconds are charged by so many at a time."""

Take = Callable[[float], Awaitable[None]]
"""Counts seconds for the client's key; raises the error that ends the session."""


class Over(Exception):
    """The session has to end.

    Args:
        error: why.
    """

    def __init__(self, error: HarkenError) -> None:
        super().__init__(error.code)
        self.error = error


class Ear:
    """One client's.

    Args:
        session: gets the samples.
        pcm: knows the bytes.
        take: counts seconds.

    Attributes:
        taken_s: seconds of audio that went in through it.
    """

    def __init__(self, session: Session, pcm: PcmStream, take: Take) -> None:
        self.taken_s = 0.0
        self._session = session
        self._pcm = pcm
        self._take = take
        self._charged_s = 0.0
        self._is_closed = False

    def close(self) -> None:
        """Take nothing more, but for the packet that is on its way."""
        self._is_closed = True

    async def hear(self, data: bytes) -> None:
        """Take bytes of audio; waits while the session is too far behind.

        Raises:
            Over: the key has no more seconds, or the session takes no more.
        """
        for begin in range(0, len(data), _PACKET_BYTES):
            if self._is_closed:
                return
            packet = data[begin : begin + _PACKET_BYTES]
            await self._feed(self._pcm.feed(packet))

    async def flush(self) -> None:
        """Give the session what resampling still holds: the sound has an end here, and half a sample is none.

        Raises:
            Over: as in `hear`.
        """
        await self.switch(PcmStream(self._pcm.encoding, self._pcm.sample_rate))

    async def switch(self, pcm: PcmStream) -> None:
        """Go on with other bytes.

        Raises:
            Over: as in `hear`.
        """
        old, self._pcm = self._pcm, pcm
        await self._feed(old.finish())

    async def settle(self) -> None:
        """Charge what is not charged yet.

        Raises:
            Over: the key has no more seconds.
        """
        audio_s, self._charged_s = self.taken_s - self._charged_s, self.taken_s
        try:
            await self._take(audio_s)
        except HarkenError as error:
            raise Over(error) from error

    async def _feed(self, samples: NDArray[np.float32]) -> None:
        if not len(samples):
            return
        # Counted before the session has room for them: whoever is cut off while he waits has sent them all the same.
        self.taken_s += len(samples) / SAMPLE_RATE
        try:
            await self._session.feed(samples)
        except HarkenError as error:
            raise Over(error) from error
        if self.taken_s - self._charged_s >= _CHARGED_S:
            await self.settle()
