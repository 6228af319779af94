"""What the doors need of live transcription: sessions that are opened, resumed, fed and listened to.

The server hands in what does it. The invariant: whoever opened or resumed a session has it to himself until he leaves
or closes it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from harken.errors import HarkenError
from harken.live.events import LiveEvent
from harken.live.settings import LiveSettings
from harken.types import Requester


class Session(Protocol):
    """Somebody who speaks."""

    @property
    def id(self) -> str:
        """Its name, which is a secret: whoever has it (and the key) may resume."""
        ...

    @property
    def received_s(self) -> float:
        """Seconds of audio that were taken."""
        ...

    async def feed(self, samples: NDArray[np.float32]) -> None:
        """Take audio, mono, 16 kHz; waits while the session is too far ahead of what was heard."""
        ...

    async def commit(self) -> None:
        """Make the sound so far a turn.

        Raises:
            EmptyAudio: there is none, or nearly none.
        """
        ...

    async def clear(self) -> None:
        """Forget the sound that is in no committed turn."""
        ...

    async def change(self, settings: LiveSettings) -> None:
        """Go on with other settings.

        Raises:
            HarkenError: they cannot be honoured; nothing has changed then.
        """
        ...

    async def finish(self, error: HarkenError | None = None) -> None:
        """Take no more audio: what is there is committed, and `Ended` is told when everything else was.

        Args:
            error: why the server ends it; None where the client does.
        """
        ...

    def events(self, after: int = 0) -> AsyncIterator[tuple[int, LiveEvent]]:
        """Everything after an event of that number, as it comes; ends behind `Ended`, or when somebody else reads.

        Raises:
            SessionUnknown: what came after that number is not kept any more.
        """
        ...

    def leave(self) -> None:
        """The client's connection is gone; it may come back."""
        ...

    def close(self) -> None:
        """Its client is done with it: end it at once, and let nobody come back to it."""
        ...


class Live(Protocol):
    """Opens sessions."""

    def refusal(self, requester: Requester, session_id: str | None = None) -> HarkenError | None:
        """Say why somebody could open no session now, or not come back to one; None where he could."""
        ...

    async def open(self, settings: LiveSettings, *, requester: Requester, request_id: str, route: str) -> Session:
        """Open a session.

        Args:
            settings: of the first turns.
            requester: who speaks.
            request_id: of the handshake.
            route: its path, for accounts.

        Raises:
            HarkenError: the settings cannot be honoured, or there is no room now.
        """
        ...

    async def check(self, settings: LiveSettings, *, requester: Requester, request_id: str) -> None:
        """See whether a session could have these settings; opens nothing.

        Raises:
            HarkenError: it could not.
        """
        ...

    def resume(self, session_id: str, *, requester: Requester) -> Session:
        """Return a session that was left.

        Raises:
            SessionUnknown: there is none of that id, or it is another key's.
        """
        ...
