"""Limits per minute."""

from __future__ import annotations

import asyncio
import time

import pytest

from harken.config import AuthConfig
from harken.errors import ConfigError
from harken.keys import Key, LimitReached, Meter
from harken.keys.meter import DEBT_WINDOWS, WINDOW_S


def key(requests: int | None = None, audio_s: float | None = None, name: str = "bob") -> Key:
    """A key with its own limits."""
    return Key(
        id=f"key_{name}",
        name=name,
        prefix="hk_abcdef",
        created_at=0.0,
        requests_per_minute=requests,
        audio_s_per_minute=audio_s,
    )


class Clock:
    """Real time, moved on by whole minutes at will."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        """Seconds since 1970, in the middle of a minute."""
        return time.time() // WINDOW_S * WINDOW_S + 30.0 + self.ahead_s


async def refused(meter: Meter, who: Key) -> LimitReached:
    """Look at the audio-seconds, and be refused."""
    with pytest.raises(LimitReached) as caught:
        await meter.look(who)
    return caught.value


def test_requests_are_counted_one_by_one_even_at_once() -> None:
    """Ten of a hundred that come together get in; another key has its own count."""

    async def scene() -> None:
        meter = Meter(AuthConfig())
        results = await asyncio.gather(*(meter.enter(key(10)) for _ in range(100)), return_exceptions=True)
        entered = [one for one in results if isinstance(one, list)]
        refusals = [one for one in results if isinstance(one, LimitReached)]
        assert (len(entered), len(refusals)) == (10, 90)
        assert min(one[0].remaining for one in entered) == 0
        assert all(one.retry_after_s is not None and 1 <= one.retry_after_s <= 60 for one in refusals)
        assert (await meter.enter(key(10, name="eve")))[0].remaining == 9

    asyncio.run(scene())


def test_a_recording_longer_than_the_quota_is_possible_and_its_rest_is_owed() -> None:
    """60 audio-seconds a minute: three minutes of audio wait three minutes."""

    async def scene() -> None:
        clock = Clock()
        meter = Meter(AuthConfig(), now=clock)
        assert (await meter.look(key(audio_s=60.0)))[0].remaining == 60.0
        await meter.charge(key(audio_s=60.0), 200.0)
        assert (await refused(meter, key(audio_s=60.0))).retry_after_s == 30 + 2 * WINDOW_S
        clock.ahead_s = 2 * WINDOW_S
        assert (await refused(meter, key(audio_s=60.0))).standing.reset_s == 30
        clock.ahead_s = 3 * WINDOW_S
        assert (await meter.look(key(audio_s=60.0)))[0].remaining == pytest.approx(40.0)

    asyncio.run(scene())


def test_debts_of_recordings_that_ran_together_add_up() -> None:
    """Nothing is lost when they end at the same moment."""

    async def scene() -> None:
        clock = Clock()
        meter = Meter(AuthConfig(), now=clock)
        await asyncio.gather(*(meter.charge(key(audio_s=60.0), 45.5) for _ in range(4)))
        clock.ahead_s = 3 * WINDOW_S
        assert (await meter.look(key(audio_s=60.0)))[0].remaining == pytest.approx(4 * 60 - 4 * 45.5)

    asyncio.run(scene())


def test_a_debt_is_at_most_an_hour_long() -> None:
    """Twelve hours at ten seconds a minute would lock the key out for days."""

    async def scene() -> None:
        clock = Clock()
        meter = Meter(AuthConfig(), now=clock)
        await meter.charge(key(audio_s=10.0), 43_200.0)
        assert (await refused(meter, key(audio_s=10.0))).standing.reset_s <= (DEBT_WINDOWS + 1) * WINDOW_S
        clock.ahead_s = (DEBT_WINDOWS + 1) * WINDOW_S
        assert (await meter.look(key(audio_s=10.0)))[0].remaining == 10.0

    asyncio.run(scene())


def test_a_key_without_a_limit_of_its_own_has_the_configured_one() -> None:
    """0 is none, and is counted nowhere."""

    async def scene() -> None:
        meter = Meter(AuthConfig(requests_per_minute=1, audio_s_per_minute=5.0))
        await meter.enter(key())
        with pytest.raises(LimitReached, match="1 requests a minute"):
            await meter.enter(key())
        assert await meter.enter(key(0)) == []
        await meter.charge(key(audio_s=0.0), 1000.0)
        assert await meter.look(key(audio_s=0.0)) == []
        assert (await meter.look(key()))[0].limit == 5.0

    asyncio.run(scene())


@pytest.mark.parametrize(
    "url",
    [
        "nonsense://user:sesame@host",
        "://user:sesame@[::1",
        "memory://user:sesame@[::1",
        "redis://:sesame@[::1",
        "redis://:sesame@[zz]",
        "redis://:sesame@host:port",
        "redis://:sesame@host?no_such=1",
        "redis://:sesame@host?socket_timeout=sesame",
        "redis+cluster://:sesame@",
    ],
)
def test_a_storage_that_cannot_be_is_an_error_at_the_start(url: str) -> None:
    """Without its password in the message; it must not fail the requests of those who have a key."""
    pytest.importorskip("redis")
    with pytest.raises(ConfigError, match=r"^auth\.storage ") as caught:
        Meter(AuthConfig(storage=url))
    assert "sesame" not in str(caught.value)
