"""What an instance needs of its engine: the `Recognizer`, and what health, drain and the end of a process hang on."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from harken.errors import HarkenError
from harken.events import Tell
from harken.types import Figures, Recognizer, Segment


class InstanceEngine(Recognizer, Protocol):
    """What an instance needs of its engine; use it as `async with`, within one event loop."""

    @property
    def in_flight(self) -> int:
        """Segments accepted and not ended, waiting ones included."""
        ...

    @property
    def in_flight_audio_s(self) -> float:
        """Their seconds of audio."""
        ...

    @property
    def failure(self) -> HarkenError | None:
        """Why it is broken for good; None while it is not."""
        ...

    @property
    def step_s(self) -> float:
        """How long the model's step in progress has taken, in seconds; a large number means that it hangs."""
        ...

    @property
    def figures(self) -> Figures:
        """What it counts of itself; its process's memory is not its matter."""
        ...

    def listen(self, tell: Tell) -> None:
        """Have somebody told of the stages of each segment from now on."""
        ...

    def progress(self, segment: Segment) -> int:
        """How far a segment is, the very object that `recognize` was given.

        Returns:
            0 while it waits for its turn, or is not here. Else a number that changes whenever it has moved on; the time
            of a long step of the model counts too, as long as the machine may just be slow.
        """
        ...

    async def drain(self, timeout_s: float) -> bool:
        """Take nothing new and wait until everything accepted has ended; False when that took too long."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
