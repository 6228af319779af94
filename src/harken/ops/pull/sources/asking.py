"""Asking for a list: tried again within bounds, and JSON or a failure with a name."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass

from harken.ops.pull.events import Retrying, Tell
from harken.ops.pull.failures import PullFailed, Transient
from harken.ops.pull.tries import Patience, Tries
from harken.ops.pull.web import Reply, Web, public


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """Asks one place.

    Attributes:
        web: sends the requests.
        patience: how often.
        chance: spreads the waits.
        tell: who wants to know of waits.
    """

    web: Web
    patience: Patience
    chance: random.Random
    tell: Tell

    def with_web(self, web: Web) -> Asking:
        """The same, over another session or with another secret."""
        return Asking(web=web, patience=self.patience, chance=self.chance, tell=self.tell)

    async def ask(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        """GET a small answer, whatever its status.

        Raises:
            PullFailed: nobody answers.
        """
        tries = Tries(patience=self.patience, chance=self.chance)
        while True:
            try:
                return await self.web.read(url, headers)
            except Transient as failure:
                wait_s = tries.failed(failure.retry_after_s)
                if wait_s is None:
                    raise PullFailed(f"{public(url)} cannot be read: {failure.reason}.") from failure
                self.tell(Retrying(file="", reason=failure.reason, wait_s=wait_s))
            await asyncio.sleep(wait_s)


def text_in(raw: object, key: str) -> str:
    """A text in an object of JSON; "" for anything else."""
    found = raw.get(key) if isinstance(raw, Mapping) else None
    return found if isinstance(found, str) else ""


def size_in(raw: object, key: str) -> int | None:
    """A number of bytes in an object of JSON; None for anything else."""
    found = raw.get(key) if isinstance(raw, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def hex_in(raw: object, key: str, digits: int) -> str:
    """A digest of so many hexadecimal digits, in small letters; "" for anything else."""
    found = text_in(raw, key).strip().lower()
    return found if len(found) == digits and set(found) <= set("0123456789abcdef") else ""
