"""A real Redis, with everything that may happen to it."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harken.clock import SystemClock
from harken.config import CacheConfig
from harken.errors import ConfigError
from harken.testing import FakeClock, silence
from harken.transcribe.cache import make_cache
from harken.transcribe.cache.redis_store import PATIENCE_S, REST_S, VALUE_BYTES_MAX, RedisStore
from harken.types import Options, Requester, Segment
from tests.transcribe.cache.askers import GatedRecognizer, ask, cached, settle
from tests.transcribe.cache.redis_server import running_redis

pytest.importorskip("redis")
needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")

KEY, OTHER = b"k" * 32, b"o" * 32


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A running Redis."""
    with running_redis(tmp_path) as process:
        yield process


@asynccontextmanager
async def store_in(folder: Path, clock: FakeClock | None = None, auth: str = "") -> AsyncIterator[RedisStore]:
    """A store over the Redis of that folder."""
    store = RedisStore(f"unix://{auth}{folder / 'redis.sock'}", 60.0, clock=clock or SystemClock())
    try:
        yield store
    finally:
        await store.close()


@pytest.mark.slow
@needs_redis
def test_values_and_turns(tmp_path: Path, redis: subprocess.Popen[str]) -> None:
    """A value is what was written, for as long as it is kept; a turn is one asker's until he releases it."""

    async def scene() -> None:
        async with store_in(tmp_path) as store, store_in(tmp_path) as other:
            assert await store.read(KEY) is None
            first, second = await store.claim(KEY, "batch:1", 10.0), await other.claim(KEY, "live:2", 10.0)
            assert first is not None
            assert second is not None
            assert (first.is_ours, second.is_ours, second.holder) == (True, False, "batch:1")
            await store.renew(KEY, "batch:1", 60.0)
            await other.renew(KEY, "live:2", 600.0)
            assert 50_000 < await store._redis.pttl(f"harken:1:turn:{KEY.hex()}") <= 60_000
            await other.release(KEY, "live:2")
            await store.write(KEY, b"value")
            assert await other.read(KEY) == b"value"
            await store.release(KEY, "batch:1")
            third = await other.claim(KEY, "live:2", 0.01)
            assert third is not None
            assert (third.is_ours, third.value) == (True, b"value")
            assert 59_000 < await store._redis.pttl(f"harken:1:segment:{KEY.hex()}") <= 60_000
            assert await store._redis.pttl(f"harken:1:turn:{KEY.hex()}") <= 10
            await store.forget(KEY)
            assert await other.read(KEY) is None

    asyncio.run(scene())


@pytest.mark.slow
@needs_redis
def test_two_gateways_over_one_redis_recognise_ten_recordings_ten_times(
    tmp_path: Path, redis: subprocess.Popen[str]
) -> None:
    """Whichever gateway is asked, and when."""

    async def scene() -> None:
        under = GatedRecognizer()
        async with (
            store_in(tmp_path) as one_store,
            store_in(tmp_path) as other_store,
            cached(under, shared=one_store) as one,
            cached(under, shared=other_store) as other,
        ):
            asking = [ask(gateway, seed=number % 10) for number in range(50) for gateway in (one, other)]
            while len(under.asked) < 10:
                await asyncio.sleep(0)
            under.gate.set()
            answers = await asyncio.gather(*asking)
            assert sum(not answer.is_cached for answer in answers) == 10
        assert len(under.asked) == 10

    asyncio.run(scene())


@pytest.mark.slow
@needs_redis
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_a_redis_that_dies_or_hangs_in_the_middle_costs_one_wait_and_no_request(
    tmp_path: Path, redis: subprocess.Popen[str], end: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    """After it, nobody waits until the rest is over; then one tries, and finds it again."""

    async def scene() -> None:
        under, clock = GatedRecognizer(), FakeClock()
        under.gate.set()
        async with store_in(tmp_path, clock) as store, cached(under, shared=store, clock=clock) as cache:
            await ask(cache, seed=0)
            await settle()
            redis.send_signal(end)
            began = time.monotonic()
            answers = await asyncio.gather(*(ask(cache, seed=number) for number in range(1, 29)))
            assert len(answers) == 28
            assert time.monotonic() - began < 4 * PATIENCE_S
            await ask(cache, seed=29)
            assert store._line.is_open
            began = time.monotonic()
            for number in range(30, 40):
                await ask(cache, seed=number)
            assert time.monotonic() - began < PATIENCE_S
            if end is signal.SIGSTOP:
                redis.send_signal(signal.SIGCONT)
                clock.advance(REST_S)
                await ask(cache, seed=50)
                assert not store._line.is_open

    asyncio.run(scene())
    lines = [line for line in capsys.readouterr().out.splitlines() if "cache.redis_failed" in line]
    assert len(lines) == 1


@pytest.mark.slow
@needs_redis
def test_a_redis_that_comes_back_is_used_again(tmp_path: Path) -> None:
    """Killed and started again on the same address, without anything being started again here."""

    async def scene() -> None:
        clock = FakeClock()
        async with store_in(tmp_path, clock) as store:
            assert await store.read(KEY) is None
            assert store._line.is_open
            with running_redis(tmp_path):
                await store.write(KEY, b"value")
                assert await store.read(KEY) is None
                clock.advance(REST_S)
                await store.write(KEY, b"value")
                assert await store.read(KEY) == b"value"
            with running_redis(tmp_path):
                # The connection of before is dead; another is made at once.
                assert await store.read(KEY) is None
                assert not store._line.is_open

    asyncio.run(scene())


@pytest.mark.slow
@needs_redis
@pytest.mark.parametrize("command", ["LPUSH {} a", "SADD {} a", "SETRANGE {} 2000000 a", "SET {} a"])
def test_whatever_lies_under_a_name_is_no_answer_and_is_replaced(
    tmp_path: Path, redis: subprocess.Popen[str], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other kinds of values, too much, anything: what is recognised takes its place, and writing goes on."""

    async def scene() -> None:
        under = GatedRecognizer()
        under.gate.set()
        async with store_in(tmp_path) as store:
            async with cached(under, shared=store) as first:
                known = await ask(first)
            (name,) = await store._redis.keys("harken:1:segment:*")
            await store._redis.delete(name)
            await store._redis.execute_command(*command.format(name.decode()).split())  # type: ignore[no-untyped-call]
            async with cached(under, shared=store) as second:
                assert not (await ask(second)).is_cached
                await ask(second, seed=1)
            async with cached(under, shared=store) as third:
                assert await ask(third) == dataclasses.replace(known, instance="asr-2")
                assert (await ask(third, seed=1)).is_cached
            assert await store._redis.keys("harken:1:turn:*") == []
        assert len(under.asked) == 3

    asyncio.run(scene())
    told = capsys.readouterr().out
    assert told.count("cache.poisoned") == 1
    assert "cache.not_kept" not in told


@pytest.mark.slow
@needs_redis
def test_a_mark_of_another_kind_is_no_turn_of_anybody(tmp_path: Path, redis: subprocess.Popen[str]) -> None:
    """The next look finds the turn free; one that is only unreadable is waited for."""

    async def scene() -> None:
        async with store_in(tmp_path) as store:
            await store._redis.execute_command("LPUSH", f"harken:1:turn:{KEY.hex()}", "a")  # type: ignore[no-untyped-call]
            await store.release(KEY, "live:1")
            assert [(await store.claim(KEY, "live:1", 1.0)).is_ours for _ in range(2)] == [False, True]  # type: ignore[union-attr]
            await store._redis.set(f"harken:1:turn:{OTHER.hex()}", b"\xff\xfe")
            claimed = await store.claim(OTHER, "live:1", 1.0)
            assert claimed is not None
            assert not claimed.is_ours
            await store.write(OTHER, b"x" * (VALUE_BYTES_MAX + 1))
            assert await store.read(OTHER) is None
            assert not store._line.is_open
            assert not store._writing.is_open

    asyncio.run(scene())


@pytest.mark.slow
@needs_redis
def test_a_full_redis_is_still_read(tmp_path: Path, redis: subprocess.Popen[str]) -> None:
    """It refuses to keep more; what is there is used, and nobody's request fails."""

    async def scene() -> None:
        under = GatedRecognizer()
        under.gate.set()
        async with store_in(tmp_path) as store, cached(under, shared=store) as cache:
            await ask(cache, seed=0)
            while not await store._redis.dbsize():
                await asyncio.sleep(0)
            await store._redis.config_set("maxmemory", "1mb")
            await store._redis.config_set("maxmemory-policy", "noeviction")
            await asyncio.gather(*(ask(cache, seed=number) for number in range(1, 6)))
            while not store._writing.is_open:
                await asyncio.sleep(0)
            assert not store._line.is_open
            async with cached(under, shared=store) as other:
                assert (await ask(other, seed=0)).is_cached

    asyncio.run(scene())


@pytest.mark.slow
@needs_redis
def test_a_wrong_password_is_a_miss_and_never_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The operator is told where, not with what."""

    async def scene() -> None:
        async with store_in(tmp_path, auth=":hunter2@") as store:
            await store.write(KEY, b"value")
            assert await store.read(KEY) is None

    with running_redis(tmp_path, "--requirepass", "right"):
        asyncio.run(scene())
    told = capsys.readouterr().out
    assert "cache.redis_failed" in told
    assert "redis.sock" in told
    assert "hunter2" not in told


def test_a_server_that_is_no_redis_is_a_miss() -> None:
    """Whatever answers there."""

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b":abc\r\n*-7\r\nHTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async def scene() -> None:
        async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            store = RedisStore(f"redis://127.0.0.1:{port}/0", 60.0, clock=SystemClock())
            assert await store.read(KEY) is None
            await store.write(KEY, b"value")
            assert await store.claim(KEY, "live:1", 1.0) is None
            await store.close()

    asyncio.run(scene())


@pytest.mark.parametrize(
    "url",
    [
        "http://host",
        "host:6379",
        "redis://:secret@host:port/0",
        "redis://:secret@host/0?no_such=1",
        "redis://:secret@host/db",
        "memory://",
        "redis://:secret@[::1",
        "redis://:secret@[zz]/0",
        "unix://:secret@[::1",
    ],
)
def test_a_url_that_cannot_be_is_an_error_at_the_start(url: str) -> None:
    """Before anything listens; and without its password."""
    with pytest.raises(ConfigError) as refused:
        make_cache(CacheConfig(url=url))
    assert "cache.url" in refused.value.message
    assert "secret" not in refused.value.message


def test_a_scope_that_does_not_exist_is_an_error_with_a_hint() -> None:
    """As every word of the configuration."""
    with pytest.raises(ConfigError, match="did you mean 'shared'"):
        make_cache(CacheConfig(scope="share"))


@pytest.mark.parametrize(("scope", "recognitions"), [("key", 2), ("shared", 1)])
def test_the_scope_says_who_shares_answers(scope: str, recognitions: int) -> None:
    """By default every key has its own."""

    async def scene() -> None:
        under = GatedRecognizer()
        under.gate.set()
        async with make_cache(CacheConfig(scope=scope)).over(under) as cache:
            for key in ("a", "b"):
                segment = Segment(samples=silence(0.1), request_id="r", requester=Requester(key=key))
                await cache.recognize(segment, Options())
        assert len(under.asked) == recognitions

    asyncio.run(scene())


def test_no_bytes_are_no_cache() -> None:
    """Then the recognizer is used as it is."""

    async def scene() -> None:
        under = GatedRecognizer()
        async with make_cache(CacheConfig(bytes=0, url="redis://nobody.invalid")).over(under) as recognizer:
            assert recognizer is under

    asyncio.run(scene())
