"""Who comes in, and how much he has left: the ring and the meter of one server together.

The routes' side of keys: one object that is asked once per request and once per recording. The invariant: whoever has
no limit, or no key where none is needed, is never counted.
"""

from __future__ import annotations

from harken.config import AuthConfig
from harken.errors import InvalidKey, StateUnavailable
from harken.keys.book import KeyBook
from harken.keys.key import Key
from harken.keys.meter import WINDOW_S, LimitReached, Meter, Standing
from harken.keys.mode import Mode, mode_of
from harken.keys.ring import KeyRing
from harken.log import get_log
from harken.state import Database

_log = get_log("keys.admission")


class Admission:
    """Keys and limits of one server.

    Args:
        ring: the keys.
        meter: the counts.
    """

    def __init__(self, ring: KeyRing, meter: Meter) -> None:
        self.ring = ring
        self._meter = meter

    def stores(self) -> dict[str, bool]:
        """What keys and counts lie in → whether it could be reached lately."""
        return {"keys": not self.ring.is_away, "counts": not self._meter.is_away}

    async def admit(self, secret: str | None) -> Key | None:
        """Return the key that this secret is of; None where none is needed and none was sent.

        Where none is needed, whatever is sent is fine: clients written for OpenAI cannot send none.

        Raises:
            InvalidKey: it is missing, unknown or revoked.
            StateUnavailable: the keys cannot be read now.
        """
        if not await self.ring.is_needed():
            return None
        if secret is None:
            raise InvalidKey
        key = await self.ring.find(secret)
        if key is None:
            raise InvalidKey("That API key is unknown or revoked.")
        return key

    async def count(self, key: Key | None, *, wants_audio: bool) -> list[Standing]:
        """Count a request before its body is read; return what is left of each limit.

        Args:
            key: whose request.
            wants_audio: it will have a recording transcribed.

        Raises:
            LimitReached: one of the limits is reached.
        """
        if key is None:
            return []
        # Looked at first: a request that is refused for its audio does not count as one.
        audio = await self._meter.look(key) if wants_audio else []
        return [*await self._meter.enter(key), *audio]

    async def audio_left(self, key: Key) -> list[Standing]:
        """Return what is left of a key's audio-seconds now; [] where there is no limit, or nothing can be counted."""
        return await self._meter.audio_left(key)

    async def charge(self, key_id: str, audio_s: float) -> None:
        """Count a recording's decoded seconds; of keys that are gone, and of nobody (""), nothing is counted.

        Never raises: what was recognised is delivered, even while nothing can be counted. The log says so.
        """
        if not key_id or audio_s <= 0:
            return
        try:
            key = await self.ring.by_id(key_id)
        except StateUnavailable as error:
            _log.error("limits.not_charged", key=key_id, audio_s=round(audio_s, 3), detail=error.message)
            return
        if key is not None:
            await self._meter.charge(key, audio_s)

    async def take(self, key: Key, audio_s: float) -> None:
        """Count seconds of a recording that has no end yet, and say when it must have one.

        A session in real time uses up a limit of sixty a minute to the last second, and a little more of one minute
        than of the next; so it ends only when the next minute is used up too.

        Raises:
            LimitReached: it is.
            InvalidKey: the key is no longer in use.
        """
        await self.charge(key.id, audio_s)
        try:
            current = await self.ring.by_id(key.id)
        except StateUnavailable:
            return
        if current is None:
            raise InvalidKey("That API key was revoked.")
        for standing in await self._meter.audio_left(current):
            if standing.remaining <= 0 and standing.reset_s > WINDOW_S:
                raise LimitReached(standing, f"This key may have {standing.limit:g} audio-seconds a minute transcribed")


def open_admission(config: AuthConfig, database: Database) -> Admission | None:
    """Return what the configuration asks for; None where keys are off. Opens nothing yet.

    Raises:
        ConfigError: a mode that does not exist, or a storage of counts that cannot be used.
    """
    mode = mode_of(config.keys)
    if mode is Mode.OFF:
        return None
    return Admission(KeyRing(KeyBook(database), mode, stale_s=config.stale_keys_s), Meter(config))
