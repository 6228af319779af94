"""The text of a recording on its way to one reader: deltas that wait, and how far it is.

A `Watch` on one side, a wait on the other; both on one event loop. What waits is joined, so that a slow reader gets
fewer and longer deltas, and no more is held than the text itself. The invariant: the deltas that were taken, joined,
are what the transcriber told, in its order.
"""

from __future__ import annotations

import asyncio

from harken.types import TokenLogprob


class Feed:
    """Between the transcriber and one stream.

    Attributes:
        done_s: audio-seconds that are done.
        total_s: in all; None while unknown.
        is_over: there is no more text than what waits.
    """

    def __init__(self) -> None:
        self.done_s = 0.0
        self.total_s: float | None = None
        self.is_over = False
        self._waiting: list[str] = []
        self._tokens: list[TokenLogprob] = []
        self._has_news = asyncio.Event()

    def text(self, delta: str, logprobs: tuple[TokenLogprob, ...]) -> None:
        """Take the next part of the text, and its tokens."""
        if delta:
            self._waiting.append(delta)
            self._tokens += logprobs
            self._has_news.set()

    def progress(self, done_s: float, total_s: float | None) -> None:
        """Take how far it is; this alone wakes nobody."""
        self.done_s, self.total_s = done_s, total_s

    def take(self) -> tuple[str, tuple[TokenLogprob, ...]]:
        """Hand out the text that waits, and its tokens; "" where none does."""
        text, tokens = "".join(self._waiting), tuple(self._tokens)
        self._waiting.clear()
        self._tokens.clear()
        if not self.is_over:
            self._has_news.clear()
        return text, tokens

    async def news(self) -> None:
        """Wait until there is text, or there will be no more."""
        await self._has_news.wait()

    def end(self) -> None:
        """Say that all text was told."""
        self.is_over = True
        self._has_news.set()
