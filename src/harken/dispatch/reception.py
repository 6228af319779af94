"""The reception: those who come before any instance is ready, and want to know what is served here.

It knows neither segments nor slots. Invariant: only so many wait at a time, and none of them longer than a segment may.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from harken.dispatch.desk import NOT_READY_RETRY_AFTER_S
from harken.dispatch.news import News
from harken.errors import NoReadyInstance, QueueFull
from harken.types import ModelInfo

_ASKING_MAX = 256
"""Requests that may wait for the first instance: nobody knows their audio yet, and each of them holds an upload."""


class Reception:
    """Answers what is served, as soon as that is known.

    Args:
        known: what is known now; what was known is never forgotten.
        news: tells when to look again.
        timeout_s: how long one request waits.
    """

    def __init__(self, *, known: Callable[[], ModelInfo | None], news: News, timeout_s: float) -> None:
        self._known = known
        self._news = news
        self._timeout_s = timeout_s
        self._asking = 0

    @property
    def asking(self) -> int:
        """How many wait for the first instance."""
        return self._asking

    async def model(self) -> ModelInfo:
        """Tell the model; waits while nobody knows.

        Raises:
            NoReadyInstance: no instance told in time.
            QueueFull: too many wait for that already.
        """
        if (refusal := self.refusal()) is not None:
            raise refusal
        self._asking += 1
        try:
            await until_ready(self._news, lambda: self._known() is not None, self._timeout_s)
        finally:
            self._asking -= 1
        model = self._known()
        assert model is not None, "a model that is known is not forgotten"
        return model

    def refusal(self) -> QueueFull | None:
        """Tell whether somebody who asks now would be sent away."""
        if self._asking < _ASKING_MAX or self._known() is not None:
            return None
        told = f"{self._asking} requests wait for the first instance already."
        return QueueFull(told, retry_after_s=NOT_READY_RETRY_AFTER_S)


async def until_ready(news: News, condition: Callable[[], bool], timeout_s: float) -> None:
    """Wait for instances.

    Raises:
        NoReadyInstance: it is not so after `timeout_s` seconds.
    """
    try:
        async with asyncio.timeout(timeout_s):
            await news.until(condition)
    except TimeoutError as error:
        raise NoReadyInstance(
            f"Too few instances became ready within {timeout_s:g} s.", retry_after_s=NOT_READY_RETRY_AFTER_S
        ) from error
