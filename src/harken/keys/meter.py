"""How much a key may ask for: requests and audio-seconds per minute, counted by the `limits` library.

Requests are counted in a moving window. Audio-seconds are known only after a recording was decoded, and one recording
may be longer than a minute's quota. So a key may begin a recording as long as anything of this minute is left; what it
then used beyond that is charged to the minutes that follow, an hour of them at most, and it waits that long. The
invariants: a count goes up at once and as a whole, whatever else counts at the same time; and counting never fails a
request: while the storage of the counts is out of reach, nothing is limited, and the log says so.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from harken.config import AuthConfig
from harken.errors import ConfigError, RateLimited
from harken.keys.key import Key
from harken.log import get_log

if TYPE_CHECKING:
    from limits.aio.storage import Storage
    from limits.aio.strategies import MovingWindowRateLimiter

WINDOW_S = 60
DEBT_WINDOWS = 60
"""Windows after this one that one recording may use up."""

_MS = 1000

_PATIENCE_S = 2.0
"""The longest wait for the storage of the counts."""

_PLAIN_REDIS = ("redis://", "rediss://", "redis+unix://")

Number = TypeVar("Number", int, float)

_log = get_log("keys.meter")


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

    Raises:
        ConfigError: a storage that cannot be used.
    """

    def __init__(self, config: AuthConfig, now: Callable[[], float] = time.time) -> None:
        self._config = config
        self._now = now
        self._open: tuple[Storage, MovingWindowRateLimiter] | None = None
        if config.storage != "memory://":
            self._open = _open(config.storage)

    async def enter(self, key: Key) -> list[Standing]:
        """Count a request; return what is left.

        Raises:
            LimitReached: there were too many in the last minute; this one does not count.
        """
        limit = _own_or(key.requests_per_minute, self._config.requests_per_minute)
        if not limit:
            return []
        from limits import RateLimitItemPerMinute
        from limits.errors import StorageError

        item = RateLimitItemPerMinute(limit, namespace="harken")
        _, counter = self._counts()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                is_free = await counter.hit(item, "requests", key.id)
                reset_at, remaining = await counter.get_window_stats(item, "requests", key.id)
        except (StorageError, TimeoutError) as error:
            return _unlimited(error)
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
        from limits.errors import StorageError

        storage, _ = self._counts()
        window = self._window()
        ahead = 1
        try:
            async with asyncio.timeout(_PATIENCE_S):
                used = await storage.get(_name(key.id, window))
                while used >= limit_ms and ahead <= DEBT_WINDOWS:
                    if await storage.get(_name(key.id, window + ahead)) < limit_ms:
                        break
                    ahead += 1
        except (StorageError, TimeoutError) as error:
            return _unlimited(error)
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
        left_ms = round(audio_s * _MS)
        if not limit_ms or left_ms <= 0:
            return
        from limits.errors import StorageError

        storage, _ = self._counts()
        window = self._window()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                for ahead in range(DEBT_WINDOWS + 1):
                    # Kept until the window is over, and longer: clocks of several servers may differ.
                    kept_s = (ahead + 2) * WINDOW_S
                    used = await storage.incr(_name(key.id, window + ahead), kept_s, amount=left_ms)
                    left_ms = min(left_ms, used - limit_ms)
                    if left_ms <= 0:
                        return
        except (StorageError, TimeoutError) as error:
            _unlimited(error)

    def _audio_ms(self, key: Key) -> int:
        return round(_own_or(key.audio_s_per_minute, self._config.audio_s_per_minute) * _MS)

    def _window(self) -> int:
        return int(self._now() // WINDOW_S)

    def _counts(self) -> tuple[Storage, MovingWindowRateLimiter]:
        if self._open is None:
            self._open = _open(self._config.storage)
        return self._open


def _open(url: str) -> tuple[Storage, MovingWindowRateLimiter]:
    from limits.aio.storage import Storage
    from limits.aio.strategies import MovingWindowRateLimiter
    from limits.errors import ConfigurationError
    from limits.storage import storage_from_string

    try:
        # redis-py rather than the library's default, coredis: the client that everybody has.
        client = {"implementation": "redispy"} if url.startswith("redis") else {}
        storage = storage_from_string(f"async+{url}", wrap_exceptions=True, **client)
        assert isinstance(storage, Storage), f"async+ gave {storage!r}"
        if url.startswith(_PLAIN_REDIS):
            _check_redis(url)
    except (ConfigurationError, NotImplementedError) as error:
        # Neither the URL nor what the library says of it: there may be a password in it.
        kind = url.partition(":")[0]
        raise ConfigError(f"auth.storage cannot be used: no storage {kind!r}, or its library is missing.") from error
    except Exception as error:
        # Each storage reads its URL with a client of its own, and each of those has errors of its own for a bad one.
        raise ConfigError("auth.storage is not a URL that its storage can be reached by.") from error
    return storage, MovingWindowRateLimiter(storage)


def _check_redis(url: str) -> None:
    """Look at the options of a URL, which the client does only with its first connection; connects to nobody.

    Raises:
        Exception: of the client; one is unknown, or has no value that it can have.
    """
    from redis.asyncio import ConnectionPool

    # The library of the storages reads "redis+unix" so too.
    pool = ConnectionPool.from_url(url.removeprefix("redis+"))
    pool.connection_class(**pool.connection_kwargs)


def _own_or(own: Number | None, default: Number) -> Number:
    return default if own is None else own


def _unlimited(error: Exception) -> list[Standing]:
    _log.error("limits.unreachable", detail=str(error) or type(error).__name__)
    return []


def _name(key_id: str, window: int) -> str:
    return f"harken/audio/{key_id}/{window}"
