"""The keys as a server knows them: at most a second old.

Owns when the database is asked (never on the event loop, never twice at once, at most once a second, or ten times
where unknown keys are shown) and what holds while it does not answer. The invariants: a key that was revoked, by
whatever process, opens nothing two seconds later; and where keys are needed, or it cannot be told whether they are, an
unreadable database opens nothing either.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable
from enum import StrEnum

from harken.clock import Clock, SystemClock
from harken.errors import ConfigError, HarkenError, StateUnavailable, StorageFull
from harken.keys.book import KeyBook, Keys
from harken.keys.key import Key
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

_log = get_log("keys.ring")


class Mode(StrEnum):
    """Whether a key is needed: `auth.keys`."""

    AUTO = "auto"
    """As soon as there is one, and from then on for ever."""
    REQUIRED = "required"
    OFF = "off"


def mode_of(word: str) -> Mode:
    """Read `auth.keys`.

    Raises:
        ConfigError: another word.
    """
    try:
        return Mode(word)
    except ValueError:
        raise ConfigError(f"auth.keys must be one of {', '.join(Mode)}, not {word!r}.") from None


class KeyRing:
    """One server's view of the keys; all methods run on its event loop.

    Args:
        book: the keys in the database.
        mode: whether one is needed.
        clock: for how old a reading is.
        now: seconds since 1970, for the times of use.
    """

    def __init__(
        self, book: KeyBook, mode: Mode, *, clock: Clock | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._book = book
        self._mode = mode
        self._clock = clock or SystemClock()
        self._now = now
        self._keys: Keys | None = None
        self._failure: HarkenError | None = None
        self._are_gone = False
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

    async def keep_fresh(self) -> None:
        """Read again and again until cancelled, so that `is_open` is true of now and no request waits."""
        while self._mode is not Mode.OFF:
            with contextlib.suppress(StateUnavailable):  # who asks will hear it
                await self._fresh()
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
        async with self._turn:
            if self._clock.now() - self._read_at >= age_s:
                await self._read()
        if self._failure is None and self._keys is not None:
            return self._keys
        assert self._failure is not None, "read, and neither keys nor a failure"
        # A server that saw no key as long as it could look stays open; one that never could look does not know.
        if self._mode is Mode.AUTO and self._keys is not None and not self._keys.has_any:
            return self._keys
        raise self._failure

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
        asked_at = self._clock.now()
        try:
            async with asyncio.timeout(_READ_TIMEOUT_S):
                self._keys = self._never_forgetting(await asyncio.to_thread(self._read_and_note, self._uses()))
            self._failure = None
        except TimeoutError:
            self._failure = StateUnavailable("API keys cannot be read now: the database does not answer.")
        except (StateUnavailable, StorageFull, ConfigError) as error:
            if self._failure is None:
                _log.error("keys.unreadable", detail=error.message)
            self._failure = StateUnavailable("API keys cannot be read now.")
        # Counted from before the question, so that nobody believes an answer longer than he may.
        self._read_at = asked_at if self._failure is None else self._clock.now()

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
