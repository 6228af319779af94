"""The drafts of one turn: recognised while it goes on, each at a cost that does not grow with the turn.

Owns the anchor and the pace: one draft at a time, none sooner than `update_s` after the one before, none where nobody
has spoken since. What a draft says is `stable`'s to judge. A draft that fails is no news: the next one, or the final
text, says the same. Invariant: a draft holds at most one and a half times `window_s` of sound, and no more than the
model recognises at once.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from harken.clock import Clock
from harken.config import LiveConfig
from harken.errors import HarkenError
from harken.live.stable import AGREE_S, Shown, StableText
from harken.log import get_log
from harken.types import SAMPLE_RATE, Options, Recognizer, Requester, Segment, Transcript

_FIRST_S: Final = 0.5
"""Sound before the first draft: less says nothing, and its first word would change."""

_SETTLED_S: Final = 0.3
"""Sound behind speech after which a draft has heard its last word whole."""

_KEPT_S: Final = 0.6
"""Sound kept before speech that may begin now."""

_SLOWEST_S: Final = 8.0
_USELESS_S: Final = 10.0

_log = get_log("live.drafts")


class Source(Protocol):
    """The sound of the session."""

    @property
    def end(self) -> int:
        """The place behind its last sample."""
        ...

    @property
    def spoken_to(self) -> int:
        """Where speech was last heard."""
        ...

    @property
    def would_end(self) -> int | None:
        """Where the turn ends if nobody speaks any more; None where the client says when."""
        ...

    async def read(self, start: int, end: int) -> NDArray[np.float32]:
        """Return the samples [start, end), in [-1, 1]."""
        ...

    async def pause(self, earliest: int, latest: int) -> int | None:
        """Return a place between two places where nobody speaks."""
        ...


class Drafts:
    """Of one turn.

    Args:
        recognizer: recognises them.
        finals: recognises what may be the whole turn.
        source: of sound.
        start: where the turn begins.
        options: of the recognition.
        forces_prefix: whether a recognition can be told what it begins with.
        longest_s: the longest sound that is recognised at once.
        name: of the turn, for its segments.
        requester: who asks.
        config: their pace and length.
        clock: for the pace.
        show: takes what is new.
        took: takes the seconds from wanting a draft to its text.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        finals: Recognizer,
        source: Source,
        *,
        start: int,
        options: Options,
        forces_prefix: bool,
        longest_s: float,
        name: str,
        requester: Requester,
        config: LiveConfig,
        clock: Clock,
        show: Callable[[Shown], None],
        took: Callable[[float], None],
    ) -> None:
        self.text = StableText(config.hold_s)
        self.home = ""
        """The instance that recognised the latest."""
        self.anchor = start
        """Where drafts begin now; nobody asks for sound before it."""
        self.count = 0
        self.is_guessing = False
        """A draft is under way that may be the whole turn."""
        self._recognizer = recognizer
        self._finals = finals
        self._source = source
        self._start = start
        self._options = options
        self._plain = dataclasses.replace(options, wants_words=False, wants_logprobs=False)  # nobody sees a draft's
        self._forces_prefix = forces_prefix
        self._name = name
        self._requester = requester
        self._config = config
        self._clock = clock
        self._show = show
        self._took = took
        self._longest_s = longest_s
        self._window_s = min(config.window_s, 0.6 * longest_s)
        self._most_s = 1.5 * self._window_s
        self._language: str | None = None
        self._drafted_to = start
        self._news = asyncio.Event()

    def heard(self) -> None:
        """There is more sound."""
        if self._source.spoken_to <= self.anchor:
            self.anchor = max(self.anchor, self._source.end - round(_KEPT_S * SAMPLE_RATE))
        self._news.set()

    def piece_done(self, text: str, end: int) -> None:
        """A piece of the turn was recognised whole: its text is final, and its sound is left behind.

        Args:
            text: with the space before it.
            end: the place behind its last sample in the session.
        """
        self._show(self.text.done(text))
        self.anchor = max(self.anchor, end)

    async def run(self) -> None:
        """Draft until cancelled."""
        wait_s = self._config.update_s
        while True:
            await self._until_due()
            began = self._clock.now()
            try:
                await self._draft()
                wait_s = self._config.update_s
            except HarkenError as error:
                _log.info("live.draft_failed", request_id=self._name, code=error.code)
                self._took(self._clock.now() - began)  # what came too late to be shown was late all the same
                wait_s = min(_SLOWEST_S, 2 * wait_s)
            await asyncio.sleep(max(0.0, began + wait_s - self._clock.now()))

    async def _until_due(self) -> None:
        while not self._is_due():
            self._news.clear()
            await self._news.wait()

    def _is_due(self) -> bool:
        end, spoken_to, before = self._source.end, self._source.spoken_to, self._drafted_to
        if end - self._start < _FIRST_S * SAMPLE_RATE or spoken_to <= self.anchor:
            return False
        if spoken_to > before:
            return True
        marks = (spoken_to + round(behind_s * SAMPLE_RATE) for behind_s in (_SETTLED_S, AGREE_S + _SETTLED_S))
        return any(before < mark <= end for mark in marks)

    async def _draft(self) -> None:
        if (whole := self._whole()) is not None:
            await self._guess(whole)
            return
        await self._move_anchor()
        anchor, end = self.anchor, self._source.end
        began = self._clock.now()
        prefix = self.text.prefix if self._forces_prefix and self._language else ""
        found = await self._recognize(anchor, end, prefix)
        self._take(found, anchor=anchor, end=end, began=began)

    def _take(self, found: Transcript, *, anchor: int, end: int, began: float) -> None:
        self._language = found.language or self._language
        self._took(self._clock.now() - began)
        if anchor == self.anchor:  # else a piece was done meanwhile, and the text begins with what is final now
            self._drafted_to = end
            self._show(self.text.take(found.text, end / SAMPLE_RATE))

    def _whole(self) -> int | None:
        """Where the turn ends, if it seems to: somebody pauses, and the turn can be recognised at once."""
        end = self._source.would_end
        if end is None or end > self._source.end or self.anchor != self._start:
            return None
        return end if end - self._start <= self._longest_s * SAMPLE_RATE else None

    async def _guess(self, end: int) -> None:
        """Recognise the turn as if it ended in the pause that has begun: mostly it does, and its text is known then."""
        began, drafted_to = self._clock.now(), self._source.end
        self.is_guessing = True
        try:
            segment = await self._segment(self._start, end)
            hurried = dataclasses.replace(self._requester, deadline=began, is_bound=False)
            segment = dataclasses.replace(segment, requester=hurried)
            found = await self._finals.recognize(segment, self._options)
        finally:
            self.is_guessing = False
        self.home = found.instance or self.home
        self._take(found, anchor=self._start, end=drafted_to, began=began)

    async def _recognize(self, start: int, end: int, prefix: str = "") -> Transcript:
        options = self._plain
        if prefix:
            options = dataclasses.replace(options, language=options.language or self._language, prefix=prefix)
        found = await self._recognizer.recognize(await self._segment(start, end), options)
        self.home = found.instance
        return found

    async def _segment(self, start: int, end: int) -> Segment:
        self.count += 1
        return Segment(
            samples=await self._source.read(start, end),
            request_id=self._name,
            index=self.count,
            start=start,
            recording_s=(end - start) / SAMPLE_RATE,
            home=self.home,
            requester=dataclasses.replace(self._requester, deadline=self._clock.now() + _USELESS_S),
        )

    async def _move_anchor(self) -> None:
        """Leave behind what has been said, once the window is long; at once, where it is too long to be recognised."""
        while (window_s := (self._source.end - self.anchor) / SAMPLE_RATE) > self._window_s:
            if not await self._leave_behind(must_move=window_s > self._most_s):
                return

    async def _leave_behind(self, *, must_move: bool) -> bool:
        end, spoken_to, margin = self._source.end, self._source.spoken_to, round(self._window_s / 4 * SAMPLE_RATE)
        latest = min(end, spoken_to + margin) - round(AGREE_S * SAMPLE_RATE) - margin
        latest = min(latest, self.anchor + round(self._most_s * SAMPLE_RATE))
        place = await self._source.pause(self.anchor + margin, latest)
        if place is None and must_move:
            place = max(latest, self.anchor + margin)
        if place is None:
            return False
        anchor = self.anchor
        before = await self._recognize(anchor, place)
        if anchor != self.anchor:
            return True
        if not self.text.move(before.text, place / SAMPLE_RATE):
            if not must_move:
                return False
            self.text.settle(before.text)
        self.anchor = place
        return True
