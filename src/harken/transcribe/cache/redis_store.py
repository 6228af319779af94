"""The second level: a Redis that several gateways share.

Owns the names in it, how long it is waited for, and when it is left alone. Knows nothing of what it keeps. The
invariant: whatever Redis does (is away, hangs, is full, answers nonsense), every call returns within `PATIENCE_S`, and
after a failure the next `REST_S` cost nobody anything. Nothing of its URL but the address is ever logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from harken.circuit import Circuit
from harken.clock import Clock
from harken.errors import ConfigError
from harken.log import get_log
from harken.transcribe.cache.key import FORMAT
from harken.transcribe.cache.shared import Claimed

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

PATIENCE_S = 0.5
REST_S = 5.0
VALUE_BYTES_MAX = 1024 * 1024
"""No transcript of one segment is larger, so a larger value is none of ours, and is not read to its end."""

_CONNECTIONS = 32

_NO_URL = "cache.url is not a URL that Redis can be reached by: redis://host:6379/0 is one."

_NOT_OURS = b"?"
"""Stands for what lies under a name of ours and cannot be read as a value: whoever reads this does not believe it."""

_RENEW = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0"
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"

Answer = TypeVar("Answer")

_log = get_log("cache.redis")


class RedisStore:
    """Implements `Shared`; opens connections as it needs them.

    Args:
        url: redis://, rediss:// or unix://.
        keep_s: how long a value is kept, in seconds.
        clock: for the rests.

    Raises:
        ConfigError: the URL is none of Redis, or the `redis` package is missing. That nobody answers there is no error.
    """

    def __init__(self, url: str, keep_s: float, *, clock: Clock) -> None:
        self._redis = _client(url)
        self._address = _address(url)
        self._keep_ms = max(1, round(keep_s * 1000))
        self._clock = clock
        self._line = Circuit(REST_S)
        self._writing = Circuit(REST_S)

    @property
    def is_away(self) -> bool:
        """It failed, and has not answered since."""
        return self._line.has_failed(self._clock.now())

    async def close(self) -> None:
        """Close all connections."""
        async with asyncio.timeout(PATIENCE_S):
            await self._redis.aclose()

    async def read(self, key: bytes) -> bytes | None:
        """See `Shared`."""

        async def ask() -> object:
            pipe = self._redis.pipeline(transaction=False)
            pipe.getrange(_value_name(key), 0, VALUE_BYTES_MAX)
            (value,) = await _executed(pipe)
            return value

        return _value(await self._ask(ask))

    async def write(self, key: bytes, value: bytes) -> None:
        """See `Shared`."""
        if len(value) <= VALUE_BYTES_MAX:
            await self._tell(lambda: self._redis.set(_value_name(key), value, px=self._keep_ms))

    async def forget(self, key: bytes) -> None:
        """See `Shared`."""
        await self._tell(lambda: self._redis.delete(_value_name(key)))

    async def claim(self, key: bytes, mark: str, lease_s: float) -> Claimed | None:
        """See `Shared`."""

        async def ask() -> list[Any]:
            pipe = self._redis.pipeline(transaction=False)
            pipe.set(_turn_name(key), mark, nx=True, px=round(lease_s * 1000))
            pipe.getrange(_value_name(key), 0, VALUE_BYTES_MAX)
            pipe.get(_turn_name(key))
            answers = await _executed(pipe)
            if _is_of_another_kind(answers[2]):
                # No mark, and nothing that would ever go: the next look finds the turn free.
                await self._redis.delete(_turn_name(key))
                answers[2] = b""
            return answers

        answers = await self._tell(ask)
        if answers is None:
            return None
        is_set, value, holder = answers
        return Claimed(is_ours=bool(is_set), value=_value(value), holder=bytes(holder or b"").decode(errors="replace"))

    async def renew(self, key: bytes, mark: str, lease_s: float) -> None:
        """See `Shared`."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.eval(_RENEW, 1, _turn_name(key), mark, round(lease_s * 1000))
        await self._tell(lambda: _executed(pipe))

    async def release(self, key: bytes, mark: str) -> None:
        """See `Shared`."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.eval(_RELEASE, 1, _turn_name(key), mark)
        await self._tell(lambda: _executed(pipe))

    async def _tell(self, what: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """Ask for something that changes what is kept; a Redis that is full may still be read."""
        from redis.exceptions import ResponseError

        if not self._writing.may_try(self._clock.now()):
            return None

        async def attempt() -> Answer | None:
            try:
                answer = await what()
            except ResponseError as error:
                if self._writing.fail(self._clock.now()):
                    _log.warning("cache.not_kept", redis=self._address, reason=str(error)[:200], rest_s=REST_S)
                return None
            self._writing.succeed()
            return answer

        return await self._ask(attempt)

    async def _ask(self, what: Callable[[], Awaitable[Answer]]) -> Answer | None:
        from redis.exceptions import ResponseError

        if not self._line.may_try(self._clock.now()):
            return None
        try:
            async with asyncio.timeout(PATIENCE_S):
                answer = await what()
        except ResponseError:
            answer = None  # it is there, and does not let us read
        except Exception as error:  # noqa: BLE001 - the edge to somebody else's server: all it can do to us is a miss
            self._fail(error)
            return None
        if self._line.succeed():
            _log.info("cache.redis_back", redis=self._address)
        return answer

    def _fail(self, error: Exception) -> None:
        if self._line.fail(self._clock.now()):
            reason = f"{type(error).__name__}: {error}"[:200]
            _log.warning("cache.redis_failed", redis=self._address, reason=reason, rest_s=REST_S)


def _client(url: str) -> Redis:
    """Make a client, which connects to nobody yet."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigError(_NO_URL) from error
    scheme = parts.scheme
    if scheme not in ("redis", "rediss", "unix", "redis+unix"):
        raise ConfigError(f"cache.url must begin with redis://, rediss:// or unix://, not with {scheme + '://'!r}.")
    try:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError as error:
        raise ConfigError("cache.url needs the redis package: pip install 'harken[redis]'.") from error
    # The library takes what it cannot read for 0.
    database = "" if "unix" in scheme else parts.path.strip("/")
    if database and not database.isdecimal():
        raise ConfigError("cache.url ends with no number of a database: redis://host:6379/0 is one that does.")
    try:
        pool = BlockingConnectionPool.from_url(
            url.removeprefix("redis+"),
            max_connections=_CONNECTIONS,
            timeout=PATIENCE_S,
            socket_timeout=PATIENCE_S,
            socket_connect_timeout=PATIENCE_S,
            # Once more, for a connection that Redis closed since it was last used.
            retry=Retry(NoBackoff(), 1),
        )
        pool.connection_class(**pool.connection_kwargs)  # only now the options of the URL are looked at
    except (TypeError, ValueError) as error:
        # The message may hold parts of the URL, and with them a password.
        raise ConfigError(_NO_URL) from error
    return Redis.from_pool(pool)


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme.endswith("unix"):
        return parts.path
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"


def _value_name(key: bytes) -> str:
    return f"harken:{FORMAT}:segment:{key.hex()}"


def _turn_name(key: bytes) -> str:
    return f"harken:{FORMAT}:turn:{key.hex()}"


async def _executed(pipe: Pipeline) -> list[Any]:
    """The answers to several questions; a name that holds another kind of value is an answer like any other.

    Raises:
        RedisError: what else Redis refused.
    """
    answers = await pipe.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception) and not _is_of_another_kind(answer):
            raise answer
    return answers


def _is_of_another_kind(answer: object) -> bool:
    return isinstance(answer, Exception) and "WRONGTYPE" in str(answer)


def _value(answer: object) -> bytes | None:
    """What is kept there; None where there is nothing."""
    if not answer:
        return None
    return answer if isinstance(answer, bytes) and len(answer) <= VALUE_BYTES_MAX else _NOT_OURS
