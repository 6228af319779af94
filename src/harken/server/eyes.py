"""What a server sees of itself, and keeps going as long as it lives.

It puts together; what is seen is said by `take_look`. The invariant: who watches is sent away before the server waits
for its connections to end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from harken.api.sight import Sight
from harken.config import TracesConfig
from harken.events import Tell
from harken.telemetry.broadcast import Broadcast
from harken.telemetry.collector import check_traces
from harken.telemetry.look import MachineLook, TakeLook
from harken.telemetry.machine_watch import MachineWatch
from harken.telemetry.telemetry import Telemetry
from harken.telemetry.traces import Traces
from harken.trace import no_trace

_NOTE_INTERVAL_S = 1.0


class Eyes:
    """Of one server.

    Args:
        take_look: what its owners know of it now.
        is_gateway: it has targets; else it is an instance.
        queued_audio_s: seconds of audio that wait for a slot now.
        speaking: live sessions in which somebody speaks now.
        traces: where spans go.
        name: of the server.

    Raises:
        ConfigError: traces that cannot be.
    """

    def __init__(
        self,
        take_look: TakeLook,
        *,
        is_gateway: bool,
        queued_audio_s: Callable[[], float],
        speaking: Callable[[], int],
        traces: TracesConfig,
        name: str,
    ) -> None:
        check_traces(traces)
        self._traces = Traces(traces, name) if traces.endpoint else None
        self._telemetry = Telemetry(take_look, is_gateway=is_gateway)
        self._queued_audio_s = queued_audio_s
        self._speaking = speaking
        self._broadcast = Broadcast(self._telemetry.cluster)
        self._machine = MachineWatch()
        self.begin_trace = no_trace if self._traces is None else self._traces.begin
        self.sight = Sight(telemetry=self._telemetry, broadcast=self._broadcast, begin_trace=self.begin_trace)

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
        return (self._broadcast.run, self._machine.run, self._take_notes)

    def close(self) -> None:
        """Send those away who watch."""
        self._broadcast.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Send spans as long as the block, if any are wanted."""
        if self._traces is None:
            yield
            return
        self._traces.open()
        self._telemetry.trace_to(self._traces.tell)
        try:
            yield
        finally:
            await asyncio.to_thread(self._traces.close)

    async def _take_notes(self) -> None:
        while True:
            self._telemetry.note(queued_audio_s=self._queued_audio_s(), speaking=self._speaking())
            await asyncio.sleep(_NOTE_INTERVAL_S)
