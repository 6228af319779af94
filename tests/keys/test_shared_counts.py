"""Counts in a real Redis, shared by several servers."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harken.config import AuthConfig
from harken.keys import Key, LimitReached, Meter
from harken.keys.counts import PATIENCE_S, REST_S
from harken.testing import FakeClock

pytest.importorskip("redis")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed"),
]

BOB = Key(id="key_bob", name="bob", prefix="hk_abcdef", created_at=0.0, requests_per_minute=10, audio_s_per_minute=60.0)


async def close(meter: Meter) -> None:
    """Close the connections: the library has no call for it, and in a server they end with the process."""
    assert meter._counts._open is not None
    storage: Any = meter._counts._open[0]
    await storage.bridge.storage.aclose()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[tuple[AuthConfig, subprocess.Popen[str]]]:
    """A Redis of our own, which a test may kill."""
    address = tmp_path / "redis.sock"
    flags = ("--port", "0", "--unixsocket", str(address), "--save", "", "--dir", str(tmp_path))
    with subprocess.Popen(["redis-server", *flags], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert any("ready to accept connections" in line.lower() for line in process.stdout), (
                "redis-server did not start"
            )
            yield AuthConfig(storage=f"redis+unix://{address}"), process
        finally:
            process.kill()


def test_servers_share_their_counts(redis: tuple[AuthConfig, subprocess.Popen[str]]) -> None:
    """Two servers let ten requests in between them, and one sees the audio that the other transcribed."""

    async def scene() -> None:
        one, other = Meter(redis[0]), Meter(redis[0])
        tries = (meter.enter(BOB) for _ in range(10) for meter in (one, other))
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(result, list) for result in results) == 10
        assert sum(isinstance(result, LimitReached) for result in results) == 10
        await asyncio.gather(one.charge(BOB, 100.0), other.charge(BOB, 100.0))
        with pytest.raises(LimitReached) as refused:
            await one.look(BOB)
        assert refused.value.standing.reset_s > 2 * 60
        await close(one)
        await close(other)

    asyncio.run(scene())


def test_without_its_storage_nothing_is_limited_and_nothing_fails(
    redis: tuple[AuthConfig, subprocess.Popen[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Limits are for fairness; a lost count must not cost a transcript."""
    config, process = redis

    async def scene() -> None:
        meter = Meter(config)
        await meter.charge(BOB, 1000.0)
        process.kill()
        process.wait()
        assert await meter.enter(BOB) == []
        assert await meter.look(BOB) == []
        await meter.charge(BOB, 1.0)
        await close(meter)

    asyncio.run(scene())
    assert "limits.unreachable" in capsys.readouterr().out


def test_a_storage_that_hangs_is_waited_for_once_and_used_again_when_it_answers(
    redis: tuple[AuthConfig, subprocess.Popen[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Those who ask in that moment wait half a second; then nobody does, until one asks after the rest."""
    config, process = redis

    async def scene() -> None:
        clock = FakeClock()
        meter = Meter(config, clock=clock)
        assert (await meter.enter(BOB))[0].remaining == 9
        process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        assert await asyncio.gather(*(meter.enter(BOB) for _ in range(12))) == [[]] * 12
        assert PATIENCE_S <= time.monotonic() - began < 3 * PATIENCE_S
        began = time.monotonic()
        for _ in range(100):
            assert await meter.look(BOB) == []
        assert time.monotonic() - began < PATIENCE_S
        process.send_signal(signal.SIGCONT)
        clock.advance(REST_S)
        assert (await meter.enter(BOB))[0].remaining <= 8
        await close(meter)

    asyncio.run(scene())
    told = capsys.readouterr().out
    assert (told.count("limits.unreachable"), told.count("limits.back")) == (1, 1)
