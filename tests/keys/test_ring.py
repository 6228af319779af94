"""A server's view of the keys."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harken.errors import ConfigError, StateUnavailable
from harken.keys import KeyBook, KeyRing, Mode, mode_of
from harken.keys.book import Keys
from harken.keys.ring import FRESH_S, NOTE_EVERY_S, UNKNOWN_FRESH_S
from harken.testing import FakeClock
from tests.keys.house import KeyHouse, key_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[KeyHouse]:
    """An empty one."""
    with key_house(tmp_path) as found:
        yield found


class FailingBook(KeyBook):
    """A book whose database goes away and comes back."""

    fails = False
    reads = 0

    def read(self) -> Keys:
        """Read, or not."""
        self.reads += 1
        assert threading.current_thread() is not threading.main_thread(), "the database was asked on the event loop"
        if self.fails:
            raise StateUnavailable("The database cannot be used: gone.")
        return super().read()


def test_keys_of_another_process_work_and_end_within_two_seconds(house: KeyHouse) -> None:
    """Made and revoked by somebody else, without telling us."""

    async def scene() -> None:
        ring = house.ring()
        assert not await ring.is_needed()
        key, secret = house.book.add("bob")
        house.clock.advance(FRESH_S)
        assert await ring.is_needed()
        assert await ring.find(secret) == key
        assert await ring.find(secret + "x") is None
        house.book.revoke("bob")
        house.clock.advance(FRESH_S)
        assert await ring.find(secret) is None
        assert await ring.is_needed(), "a server that needed keys never opens by itself"

    assert FRESH_S < 2.0
    asyncio.run(scene())


def test_the_database_is_asked_once_a_second_and_never_twice_at_once(house: KeyHouse) -> None:
    """Whatever the number of requests."""

    async def scene() -> None:
        book = FailingBook(house.database)
        ring = KeyRing(book, Mode.REQUIRED, clock=house.clock)
        _, secret = book.add("bob")
        found = await asyncio.gather(*(ring.find(secret) for _ in range(50)))
        assert all(found)
        assert book.reads == 1
        house.clock.advance(FRESH_S / 2)
        await ring.find(secret)
        assert book.reads == 1
        house.clock.advance(FRESH_S / 2)
        await ring.find(secret)
        assert book.reads == 2

    asyncio.run(scene())


def test_a_new_key_is_not_unknown_for_a_second(house: KeyHouse) -> None:
    """Where there are keys already, and somebody else makes one more; bad keys cost ten readings a second, not more."""

    async def scene() -> None:
        book = FailingBook(house.database)
        ring = KeyRing(book, Mode.REQUIRED, clock=house.clock)
        _, first = book.add("bob")
        assert await ring.find(first)
        _, second = book.add("ann")
        house.clock.advance(UNKNOWN_FRESH_S)
        assert await ring.find(second)
        assert book.reads == 2
        for _ in range(10):
            assert await ring.find("hk_wrong") is None
        assert book.reads == 2
        house.clock.advance(UNKNOWN_FRESH_S)
        assert await ring.find(first)
        assert book.reads == 2, "a known key asks for nothing"

    asyncio.run(scene())


def test_whether_it_is_open_is_known_without_waiting(house: KeyHouse) -> None:
    """As of the last reading, which is kept fresh; before the first, and where keys are always needed, it is not."""

    async def until(ring: KeyRing, is_open: bool) -> None:
        async with asyncio.timeout(10):
            while ring.is_open is not is_open:
                await asyncio.sleep(0.002)

    async def scene() -> None:
        ring = house.ring()
        assert not ring.is_open
        for is_open in (True, False):
            keeping = asyncio.create_task(ring.keep_fresh())
            await until(ring, is_open)
            keeping.cancel()
            house.book.add(f"bob {is_open}")
            house.clock.advance(FRESH_S)
        assert house.ring(Mode.OFF).is_open
        await house.ring(Mode.OFF).keep_fresh()
        required = house.ring(Mode.REQUIRED)
        await required.is_needed()
        assert not required.is_open

    asyncio.run(scene())


def test_an_unreadable_database_is_in_the_log_once(house: KeyHouse, capsys: pytest.CaptureFixture[str]) -> None:
    """Not once a second for as long as that lasts."""

    async def scene() -> None:
        book = FailingBook(house.database)
        book.fails = True
        ring = KeyRing(book, Mode.AUTO, clock=house.clock)
        for _ in range(3):
            with pytest.raises(StateUnavailable):
                await ring.is_needed()
            house.clock.advance(FRESH_S)
        assert book.reads == 3

    asyncio.run(scene())
    printed = capsys.readouterr()
    assert (printed.out + printed.err).count("keys.unreadable") == 1


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.REQUIRED])
def test_an_unreadable_database_opens_nothing_where_there_were_keys(house: KeyHouse, mode: Mode) -> None:
    """Not even to a key that was good a second ago; and all is well as soon as it can be read."""

    async def scene() -> None:
        book = FailingBook(house.database)
        ring = KeyRing(book, mode, clock=house.clock)
        _, secret = book.add("bob")
        assert await ring.find(secret)
        book.fails = True
        house.clock.advance(FRESH_S)
        for _ in range(2):
            with pytest.raises(StateUnavailable):
                await ring.find(secret)
        assert book.reads == 2, "a database in trouble is not asked for each request"
        book.fails = False
        house.clock.advance(FRESH_S)
        assert await ring.find(secret)

    asyncio.run(scene())


def test_in_doubt_a_server_stays_shut_but_one_that_never_saw_a_key_stays_open(house: KeyHouse) -> None:
    """Whether a database that could never be read has keys, nobody knows."""

    async def scene() -> None:
        book = FailingBook(house.database)
        book.fails = True
        with pytest.raises(StateUnavailable):
            await KeyRing(book, Mode.AUTO, clock=FakeClock()).is_needed()
        book.fails = False
        ring = KeyRing(book, Mode.AUTO, clock=house.clock)
        assert not await ring.is_needed()
        book.fails = True
        house.clock.advance(FRESH_S)
        assert not await ring.is_needed()

    asyncio.run(scene())


def test_keys_that_were_read_may_be_believed_for_a_while(house: KeyHouse) -> None:
    """Where an operator said for how long; of a key that was not among them nobody knows, so it is no wrong one."""

    async def scene() -> None:
        book = FailingBook(house.database)
        ring = KeyRing(book, Mode.REQUIRED, clock=house.clock, stale_s=60.0)
        _, secret = book.add("bob")
        assert await ring.find(secret)
        book.fails = True
        house.clock.advance(59.0)
        assert await ring.find(secret)
        assert (await ring.all())[0].name == "bob"
        reads = book.reads
        assert await ring.find(secret)
        assert book.reads == reads, "a database in trouble is not asked for each request"
        with pytest.raises(StateUnavailable):
            await ring.find("hk_made_meanwhile")
        assert not ring.is_shut
        house.clock.advance(1.0)
        with pytest.raises(StateUnavailable):
            await ring.find(secret)
        assert ring.is_shut
        book.fails = False
        house.clock.advance(FRESH_S)
        assert await ring.find(secret)
        assert await ring.find("hk_wrong") is None
        assert not ring.is_shut

    asyncio.run(scene())


class HangingBook(KeyBook):
    """A book whose database holds on to who asks, until it is let go."""

    def __init__(self, house: KeyHouse) -> None:
        super().__init__(house.database)
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.reads = 0

    def read(self) -> Keys:
        """Read, after a while."""
        self.reads += 1
        assert self.goes_on.wait(30)
        return super().read()


@pytest.mark.slow
def test_a_database_that_hangs_holds_one_thread_and_nobody_for_long(house: KeyHouse) -> None:
    """Half a second for those who ask in that moment; and what it says at last is taken."""

    async def scene() -> None:
        book = HangingBook(house)
        ring = KeyRing(book, Mode.REQUIRED, clock=house.clock, stale_s=60.0)
        _, secret = book.add("bob")
        assert await ring.find(secret)
        book.goes_on.clear()
        house.clock.advance(FRESH_S)
        began = time.monotonic()
        assert all(await asyncio.gather(*(ring.find(secret) for _ in range(20))))
        assert time.monotonic() - began < 1.5
        for _ in range(3):
            house.clock.advance(FRESH_S)
            assert await ring.find(secret)
        assert book.reads == 2, "one thread waits"
        book.goes_on.set()
        house.clock.advance(3 * FRESH_S)
        assert await ring.find("hk_wrong") is None, "it can be read again"

    asyncio.run(scene())


class ForgetfulBook(KeyBook):
    """A book whose database is replaced by an empty one."""

    forgets = False

    def read(self) -> Keys:
        """Read, or find nothing."""
        return Keys(in_use={}, by_id={}, has_any=False) if self.forgets else super().read()


def test_a_server_that_needed_keys_does_not_open_when_its_database_is_gone(house: KeyHouse) -> None:
    """Removed, not mounted any more, or an older one in its place: nobody comes in until the keys are back."""

    async def scene() -> None:
        book = ForgetfulBook(house.database)
        ring = KeyRing(book, Mode.AUTO, clock=house.clock)
        _, secret = house.book.add("bob")
        assert await ring.is_needed()
        book.forgets = True
        house.clock.advance(FRESH_S)
        assert await ring.is_needed()
        assert not ring.is_open
        assert await ring.find(secret) is None
        book.forgets = False
        house.clock.advance(FRESH_S)
        assert await ring.find(secret) is not None

    asyncio.run(scene())


def test_the_modes_do_what_they_say(house: KeyHouse) -> None:
    """Required without any key, off with one."""

    async def scene() -> None:
        assert await house.ring(Mode.REQUIRED).is_needed()
        _, secret = house.book.add("bob")
        off = house.ring(Mode.OFF)
        assert not await off.is_needed()
        assert await off.find(secret) is None

    asyncio.run(scene())
    assert mode_of("required") is Mode.REQUIRED
    with pytest.raises(ConfigError, match="auto, required, off"):
        mode_of("on")


def test_use_is_written_down_now_and_then(house: KeyHouse) -> None:
    """Not with every request."""

    async def scene() -> None:
        ring = house.ring()
        key, secret = await ring.add("bob", is_admin=False, requests_per_minute=None, audio_s_per_minute=None)
        await ring.find(secret)
        house.clock.advance(FRESH_S)
        await ring.find(secret)
        assert (await ring.all())[0].last_used_at is None
        house.clock.advance(NOTE_EVERY_S)
        await ring.find(secret)
        assert (await ring.all())[0].last_used_at == house.now
        assert (await ring.revoke(key.id)).revoked_at == house.now
        assert await ring.find(secret) is None, "what this server did itself it knows at once"

    asyncio.run(scene())
