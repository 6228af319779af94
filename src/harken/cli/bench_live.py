"""The live streams of `harken bench`: so many at once, for so long, each recording of theirs an outcome.

It owns when streams begin, and that a stream whose session is refused tries again as a person would. The invariant:
every recording that was played to its end is noted once, and every refusal is.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import aiohttp
import numpy as np

from harken.bench.load.deck import Deck
from harken.bench.load.live import UNFINISHED, Play, Result
from harken.bench.load.outcomes import Outcome
from harken.bench.load.takes import Take
from harken.bench.load.texts import errors_of
from harken.cli.bench_asked import AskedBench
from harken.cli.bench_client import Served
from harken.cli.bench_stream import LiveStream, Pause
from harken.cli.client import ServerRefused
from harken.cli.live_wish import LiveWish
from harken.clock import Clock
from harken.errors import HarkenError
from harken.ops.address import without_user
from harken.types import SAMPLE_RATE

_RAMP_S: Final = 3.0
"""Streams begin within so long of each other: people do not all speak at the same moment."""

_BEFORE: Final = SAMPLE_RATE // 2
_AGAIN_S: Final = 1.0
_REASONS_MOST: Final = 20

Note = Callable[[Outcome], None]


class LiveLoad:
    """All streams of a run.

    Args:
        asked: what is wanted.
        deck: the recordings.
        servers: addresses, which take turns.
        clock: tells the time.

    Attributes:
        reasons: why the first of each code failed.
    """

    def __init__(self, asked: AskedBench, deck: Deck, servers: Sequence[str], clock: Clock) -> None:
        self.reasons: dict[str, str] = {}
        self._asked = asked
        self._deck = deck
        self._servers = servers
        self._clock = clock
        self._plays: Mapping[int, tuple[Take, Play]] = {}
        self._served: Mapping[str, Served] = {}

    def meet(self, served: Mapping[str, Served]) -> None:
        """Hear what each server serves, before the first stream."""
        self._served = {without_user(server): one for server, one in served.items()}

    async def listen(self) -> None:
        """Hear where somebody speaks in each recording, before anything is measured."""
        takes = {id(take): take for take in self._deck.takes}
        plays = await asyncio.to_thread(_plays_of, list(takes.values()))
        self._plays = {id(play.samples): (take, play) for take, play in zip(takes.values(), plays, strict=True)}

    async def measure(self, http: aiohttp.ClientSession, numbers: Iterable[int], *, streams: int, note: Note) -> None:
        """Run so many streams until there is nothing left to be played.

        Args:
            http: carries the key.
            numbers: of the recordings, shared by all streams.
            streams: how many.
            note: takes what came of each recording.
        """
        began, lasts_s = self._clock.now(), self._asked.lasts_s
        end = float("inf") if lasts_s is None else began + lasts_s
        left = iter(numbers)

        def plays() -> Iterator[Play]:
            while self._clock.now() < end and (number := next(left, None)) is not None:
                _, play = self._plays[id(self._deck[number].samples)]
                yield play

        async with asyncio.TaskGroup() as group:
            for place in range(streams):
                server = self._servers[place % len(self._servers)]
                random = np.random.default_rng((self._asked.seed, place))
                group.create_task(self._stream(http, server, plays, random, began=began, end=end, note=note))

    async def _stream(
        self,
        http: aiohttp.ClientSession,
        server: str,
        plays: Callable[[], Iterator[Play]],
        random: np.random.Generator,
        *,
        began: float,
        end: float,
        note: Note,
    ) -> None:
        """One stream; where its session is refused or ended, another, as long as there is time."""
        wish = LiveWish(server=server, language=self._asked.language, finds_turns=not self._asked.commits)
        await asyncio.sleep(random.uniform(0, min(_RAMP_S, max(0.0, end - began) / 4)))
        while True:
            first = next(own := plays(), None)
            if first is None:
                return
            ahead = itertools.chain((first,), own)
            stream = LiveStream(http, wish, ahead, pause=Pause(), random=random, clock=self._clock)
            is_over = False
            try:
                await stream.run()
                is_over = True
            finally:  # also of a run that a person cuts off: what is complete counts
                self._note(stream, server, began, note, first=first if is_over else None)
            if stream.refusal is None:
                return
            await asyncio.sleep(max(_AGAIN_S, stream.refusal.retry_after_s or 0.0))

    def _note(self, stream: LiveStream, server: str, began: float, note: Note, *, first: Play | None) -> None:
        """Note what came of each recording; where there was no session at all, of the one that was to be the first."""
        shown, refusal = without_user(server), stream.refusal
        if refusal is not None and refusal.code not in self.reasons and len(self.reasons) < _REASONS_MOST:
            self.reasons[refusal.code] = without_user(refusal.message)
        status = _status(refusal)
        results = [one for one in stream.results if first is not None or one.code != UNFINISHED]
        if not results and refusal is not None and first is not None:
            take, _ = self._plays[id(first.samples)]
            due_s = self._clock.now() - began
            note(Outcome(server=shown, kind=take.kind, due_s=due_s, status=status, code=refusal.code))
        for place, result in enumerate(results):
            reconnects = stream.reconnects if place == 0 else 0
            note(self._outcome(result, stream, shown, began, status=status, reconnects=reconnects))

    def _outcome(
        self, result: Result, stream: LiveStream, server: str, began: float, *, status: int, reconnects: int
    ) -> Outcome:
        play = result.play
        take, _ = self._plays[id(play.samples)]
        is_known = take.text is not None and not result.code
        return Outcome(
            server=server,
            kind=take.kind,
            due_s=stream.began - began + result.at_s + play.speech_to_s,
            took_s=result.final_s or 0.0,
            late_s=stream.late_s,
            audio_s=take.audio_s,
            first_text_s=result.first_text_s,
            status=status if result.code else 200,
            code=result.code,
            errors=errors_of(take.text or "", result.text) if is_known else None,
            is_right=self._is_right(result, take, server),
            after_commit_s=result.after_commit_s,
            updates=result.updates,
            speech_s=play.speech_to_s - play.speech_from_s,
            reconnects=reconnects,
        )

    def _is_right(self, result: Result, take: Take, server: str) -> bool | None:
        """As of a file: to the letter, where that can be asked for."""
        is_known = take.is_packaged and self._served.get(server, Served()).knows_packaged
        if result.code or not is_known or self._asked.language:
            return None
        return (result.text, result.language) == (take.text, take.language)


def _status(refusal: HarkenError | None) -> int:
    if isinstance(refusal, ServerRefused):
        return refusal.answered
    return 200 if refusal is None else 0


def _plays_of(takes: Sequence[Take]) -> list[Play]:
    """Hear where the first word begins and the last one ends, without anything kept around them."""
    from harken.audio import SpeechRule, load_detector
    from harken.audio.spans import SpanFinder

    detector, rule = load_detector(), SpeechRule(padding_before_s=0.0, padding_after_s=0.0)
    found = []
    for take in takes:
        # The model misses a word at the very beginning; in a stream there is a pause before it too.
        samples = np.concatenate([np.zeros(_BEFORE, np.int16), take.samples]).astype(np.float32) / np.float32(32768)
        finder = SpanFinder(rule)
        spans = [*finder.feed(detector.loud_probabilities(samples), len(samples)).spans, *finder.finish().spans]
        found.append(
            Play(
                samples=take.samples,
                speech_from_s=max(0, spans[0].start - _BEFORE) / SAMPLE_RATE if spans else 0.0,
                speech_to_s=(spans[-1].end - _BEFORE) / SAMPLE_RATE if spans else 0.0,
                text=take.text,
                language=take.language,
            )
        )
    return found
