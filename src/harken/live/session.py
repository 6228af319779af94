"""One session: sound in, events out, over any recognizer.

Owns the order of things in a session: sound is heard in the order in which it came, turns end in the order in which
they began, and each is completed by the path of files while drafts of it are shown. It knows nothing of sockets; a
client may leave and come back. The invariants: every turn that was committed ends once, as `Completed` or `Failed`,
and in order; `Ended` is told once, when all of them have; and what a client sends is heard or refused, never dropped.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from harken.audio.mixing import peak_of, within_one
from harken.errors import EmptyAudio, HarkenError, SlowReader
from harken.live.events import Ended, LiveEvent
from harken.live.hearing import Happened, Hearing, TurnBegan, TurnCleared, TurnGrew, TurnOver
from harken.live.means import Means
from harken.live.outbox import Outbox
from harken.live.settings import LiveSettings
from harken.live.trial import try_context
from harken.live.turn import Speaker, Turn
from harken.transcribe.transcriber import options_for
from harken.types import SAMPLE_RATE, ModelInfo, Requester

COMMIT_MIN_S: Final = 0.1
"""The least sound that can be committed by hand."""

T = TypeVar("T")


class LiveSession:
    """See `harken.live.sessions.Sessions.open`, which makes it.

    Args:
        session_id: a secret by which its client comes back.
        settings: of the first turn.
        means: what it works with.
        requester: who speaks.
        request_id: of the request that opened it.
        route: by which it was opened, for accounts.
        on_end: told once, when nothing of it goes on any more.
        on_close: told when nobody comes back to it either.

    Attributes:
        began: when it was opened, in seconds of the clock.
        audio_at: when sound came last.
        speech_at: when somebody spoke last, as far as it was heard.
        left_at: since when its client is away; None while it is there.
        completed: turns that ended with a text.
        at_odds: of these, those whose text is not quite the file's; see `hold_s`.
        why_ended: "finished" or "left" by its client, or an error's code; "" while it goes on.
    """

    def __init__(
        self,
        session_id: str,
        settings: LiveSettings,
        means: Means,
        *,
        requester: Requester,
        request_id: str,
        route: str,
        on_end: Callable[[LiveSession], None],
        on_close: Callable[[LiveSession], None],
    ) -> None:
        self.id = session_id
        self.request_id = request_id
        self.requester = requester
        self.began = self.audio_at = self.speech_at = means.clock.now()
        self.left_at: float | None = None
        self.completed = 0
        self.at_odds = 0
        self.why_ended = ""
        self._home = ""
        self._speaker = Speaker(requester=requester, request_id=request_id, route=route)
        self._settings = _checked(settings, means.info)
        self._means = means
        self._on_end = on_end
        self._on_close = on_close
        self._hearing = Hearing(means.detector, means.cut, settings.turns, means.config.turn_s)
        self._outbox = Outbox()
        self._order = asyncio.Lock()
        self._turns: list[Turn] = []
        self._count = 0
        self._drained = asyncio.Event()
        self._held = 0  # packets that wait until there is room for more
        self._last_committed: int | None = None
        self._received = 0
        self._end: HarkenError | None = None
        self._is_finishing = False

    def __repr__(self) -> str:
        return f"<LiveSession {self.request_id} turns={self._count} received_s={self.received_s:.1f}>"

    # --- for whoever shows it ---------------------------------------------------------------------------------------

    @property
    def received_s(self) -> float:
        """Seconds of sound that were taken."""
        return self._received / SAMPLE_RATE

    @property
    def unfinished_s(self) -> float:
        """Seconds of sound that were taken and have no final text, but for the turn that goes on."""
        return sum(turn.unfinished_s for turn in self._turns)

    @property
    def is_over(self) -> bool:
        """Nothing of it goes on any more."""
        return self._outbox.is_over

    @property
    def is_speaking(self) -> bool:
        """A turn goes on in which somebody spoke."""
        return self._hearing.is_open and self._hearing.spoken_to > self._turns[-1].start if self._turns else False

    @property
    def is_held(self) -> bool:
        """Its client sends faster than its sound is recognised, and is not taken from."""
        return self._held > 0

    # --- for its client ---------------------------------------------------------------------------------------------

    async def feed(self, samples: NDArray[np.float32]) -> None:
        """Take sound; waits while more of it has no text yet than `ahead_s`.

        Args:
            samples: float32 [n ≥ 0], mono, 16 kHz, finite.
        """
        if self._is_finishing:
            return
        self._received += len(samples)
        self.audio_at = self._means.clock.now()
        await self._do(lambda: self._hearing.feed(samples))
        if self.unfinished_s > self._means.config.ahead_s:
            await self._hold()

    async def _hold(self) -> None:
        """Wait for room; meanwhile it is not for the client to send."""
        self._held += 1
        try:
            while self.unfinished_s > self._means.config.ahead_s and not self._is_finishing:
                self._drained.clear()
                await self._drained.wait()
        finally:
            self._held -= 1
            self.audio_at = self.speech_at = self._means.clock.now()

    async def commit(self) -> None:
        """Make a turn of the sound since the last one.

        Raises:
            EmptyAudio: there is hardly any.
        """
        async with self._order:
            if self._is_finishing:
                return
            if self._hearing.waiting_s < COMMIT_MIN_S:
                raise EmptyAudio(f"There is less than {COMMIT_MIN_S:g} s of audio to commit.")
            await self._apply(self._hearing.commit)

    async def clear(self) -> None:
        """Forget the sound since the last turn."""
        async with self._order:
            if not self._is_finishing:
                await self._apply(self._hearing.clear)

    async def change(self, settings: LiveSettings) -> None:
        """Have turns that begin from now on recognised otherwise.

        Raises:
            HarkenError: the model cannot do that.
        """
        checked = _checked(settings, self._means.info)
        if checked.options.context != self._settings.options.context:
            longest_s, who = self._means.info.max_segment_s, self.requester
            await try_context(self._means.finals, checked.options, longest_s, requester=who, request_id=self.request_id)
        async with self._order:
            if not self._is_finishing:
                await self._apply(lambda: self._hearing.change(checked.turns))
                self._settings = checked

    async def finish(self, error: HarkenError | None = None) -> None:
        """No more sound: what there is becomes a turn; when all turns have their end, `Ended` is told.

        Args:
            error: why the server ends it; None where the client does. Then who speaks is cut off at the last quiet
                place, and not within a word: he says the rest to another session, from the turn's end on.
        """
        if self._is_finishing:
            return
        self._is_finishing, self._end = True, error
        self.why_ended = error.code if error else "finished"
        self._drained.set()
        await self._do(lambda: self._hearing.finish(is_cut=error is not None))
        self._end_if_done()

    async def events(self, after: int = 0) -> AsyncIterator[tuple[int, LiveEvent]]:
        """Yield what happens, numbered, until `Ended`; a later reader ends this one.

        Raises:
            SessionUnknown: what came after that number is not kept any more.
        """
        async for numbered in self._outbox.read(after):
            yield numbered

    def leave(self) -> None:
        """Its client is away."""
        self.left_at = self._means.clock.now()

    def come_back(self) -> None:
        """Its client is there again."""
        self.left_at = None
        self.audio_at = self.speech_at = self._means.clock.now()

    def close(self) -> None:
        """Its client is done with it, or did not come back: end it at once, and forget it."""
        self.cut(None)
        self._on_close(self)

    def cut(self, error: HarkenError | None) -> None:
        """End it at once; what has no text gets none. Its client may still come back, and is told why."""
        if not self.is_over:
            self.why_ended = error.code if error else "left"
        self._is_finishing = True
        self._end = self._end or error
        self._drained.set()
        for turn in self._turns:
            turn.drop()
        self._turns.clear()
        self._end_if_done()

    # --- inside -----------------------------------------------------------------------------------------------------

    @property
    def end(self) -> int:
        """See `harken.live.drafts.Source`."""
        return self._hearing.sound.end

    @property
    def spoken_to(self) -> int:
        """See `harken.live.drafts.Source`."""
        return self._hearing.spoken_to

    @property
    def would_end(self) -> int | None:
        """See `harken.live.drafts.Source`."""
        return self._hearing.would_end

    async def read(self, start: int, end: int) -> NDArray[np.float32]:
        """See `harken.live.drafts.Source`."""
        async with self._order:
            samples = self._hearing.sound.read(start, end)
        return within_one(samples, peak_of(samples))

    async def pause(self, earliest: int, latest: int) -> int | None:
        """See `harken.live.drafts.Source`."""
        async with self._order:
            return self._hearing.sound.pause(earliest, latest)

    async def _do(self, hear: Callable[[], list[Happened]]) -> None:
        async def in_order() -> None:
            async with self._order:
                await self._hear(hear)

        await self._to_its_end(in_order())

    async def _apply(self, hear: Callable[[], list[Happened]]) -> None:
        await self._to_its_end(self._hear(hear))

    async def _hear(self, hear: Callable[[], list[Happened]]) -> None:
        keep = self._turns[-1].anchor if self._hearing.is_open else None
        spoken_to = self._hearing.spoken_to
        heard = await self._in_thread(lambda: self._heard(hear, keep))
        if self.is_over:  # it was cut meanwhile, and its turns dropped
            return
        for happened in heard:
            self._take(happened)
        if self._hearing.is_open:
            self._turns[-1].heard()
        if self._hearing.spoken_to > spoken_to:
            self.speech_at = self._means.clock.now()
        if self._outbox.is_overfull:
            self.cut(SlowReader())

    def _heard(self, hear: Callable[[], list[Happened]], keep: int | None) -> list[Happened]:
        happened = hear()
        if keep is not None:
            self._hearing.let_go(keep)
        return happened

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._means.threads, work)

    async def _to_its_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something whole: what a thread has heard would be lost if its caller were cancelled meanwhile."""
        task = asyncio.create_task(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise

    def _take(self, happened: Happened) -> None:
        match happened:
            case TurnBegan(start=start):
                self._begin(start)
            case TurnGrew(pieces=pieces):
                self._turns[-1].grow(pieces)
            case TurnOver(pieces=pieces, end=end):
                self._turns[-1].commit(pieces, end, self._last_committed)
                self._last_committed = self._turns[-1].number
            case TurnCleared():
                self._turns.pop().drop()
                self._drained.set()

    def _begin(self, start: int) -> None:
        self._count += 1
        before = self._turns[-1] if self._turns else None
        home = before.home if before else self._home
        turn = Turn(
            self._count,
            start,
            source=self,
            settings=self._settings,
            means=self._means,
            speaker=self._speaker,
            outbox=self._outbox,
            home=home,
            pulled=self._drained.set,
        )
        self._turns.append(turn)
        turn.begin(before, self._turn_ended)

    def _turn_ended(self, turn: Turn) -> None:
        self._home = turn.home
        self.completed += turn.is_completed
        self.at_odds += turn.is_at_odds
        if turn in self._turns:
            self._turns.remove(turn)
        self._drained.set()
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._is_finishing and not self._turns and not self.is_over:
            self._outbox.put(Ended(error=self._end))
            self._hearing.sound.forget(self._hearing.sound.end)
            self._on_end(self)


def _checked(settings: LiveSettings, info: ModelInfo) -> LiveSettings:
    return dataclasses.replace(settings, options=options_for(settings.options, info))
