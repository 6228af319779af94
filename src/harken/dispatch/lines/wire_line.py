"""The line to an instance of ours, which speaks the wire protocol.

It owns nothing but the address: what is sent and read is in `relay` and `probe`. Invariant: as `Line` has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harken.dispatch.lines.line import Missed
from harken.dispatch.lines.probe import look
from harken.dispatch.lines.relay import Relay
from harken.types import Send, Transcript
from harken.wire import ALONE, Crowd, InstanceState, Job

if TYPE_CHECKING:
    from aiohttp import ClientSession


class WireLine:
    """Talks to one instance.

    Args:
        url: its address, "http://host:port".
        session: from `session.open_session`.
        silence_s: an instance that sends nothing for so long during a segment has failed it.
        stall_s: so has one on which the segment makes no progress for so long.

    Attributes:
        crowd: as `Line` has it.
    """

    def __init__(self, url: str, session: ClientSession, *, silence_s: float = 6.0, stall_s: float = 20.0) -> None:
        self._url = url.rstrip("/")
        self._session = session
        self._relay = Relay(session, silence_s=silence_s, stall_s=stall_s, on_crowd=self._hear)
        self.crowd = ALONE

    async def recognize(self, job: Job, send: Send) -> Transcript:
        """Have the instance recognise one segment, as `Relay.recognize` has it."""
        return await self._relay.recognize(self._url, job, send)

    async def look(self, timeout_s: float) -> InstanceState | Missed:
        """Ask the instance for its state, as `probe.look` has it."""
        found = await look(self._session, self._url, timeout_s)
        if not isinstance(found, Missed):
            self.crowd = found.crowd
        return found

    async def prove(self) -> None:
        """Have the instance recognise its canary, as `Relay.prove` has it."""
        await self._relay.prove(self._url)

    def _hear(self, crowd: Crowd) -> None:
        self.crowd = crowd
