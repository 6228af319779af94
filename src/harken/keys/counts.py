"""Where the counts of keys lie: this server's memory, or a storage that several servers share.

Owns how a storage is opened by its URL, how long it is waited for, and when it is left alone; knows nothing of limits.
The invariants: counting never fails a request and never holds it for longer than `PATIENCE_S`; and after a failure the
next `REST_S` cost nobody anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from harken.circuit import Circuit
from harken.clock import Clock, SystemClock
from harken.errors import ConfigError
from harken.log import get_log

if TYPE_CHECKING:
    from limits.aio.storage import Storage
    from limits.aio.strategies import MovingWindowRateLimiter

PATIENCE_S = 0.5
REST_S = 5.0

_IN_MEMORY = "memory://"
_PLAIN_REDIS = ("redis://", "rediss://", "redis+unix://")

Answer = TypeVar("Answer")

_log = get_log("keys.counts")


class Counts:
    """The counts of one server, or its share of several servers' counts.

    Args:
        url: of the storage, as the library `limits` has it.
        clock: for the rests.

    Raises:
        ConfigError: a storage that cannot be used. That nobody answers there is no error.
    """

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._line = Circuit(REST_S)
        # The library is heavy, and most servers limit nobody: memory is opened when something is counted.
        self._open = None if url == _IN_MEMORY else _open(url)

    @property
    def are_away(self) -> bool:
        """The storage failed, and has not answered since."""
        return self._line.has_failed(self._clock.now())

    async def ask(self, what: Callable[[Storage, MovingWindowRateLimiter], Awaitable[Answer]]) -> Answer | None:
        """Return what the storage says; None where it is out of reach."""
        from limits.errors import StorageError

        if self._open is None:
            self._open = _open(_IN_MEMORY)
        if not self._line.may_try(self._clock.now()):
            return None
        try:
            async with asyncio.timeout(PATIENCE_S):
                answer = await what(*self._open)
        except (StorageError, TimeoutError) as error:
            if self._line.fail(self._clock.now()):
                _log.error("limits.unreachable", detail=str(error) or type(error).__name__, rest_s=REST_S)
            return None
        if self._line.succeed():
            _log.info("limits.back")
        return answer


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
