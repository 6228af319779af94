"""The keys as a server knows them: at most a second old.

Owns when the database is asked (never on the event loop, never twice at once, at most once a second, or ten times
where unknown keys are shown) and what holds while it does not answer. The invariants: a key that was revoked, by
whatever process, opens nothing two seconds later, as long as the database can be read; while it cannot, nothing is
opened but by keys that were read at most `stale_s` ago, and by nobody where it cannot be told whether keys are needed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable

from harken.clock import Clock, SystemClock
from harken.errors import ConfigError, HarkenError, StateUnavailable, StorageFull
from harken.keys.book import KeyBook, Keys
from harken.keys.key import Key
from harken.keys.mode import Mode
from harken.keys.secret import digest_of
from harken.log import get_log
from harken.types import Priority

FRESH_S = 1.0
"""So long what was read is believed."""

UNKNOWN_FRESH_S = 0.1
"""So long it is believed that there is no such key: whoever just made one should not be told that it is unknown."""

NOTE_EVERY_S = 30.0
"""How often the times of use are written down."""

_READ_TIMEOUT_S = 5.0
_OLD_TIMEOUT_S = 0.5
"""How long a reading is waited for where the one before will do."""

_KEPT_FRESH_S = 3 * FRESH_S
"""Who looked so lately (and failed) looks again soon: others need not."""

_log = get_log("keys.ring")


class KeyRing:
    """One server's view of the keys; all methods run on its event loop.

    Args:
        book: the keys in the database.
        mode: whether one is needed.
        clock: for how old a reading is.
        now: seconds since 1970, for the times of use.
        stale_s: for how long keys that were read are believed while the database cannot be read, in seconds.
    """

    def __init__(
        self,
        book: KeyBook,
        mode: Mode,
        *,
        clock: Clock | None = None,
        now: Callable[[], float] = time.time,
        stale_s: float = 0.0,
    ) -> None:
        self._book = book
        self._mode = mode
        self._stale_s = stale_s
        self._clock = clock or SystemClock()
        self._now = now
        self._keys: Keys | None = None
        self._failure: HarkenError | None = None
        self._are_gone = False
        self._asking: asyncio.Task[Keys] | None = None
        self._asked_at = 0.0
        self._keys_at = 0.0
        self._read_at = -FRESH_S
        self._noted_at = self._clock.now()
        self._used_at: dict[str, float] = {}
        self._turn = asyncio.Lock()

    async def is_needed(self) -> bool:
        """Whether nobody comes in without a key now.

        Raises:
            StateUnavailable: that cannot be told.
        """
        return self._mode is not Mode.OFF and (self._mode is Mode.REQUIRED or (await self._fresh()).has_any)

    @property
    def is_open(self) -> bool:
        """Nobody needed a key when the keys were last read; False while they never could be. Never waits."""
        return self._mode is Mode.OFF or (self._mode is Mode.AUTO and self._keys is not None and not self._keys.has_any)

    @property
    def is_away(self) -> bool:
        """The keys could not be read when that was last tried. Never waits."""
        return self._failure is not None

    @property
    def is_shut(self) -> bool:
        """Nobody comes in now: the keys cannot be read, and none that was read is believed. Never waits."""
        return self._mode is not Mode.OFF and self._failure is not None and not self._will_old_do()

    async def keep_fresh(self) -> None:
        """Read again and again until cancelled, so that `is_open` is true of now and no request waits."""
        while self._mode is not Mode.OFF:
            await self._look(FRESH_S)
            await asyncio.sleep(FRESH_S)

    async def find(self, secret: str) -> Key | None:
        """Return the key of this secret, if it is in use.

        Raises:
            StateUnavailable: the keys cannot be read now.
        """
        if self._mode is Mode.OFF:
            return None
        digest = digest_of(secret)
        key = (await self._fresh()).in_use.get(digest) or (await self._fresh(UNKNOWN_FRESH_S)).in_use.get(digest)
        if key is not None:
            self._used_at[key.id] = self._now()
        elif self._failure is not None:
            raise self._failure  # it may have been made since
        return key

    async def by_id(self, id_: str) -> Key | None:
        """Return a key in use by its id.

        Raises:
            StateUnavailable: the keys cannot be read now.
        """
        return None if self._mode is Mode.OFF else (await self._fresh()).by_id.get(id_)

    async def all(self) -> list[Key]:
        """Every key, revoked ones too; see `KeyBook.all`."""
        return await asyncio.to_thread(self._book.all)

    async def add(
        self,
        name: str,
        *,
        is_admin: bool,
        requests_per_minute: int | None,
        audio_s_per_minute: float | None,
        priority: Priority = Priority.INTERACTIVE,
    ) -> tuple[Key, str]:
        """Make a key, and know it at once; see `KeyBook.add`."""
        made = await asyncio.to_thread(
            self._book.add,
            name,
            is_admin=is_admin,
            requests_per_minute=requests_per_minute,
            audio_s_per_minute=audio_s_per_minute,
            priority=priority,
        )
        self._read_at = self._clock.now() - FRESH_S
        return made

    async def revoke(self, id_or_name: str) -> Key:
        """Take a key out of use, at once; see `KeyBook.revoke`."""
        revoked = await asyncio.to_thread(self._book.revoke, id_or_name)
        self._read_at = self._clock.now() - FRESH_S
        return revoked

    async def _fresh(self, age_s: float = FRESH_S) -> Keys:
        will_do = self._failure is not None and self._will_old_do()
        if not will_do or self._clock.now() - self._read_at >= _KEPT_FRESH_S:
            await self._look(age_s)
        if self._failure is None and self._keys is not None:
            return self._keys
        assert self._failure is not None, "read, and neither keys nor a failure"
        if self._keys is not None and self._will_old_do():
            return self._keys
        raise self._failure

    def _will_old_do(self) -> bool:
        """Whether what was read last holds though it cannot be read now."""
        if self._keys is None:
            return False
        # A server that saw no key as long as it could look stays open; one that never could look does not know.
        is_open = self._mode is Mode.AUTO and not self._keys.has_any
        return is_open or self._clock.now() - self._keys_at < self._stale_s

    async def _look(self, age_s: float) -> None:
        async with self._turn:
            if self._clock.now() - self._read_at >= age_s:
                await self._read()

    def _never_forgetting(self, keys: Keys) -> Keys:
        """Once there was a key one is needed, also where the database has gone, or an older one lies in its place."""
        if self._keys is None or not self._keys.has_any or keys.has_any:
            self._are_gone = False
            return keys
        if not self._are_gone:
            self._are_gone = True
            _log.error("keys.gone", mode=self._mode.value)
        return dataclasses.replace(keys, has_any=True)

    async def _read(self) -> None:
        if self._asking is None:
            # One question at a time: a database that hangs would get one thread after another.
            self._asked_at = self._clock.now()
            self._asking = asyncio.create_task(asyncio.to_thread(self._read_and_note, self._uses()))
            self._asking.add_done_callback(_hear)
        asking = self._asking
        await asyncio.wait({asking}, timeout=_OLD_TIMEOUT_S if self._will_old_do() else _READ_TIMEOUT_S)
        if not asking.done():
            self._fail(StateUnavailable("API keys cannot be read now: the database does not answer."))
            return
        self._asking = None
        try:
            self._keys = self._never_forgetting(asking.result())
        except (StateUnavailable, StorageFull, ConfigError) as error:
            self._fail(StateUnavailable("API keys cannot be read now."), error.message)
            return
        if self._failure is not None:
            _log.info("keys.readable")
        # Counted from before the question, so that nobody believes an answer longer than he may.
        self._failure, self._read_at, self._keys_at = None, self._asked_at, self._asked_at

    def _fail(self, failure: StateUnavailable, detail: str = "") -> None:
        if self._failure is None:
            _log.error("keys.unreadable", detail=detail or failure.message, stale_s=self._stale_s)
        self._failure, self._read_at = failure, self._clock.now()

    def _uses(self) -> dict[str, float]:
        """Hand over the times of use that are to be written down now."""
        if self._clock.now() - self._noted_at < NOTE_EVERY_S:
            return {}
        self._noted_at = self._clock.now()
        used_at, self._used_at = self._used_at, {}
        return used_at

    def _read_and_note(self, used_at: dict[str, float]) -> Keys:
        """In a thread: write down what is to be written, and read."""
        if used_at:
            try:
                self._book.note_use(used_at)
            except (StateUnavailable, StorageFull) as error:
                _log.warning("keys.use_not_noted", detail=error.message)
        return self._book.read()


def _hear(asking: asyncio.Task[Keys]) -> None:
    """Take note of a failure that nobody waits for any more."""
    if not asking.cancelled():
        asking.exception()
