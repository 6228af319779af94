"""A recognizer whose answers a test lets through, a store in a dict, and many who ask at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from harken.config import CacheConfig
from harken.errors import HarkenError
from harken.testing import FakeClock, segment
from harken.transcribe.cache.memory import Memory
from harken.transcribe.cache.recognizer import CachedRecognizer
from harken.transcribe.cache.shared import Claimed, Shared
from harken.types import Finish, ModelInfo, Options, Requester, Segment, Send, Transcript, Word

INFO = ModelInfo(name="model", revision="1", max_segment_s=30.0, languages=("English",))


@dataclass(kw_only=True, eq=False)
class GatedRecognizer:
    """Says the words of `says`, as deltas too; then waits for `gate`, then answers or raises.

    Attributes:
        failures: one for each recognition, in their order; None is no failure.
        asked: the requester of every segment.
        running: recognitions that have not ended.
        cancelled: recognitions that were given up.
    """

    says: str = "one two"
    finish: Finish = Finish.STOP
    info: ModelInfo = INFO
    failures: list[HarkenError | None] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[Segment] = field(default_factory=list)
    running: int = 0
    cancelled: int = 0

    async def model(self) -> ModelInfo:
        """The model."""
        return self.info

    async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
        """Answer one segment."""
        self.asked.append(segment)
        failure = self.failures.pop(0) if self.failures else None
        self.running += 1
        try:
            for word in self.says.split():
                if send is not None:
                    send(f" {word}")
            await self.gate.wait()
            if failure is not None:
                raise failure
            return Transcript(
                text=self.says,
                language="English",
                audio_s=segment.audio_s,
                tokens=2,
                finish=self.finish,
                instance=f"asr-{len(self.asked)}",
                words=(Word(text="one", start_s=0.125, end_s=0.25),) if options.wants_words else None,
            )
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1


@dataclass
class DictStore:
    """Implements `Shared` for several recognizers of one event loop."""

    values: dict[bytes, bytes] = field(default_factory=dict)
    marks: dict[bytes, str] = field(default_factory=dict)
    renewed: list[str] = field(default_factory=list)
    reads: int = 0

    async def read(self, key: bytes) -> bytes | None:
        """See `Shared`."""
        self.reads += 1
        return self.values.get(key)

    async def write(self, key: bytes, value: bytes) -> None:
        """See `Shared`."""
        self.values[key] = value

    async def forget(self, key: bytes) -> None:
        """See `Shared`."""
        self.values.pop(key, None)

    async def claim(self, key: bytes, mark: str, lease_s: float) -> Claimed | None:
        """See `Shared`; a mark stays until it is released."""
        is_ours = self.marks.setdefault(key, mark) == mark
        return Claimed(is_ours=is_ours, value=self.values.get(key), holder=self.marks[key])

    async def renew(self, key: bytes, mark: str, lease_s: float) -> None:
        """See `Shared`."""
        self.renewed.append(mark)

    async def release(self, key: bytes, mark: str) -> None:
        """See `Shared`."""
        if self.marks.get(key) == mark:
            del self.marks[key]


@asynccontextmanager
async def cached(
    recognizer: GatedRecognizer,
    *,
    shared: Shared | None = None,
    clock: FakeClock | None = None,
    scope: Callable[[Requester], str] = lambda requester: requester.key,
) -> AsyncIterator[CachedRecognizer]:
    """A cache over a recognizer; on the way out nothing may run or wait."""
    cache = CachedRecognizer(
        recognizer,
        memory=Memory(CacheConfig().bytes, 60.0),
        shared=shared,
        scope=scope,
        clock=clock or FakeClock(),
    )
    yield cache
    await cache.close()
    assert not cache._flights
    assert recognizer.running == 0


def ask(
    cache: CachedRecognizer,
    seed: int = 0,
    *,
    send: Send | None = None,
    index: int = 0,
    requester: Requester | None = None,
) -> asyncio.Task[Transcript]:
    """Begin to ask; the same seed is the same recording."""
    sound = segment(0.1, seed=seed).samples
    asked = Segment(samples=sound, request_id="r", index=index, requester=requester or Requester())
    return asyncio.get_running_loop().create_task(cache.recognize(asked, Options(), send))


async def settle() -> None:
    """Let everything go on that can."""
    for _ in range(20):
        await asyncio.sleep(0)
