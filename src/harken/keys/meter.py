"""How much a key may ask for: requests and audio-seconds per minute, counted by the `limits` library.

Requests are counted in a moving window. Audio-seconds are known only after a recording was decoded, and one recording
may be longer than a minute's quota. So a key may begin a recording as long as anything of this minute is left; what it
then used beyond that is charged to the minutes that follow, an hour of them at most, and it waits that long. The
invariant: a count goes up at once and as a whole, whatever else counts at the same time, on whatever server. While the
storage of the counts is out of reach (`keys.counts`), nothing is limited.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from harken.clock import Clock
from harken.config import AuthConfig
from harken.errors import RateLimited
from harken.keys.counts import Counts
from harken.keys.key import Key

if TYPE_CHECKING:
    from limits.aio.storage import Storage
    from limits.aio.strategies import MovingWindowRateLimiter

WINDOW_S = 60
DEBT_WINDOWS = 60
"""Windows after this one that one recording may use up."""

_MS = 1000

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What is left of one limit.

    Attributes:
        what: "requests" or "audio-seconds".
        limit: per minute.
        remaining: now.
        reset_s: seconds until all of it is there again, or, where nothing is left, until something is.
    """

    what: str
    limit: float
    remaining: float
    reset_s: int


class LimitReached(RateLimited):
    """A limit of a key is reached; `standing` says which."""

    def __init__(self, standing: Standing, message: str) -> None:
        super().__init__(f"{message}; try again in {standing.reset_s} s.", retry_after_s=standing.reset_s)
        self.standing = standing


class Meter:
    """Counts for all keys of a server, or, with a shared storage, of several.

    Args:
        config: the limits of keys without their own, and where the counts are.
        now: seconds since 1970.
        clock: for how long a storage that failed is left alone.

    Raises:
        ConfigError: a storage that cannot be used.
    """

    def __init__(self, config: AuthConfig, now: Callable[[], float] = time.time, *, clock: Clock | None = None) -> None:
        self._config = config
        self._now = now
        self._counts = Counts(config.storage, clock=clock)

    @property
    def is_away(self) -> bool:
        """The storage of the counts is out of reach: nothing is limited now."""
        return self._counts.are_away

    async def enter(self, key: Key) -> list[Standing]:
        """Count a request; return what is left.

        Raises:
            LimitReached: there were too many in the last minute; this one does not count.
        """
        limit = _own_or(key.requests_per_minute, self._config.requests_per_minute)
        if not limit:
            return []
        from limits import RateLimitItemPerMinute

        item = RateLimitItemPerMinute(limit, namespace="harken")

        async def hit(_: Storage, counter: MovingWindowRateLimiter) -> tuple[bool, float, int]:
            is_free = await counter.hit(item, "requests", key.id)
            return is_free, *await counter.get_window_stats(item, "requests", key.id)

        counted = await self._counts.ask(hit)
        if counted is None:
            return []
        is_free, reset_at, remaining = counted
        standing = Standing(
            what="requests", limit=limit, remaining=remaining, reset_s=max(1, math.ceil(reset_at - self._now()))
        )
        if not is_free:
            raise LimitReached(standing, f"This key may make {limit} requests a minute")
        return [standing]

    async def look(self, key: Key) -> list[Standing]:
        """Return what is left of its audio-seconds.

        Raises:
            LimitReached: nothing.
        """
        left = await self.audio_left(key)
        for standing in left:
            if standing.remaining <= 0:
                raise LimitReached(standing, f"This key may have {standing.limit:g} audio-seconds a minute transcribed")
        return left

    async def audio_left(self, key: Key) -> list[Standing]:
        """Return what is left of its audio-seconds, also where that is nothing; [] for no limit or no count."""
        limit_ms = self._audio_ms(key)
        if not limit_ms:
            return []
        window = self._window()

        async def get(storage: Storage, _: MovingWindowRateLimiter) -> tuple[int, int]:
            used, ahead = await storage.get(_name(key.id, window)), 1
            while used >= limit_ms and ahead <= DEBT_WINDOWS:
                if await storage.get(_name(key.id, window + ahead)) < limit_ms:
                    break
                ahead += 1
            return used, ahead

        counted = await self._counts.ask(get)
        if counted is None:
            return []
        used, ahead = counted
        standing = Standing(
            what="audio-seconds",
            limit=limit_ms / _MS,
            remaining=max(0, limit_ms - used) / _MS,
            reset_s=max(1, math.ceil((window + ahead) * WINDOW_S - self._now())),
        )
        return [standing]

    async def charge(self, key: Key, audio_s: float) -> None:
        """Count audio-seconds; what this minute has no room for goes to the next ones."""
        limit_ms = self._audio_ms(key)
        if not limit_ms or audio_s <= 0:
            return
        window = self._window()

        async def add(storage: Storage, _: MovingWindowRateLimiter) -> None:
            left_ms = round(audio_s * _MS)
            for ahead in range(DEBT_WINDOWS + 1):
                if left_ms <= 0:
                    return
                # Kept until the window is over, and longer: clocks of several servers may differ.
                kept_s = (ahead + 2) * WINDOW_S
                used = await storage.incr(_name(key.id, window + ahead), kept_s, amount=left_ms)
                left_ms = min(left_ms, used - limit_ms)

        await self._counts.ask(add)

    def _audio_ms(self, key: Key) -> int:
        return round(_own_or(key.audio_s_per_minute, self._config.audio_s_per_minute) * _MS)

    def _window(self) -> int:
        return int(self._now() // WINDOW_S)


def _own_or(own: Number | None, default: Number) -> Number:
    return default if own is None else own


def _name(key_id: str, window: int) -> str:
    return f"harken/audio/{key_id}/{window}"
