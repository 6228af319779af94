"""What a store that several gateways share must do, and whose turn it is to recognise.

When two gateways are asked the same at the same time, the one that marks the segment first recognises it and the other
waits for the answer, for a while. A mark lasts `LEASE_S` and is renewed as long as its gateway works, so one that dies
costs the others seconds, never an answer; and after `WAIT_S` whoever still waits recognises it himself. Somebody of a
higher class, and somebody who speaks live, waits for nobody else's turn. Knows nothing of Redis or of transcripts.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from harken.clock import Clock
from harken.types import Priority, Requester

LEASE_S = 5.0
"""How long a mark lasts of which nothing more is heard."""

WAIT_S = 30.0
"""How long anybody waits for another's turn: the other may have a long queue, or no way to its instances."""

_RENEW_S = LEASE_S / 3

_FIRST_WAIT_S = 0.01
_LONGEST_WAIT_S = 0.2

Sleep = Callable[[float], Awaitable[None]]

_RANKS = tuple(Priority)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """The answer to "may I?".

    Attributes:
        is_ours: the mark is ours now.
        value: what is kept under the name already; None for nothing.
        holder: the mark of whoever has the turn; "" where that is over meanwhile.
    """

    is_ours: bool
    value: bytes | None
    holder: str


class Shared(Protocol):
    """Values by name, for several gateways. Nothing here ever raises: a store that fails is one that has nothing."""

    async def read(self, key: bytes) -> bytes | None:
        """Return the value; None where there is none, or nobody can tell."""
        ...

    async def write(self, key: bytes, value: bytes) -> None:
        """Keep a value, if that is possible."""
        ...

    async def forget(self, key: bytes) -> None:
        """Drop a value that turned out to be none."""
        ...

    async def claim(self, key: bytes, mark: str, lease_s: float) -> Claimed | None:
        """Set the mark if there is none, and read the value after that; None where nobody can tell."""
        ...

    async def renew(self, key: bytes, mark: str, lease_s: float) -> None:
        """Let the mark last so long from now, if it is still this one."""
        ...

    async def release(self, key: bytes, mark: str) -> None:
        """Take the mark away if it is still this one."""
        ...


def rank(priority: Priority) -> int:
    """0 for the highest class."""
    return _RANKS.index(priority)


@asynccontextmanager
async def turn(
    shared: Shared,
    key: bytes,
    requester: Requester,
    *,
    clock: Clock,
    sleep: Sleep = asyncio.sleep,
    renew_s: float = _RENEW_S,
) -> AsyncIterator[bytes | None]:
    """Wait until the value is there, or it is our turn to make it; the block is that turn.

    Args:
        shared: the store.
        key: the value's name.
        requester: of whoever asks first here; its class and deadline bound the waiting.
        clock: measures the waiting.
        sleep: waits between two looks.
        renew_s: between two renewals of our own mark.

    Yields:
        The value, or None: recognise it.
    """
    value = await shared.read(key)
    if value is not None:
        yield value
        return
    mark = f"{requester.priority}:{uuid.uuid4().hex}"
    claimed = await _wait(lambda: shared.claim(key, mark, LEASE_S), requester, clock=clock, sleep=sleep)
    if claimed is None or not claimed.is_ours:
        yield claimed.value if claimed else None
        return
    # No task group: it would make the failure of the block into a group of failures.
    renewing = asyncio.create_task(_renew(shared, key, mark, renew_s))
    try:
        yield claimed.value
    finally:
        renewing.cancel()
        await asyncio.wait({renewing})
        await shared.release(key, mark)


async def _renew(shared: Shared, key: bytes, mark: str, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        await shared.renew(key, mark, LEASE_S)


async def _wait(
    claim: Callable[[], Awaitable[Claimed | None]], requester: Requester, *, clock: Clock, sleep: Sleep
) -> Claimed | None:
    """Ask again and again; the last answer."""
    until, wait_s = _patience_ends(requester, clock.now()), _FIRST_WAIT_S
    while True:
        claimed = await claim()
        if claimed is None or claimed.is_ours or claimed.value is not None:
            return claimed
        if clock.now() >= until or not _waits_for(claimed.holder, requester):
            return claimed
        await sleep(wait_s)
        wait_s = min(wait_s * 1.5, _LONGEST_WAIT_S)


def _patience_ends(requester: Requester, now: float) -> float:
    """Who has a deadline keeps half of his time for recognising himself."""
    left_s = WAIT_S if requester.deadline is None else (requester.deadline - now) / 2
    return now + min(WAIT_S, left_s)


def _waits_for(holder: str, requester: Requester) -> bool:
    if requester.priority is Priority.LIVE:
        return False
    their_class = holder.partition(":")[0]
    # A mark that we cannot read, or that went meanwhile, is asked about once more.
    return their_class not in set(Priority) or rank(Priority(their_class)) <= rank(requester.priority)
