"""A cache as the configuration wants it, around a recognizer, for as long as a server lives.

Owns what is checked at the start: a URL or a scope that cannot be is an error then and there; a Redis that is away is
none, then or later.
"""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from harken.clock import Clock, SystemClock
from harken.config import CacheConfig
from harken.errors import ConfigError
from harken.transcribe.cache.counts import Counts
from harken.transcribe.cache.memory import Memory
from harken.transcribe.cache.recognizer import CachedRecognizer
from harken.transcribe.cache.redis_store import RedisStore
from harken.types import Recognizer, Requester

Scope = Callable[[Requester], str]

_SCOPES: dict[str, Scope] = {
    "key": lambda requester: f"key {requester.key}",
    "shared": lambda requester: "shared",
}


class Cache:
    """Not running yet; `over` makes it run.

    Args:
        config: checked.
        scope: of the configuration.
        clock: seconds.
    """

    def __init__(self, config: CacheConfig, scope: Scope, clock: Clock) -> None:
        self._config = config
        self._scope = scope
        self._clock = clock
        self._cached: CachedRecognizer | None = None
        # Made here already, because it is what finds a URL that cannot be.
        self._redis = RedisStore(config.url, config.keep_s, clock=clock) if config.url and config.bytes else None

    @property
    def counts(self) -> Counts | None:
        """What became of the askings so far; None where there is no cache, or not yet."""
        return None if self._cached is None else self._cached.counts

    def stores(self) -> dict[str, bool]:
        """What is shared with other gateways → whether it could be reached lately; nothing where nothing is shared."""
        return {} if self._redis is None else {"cache": not self._redis.is_away}

    @asynccontextmanager
    async def over(self, recognizer: Recognizer) -> AsyncIterator[Recognizer]:
        """Put the cache before a recognizer; where there is to be none, it is the recognizer itself."""
        if not self._config.bytes:
            yield recognizer
            return
        cached = self._cached = CachedRecognizer(
            recognizer,
            memory=Memory(self._config.bytes, self._config.keep_s),
            shared=self._redis,
            scope=self._scope,
            clock=self._clock,
        )
        try:
            yield cached
        finally:
            await cached.close()
            if self._redis is not None:
                with suppress(TimeoutError, OSError):
                    await self._redis.close()


def make_cache(config: CacheConfig, clock: Clock | None = None) -> Cache:
    """Return the cache that is wanted; it opens no connection yet.

    Raises:
        ConfigError: a URL or a scope that cannot be.
    """
    scope = _SCOPES.get(config.scope)
    if scope is None:
        near = difflib.get_close_matches(config.scope, _SCOPES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ConfigError(f"cache.scope must be 'key' or 'shared', not {config.scope!r}{hint}")
    return Cache(config, scope, clock or SystemClock())
