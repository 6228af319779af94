"""What a server sees of itself, and keeps going as long as it lives.

It puts together; what is seen is said by `take_look`. The invariant: who watches is sent away before the server waits
for its connections to end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from harken.api.sight import Sight
from harken.events import Tell
from harken.telemetry.broadcast import Broadcast
from harken.telemetry.look import MachineLook, TakeLook
from harken.telemetry.machine_watch import MachineWatch
from harken.telemetry.telemetry import Telemetry

_QUEUE_INTERVAL_S = 1.0


class Eyes:
    """Of one server.

    Args:
        take_look: what its owners know of it now.
        is_gateway: it has targets; else it is an instance.
        queued_audio_s: seconds of audio that wait for a slot now.
    """

    def __init__(self, take_look: TakeLook, *, is_gateway: bool, queued_audio_s: Callable[[], float]) -> None:
        self._telemetry = Telemetry(take_look, is_gateway=is_gateway)
        self._queued_audio_s = queued_audio_s
        self._broadcast = Broadcast(self._telemetry.cluster)
        self._machine = MachineWatch()
        self.sight = Sight(telemetry=self._telemetry, broadcast=self._broadcast)

    @property
    def tell(self) -> Tell:
        """Takes facts."""
        return self._telemetry.tell

    @property
    def machine(self) -> MachineLook:
        """As it was a moment ago."""
        return self._machine.look

    @property
    def watches(self) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        """What goes on as long as the server."""
        return (self._broadcast.run, self._machine.run, self._watch_queue)

    def close(self) -> None:
        """Send those away who watch."""
        self._broadcast.close()

    async def _watch_queue(self) -> None:
        while True:
            self._telemetry.note_queue(self._queued_audio_s())
            await asyncio.sleep(_QUEUE_INTERVAL_S)
