"""What a protocol has to be able to say and to understand, and what it makes of a handshake."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.types import Scope

from harken.api.live.ear import Ear
from harken.api.live.outbox import Members
from harken.api.live.query import Return
from harken.api.live.service import Session
from harken.audio.pcm import PcmStream
from harken.errors import HarkenError
from harken.live.events import LiveEvent
from harken.live.settings import LiveSettings
from harken.types import ModelInfo


class Tongue(Protocol):
    """One client's protocol over one session."""

    def greet(self) -> Sequence[Members]:
        """The first messages."""
        ...

    async def hear(self, message: str | bytes) -> Sequence[Members]:
        """Do what a message asks for; returns what is said to that, also where the message was wrong.

        Raises:
            Over: the session has to end.
        """
        ...

    def tell(self, n: int, event: LiveEvent) -> Sequence[Members]:
        """Say what has happened."""
        ...

    def stamped(self, answer: Members) -> Members:
        """An answer, a greeting or a complaint as it is sent: with the number of the newest event that was told."""
        ...

    def complain(self, error: HarkenError) -> Members:
        """Say why the session ends."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A handshake that was understood.

    Attributes:
        pcm: what the client's bytes are.
        settings: of a new session; one that the client comes back to keeps its own.
        back: the session that it comes back to; None for a new one.
        speak: makes the protocol over the session.
    """

    pcm: PcmStream
    settings: LiveSettings
    back: Return | None
    speak: Callable[[Session, Ear], Tongue]


ReadCall = Callable[[Scope, Mapping[str, str], ModelInfo], Call]
"""Understands a handshake by its scope, its query and the served model, or raises the client's error."""
