"""One paced live stream: recordings one after another over one session, and what came of each.

It owns the pace and the session; what the times mean is `harken.bench.load.live`'s. A session that is refused or ends
early ends the stream. The invariant: every recording that began is in the results.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import aiohttp
import numpy as np

from harken.bench.load.live import UNFINISHED, Play, Result, Stream
from harken.cli.client import ServerRefused
from harken.cli.live_client import LiveClient
from harken.cli.live_told import Told
from harken.cli.live_wish import LiveWish
from harken.clock import Clock
from harken.errors import HarkenError
from harken.types import SAMPLE_RATE

PACKET: Final = SAMPLE_RATE // 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """Silence behind each recording.

    Attributes:
        least_s: at least so long.
        most_s: at most so long.
    """

    least_s: float = 1.0
    most_s: float = 3.0


class LiveStream:
    """One stream; `run` is called once.

    Args:
        http: carries the key.
        wish: the server, and how turns are found.
        plays: the recordings, in their order; asked for the next when the one before was played.
        pause: behind each.
        random: draws the pauses.
        clock: tells the time.

    Attributes:
        refusal: why there was no session, or why it ended; None where it came to its end.
        reconnects: how often its connection broke.
        began: when its first sample was due, by the clock.
        late_s: by how much a packet went out late at most.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        wish: LiveWish,
        plays: Iterator[Play],
        *,
        pause: Pause,
        random: np.random.Generator,
        clock: Clock,
    ) -> None:
        self.refusal: HarkenError | None = None
        self.began = 0.0
        self.late_s = 0.0
        self._wish = wish
        self._plays = plays
        self._pause = pause
        self._random = random
        self._clock = clock
        self._stream = Stream(finds_turns=wish.finds_turns)
        self._client = LiveClient(http, wish, tell=self._take, warn=lambda _: None)
        self._sent = 0

    @property
    def reconnects(self) -> int:
        """See the class."""
        return self._client.reconnects

    @property
    def results(self) -> list[Result]:
        """Of what was played until now."""
        refusal = self.refusal
        if refusal is None:
            return self._stream.results()
        return self._stream.results(refusal.code if isinstance(refusal, ServerRefused) else refusal.code or UNFINISHED)

    async def run(self) -> None:
        """Play everything, and wait for all that is told; never raises what a server does."""
        try:
            await self._client.talk(self._play)
        except HarkenError as error:
            self.refusal = error

    async def _play(self) -> None:
        self.began = self._clock.now()
        for play in self._plays:
            self._stream.begin(play, self._sent / SAMPLE_RATE)
            await self._send(play.samples)
            if not self._wish.finds_turns:
                self._client.commit()
            pause_s = self._random.uniform(self._pause.least_s, self._pause.most_s)
            await self._send(np.zeros(round(pause_s * SAMPLE_RATE), np.int16))

    async def _send(self, samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> None:
        for at in range(0, len(samples), PACKET):
            packet = samples[at : at + PACKET]
            self._sent += len(packet)
            due = self.began + self._sent / SAMPLE_RATE  # when its last sample was said
            if (wait_s := due - self._clock.now()) > 0:
                await asyncio.sleep(wait_s)
            else:
                self.late_s = max(self.late_s, -wait_s)
            await self._client.send(packet.astype("<i2").tobytes())

    def _take(self, told: Told) -> None:
        now_s, stream = self._clock.now() - self.began, self._stream
        match told.kind:
            case "speech_started":
                stream.speech_started(told.turn, told.at_s)
            case "committed":
                stream.committed(told.turn, told.start_s, told.end_s, now_s)
            case "text":
                stream.text(told.turn, now_s, is_empty=not (told.delta or told.tentative))
            case "completed":
                stream.completed(told.turn, told.text, now_s, language=told.language)
            case "failed":
                stream.completed(told.turn, "", now_s, code=told.code or "failed")
            case "restarted":
                stream.restart(told.turn)
