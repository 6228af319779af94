"""One segment on its way through an engine of another package: what the event loop and the engine's thread both see.

The thread writes, the loop reads; each field has one writer, and none is read together with another. It knows nothing
of queues. The invariant: once nobody waits, the engine's next word is answered with `Unwanted`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from harken.clock import Clock
from harken.engine.plugin_bounds import characters_max, refuse_more
from harken.errors import EngineFailed
from harken.plugin import Unwanted
from harken.types import Options, Segment, Send, Transcript

_SLOW_S = 5.0
_SLOW_PER_AUDIO = 2.0
"""So long, and two seconds more per second of audio, an engine may say nothing: it may just be slow."""

_MARK = 1_000_000
"""Between two marks of progress; seconds are added to it."""


class Call:
    """Implements `harken.plugin.Report` for the engine's thread.

    Args:
        segment: what is recognised.
        options: how.
        send: takes text, on the event loop; None where nobody reads before the end.
        accepted: when it came, on the clock.
        clock: seconds.
        post: has a function run on the event loop.

    Attributes:
        ended: what its caller waits for.
        is_unwanted: nobody waits any more.
        began: when an engine began with it; None while it waits.
        refused: why a piece of text was; the call has then failed, whatever else the engine does.
    """

    def __init__(
        self,
        segment: Segment,
        options: Options,
        send: Send | None,
        *,
        accepted: float,
        clock: Clock,
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self.segment = segment
        self.options = options
        self.accepted = accepted
        self.ended: asyncio.Future[Transcript] = asyncio.get_running_loop().create_future()
        self.is_unwanted = False
        self.began: float | None = None
        self.refused: EngineFailed | None = None
        self._send = send
        self._clock = clock
        self._post = post
        self._marks = 0
        self._marked = accepted
        self._written: list[str] = []
        self._length = 0

    def begin(self) -> None:
        """An engine begins with it."""
        self._marked = self.began = self._clock.now()

    def progress(self) -> None:
        """See `harken.plugin.Report`."""
        if self.is_unwanted:
            raise Unwanted
        self._marks += 1
        self._marked = self._clock.now()

    def write(self, text: str) -> None:
        """See `harken.plugin.Report`; white space before the first word is left out, as it is of the whole text."""
        self.progress()
        if not isinstance(text, str):
            raise TypeError(f"a piece of text is {type(text).__name__}")
        text.encode()  # half a character cannot travel, and would fail far from here
        audio_s = self.segment.audio_s
        try:
            refuse_more(self._length + len(text), characters_max(audio_s), "characters in pieces", audio_s)
        except EngineFailed as error:
            self.refused = error
            raise
        self._length += len(text)
        piece = text if self._written else text.lstrip()
        if piece and self._send is not None:
            self._written.append(piece)
            self._post(lambda: self._give(piece))

    def close(self, text: str) -> bool:
        """Give the rest of the whole text; False where what was written is not how it begins. On the event loop."""
        written = "".join(self._written)
        if text.startswith(written):
            self._give(text[len(written) :])
            return True
        # The rest may be white space that the whole text has lost at its end.
        return written.rstrip() == text

    @property
    def quiet_s(self) -> float:
        """Seconds since the engine last said something of it; 0 while it waits."""
        return 0.0 if self.began is None else self._clock.now() - self._marked

    @property
    def moved(self) -> int:
        """See `InstanceEngine.progress`."""
        if self.began is None:
            return 0
        slow_s = _SLOW_S + _SLOW_PER_AUDIO * self.segment.audio_s
        return 1 + self._marks * _MARK + int(min(self.quiet_s, slow_s))

    def hangs(self, hang_s: float) -> bool:
        """Whether the engine has said nothing for longer than any call can take."""
        return self.quiet_s > hang_s + _SLOW_PER_AUDIO * self.segment.audio_s

    def _give(self, piece: str) -> None:
        if not piece or self._send is None or self.ended.done():
            return
        try:
            self._send(piece)
        except Exception as error:  # noqa: BLE001 - the caller's own function failed: the caller shall hear it
            self.ended.set_exception(error)
