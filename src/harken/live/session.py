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
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from harken.account import Account
from harken.audio import CutRule, SpeechDetector
from harken.audio.mixing import peak_of, within_one
from harken.clock import Clock
from harken.config import LiveConfig
from harken.errors import EmptyAudio, HarkenError, InternalError, SlowReader
from harken.events import Tell, TurnDone
from harken.live.drafts import Drafts
from harken.live.events import (
    Committed,
    Completed,
    Ended,
    Failed,
    LiveEvent,
    SpeechStarted,
    SpeechStopped,
    Text,
)
from harken.live.hearing import Happened, Hearing, TurnBegan, TurnGrew, TurnOver
from harken.live.outbox import Outbox
from harken.live.settings import LiveSettings
from harken.live.stable import Shown
from harken.live.turn import TurnPieces
from harken.log import get_log
from harken.transcribe.result import RecordingTranscript
from harken.transcribe.transcriber import Transcriber, options_for
from harken.types import SAMPLE_RATE, ModelInfo, Recognizer, Requester, Wish, Word

COMMIT_MIN_S: Final = 0.1
"""The least sound that can be committed by hand."""

_log = get_log("live.session")

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What sessions work with.

    Attributes:
        drafts: recognises what is said while it is said; without a cache, since no draft comes twice.
        transcriber: recognises whole turns.
        info: the model.
        cut: how turns longer than one pass are cut.
        detector: of voices.
        threads: where sound is heard.
        config: paces and bounds.
        clock: for them.
        tell: takes the account of each turn, and how long its text took.
        spawn: starts what goes on beside the session; it ends with the server.
        took: takes the seconds that each draft took.
    """

    drafts: Recognizer
    transcriber: Transcriber
    info: ModelInfo
    cut: CutRule
    detector: SpeechDetector
    threads: Executor
    config: LiveConfig
    clock: Clock
    tell: Tell
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    took: Callable[[float], None]


class OnAudio(Protocol):
    """Whom sound is charged to."""

    async def __call__(self, audio_s: float, /) -> None:
        """So many seconds were taken."""
        ...


@dataclass(kw_only=True, slots=True, eq=False)
class _Turn:
    number: int
    start: int
    pieces: TurnPieces
    drafts: Drafts
    settings: LiveSettings
    task: asyncio.Task[None] | None = None
    drafting: asyncio.Task[None] | None = None
    tentative: str = ""
    end: int | None = None
    account: Account | None = None

    @property
    def unfinished_s(self) -> float:
        return self.pieces.waiting_s if self.end is None else (self.end - self.start) / SAMPLE_RATE


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

    Attributes:
        began: when it was opened, in seconds of the clock.
        audio_at: when sound came last.
        speech_at: when somebody spoke last, as far as it was heard.
        left_at: since when its client is away; None while it is there.
        completed: turns that ended with a text.
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
    ) -> None:
        self.id = session_id
        self.request_id = request_id
        self.requester = requester
        self.route = route
        self.began = self.audio_at = self.speech_at = means.clock.now()
        self.left_at: float | None = None
        self.completed = 0
        self.at_odds = 0
        self.home = ""
        self._settings = _checked(settings, means.info)
        self._means = means
        self._on_end = on_end
        self._hearing = Hearing(means.detector, means.cut, settings.turns, means.config.turn_s)
        self._outbox = Outbox()
        self._order = asyncio.Lock()
        self._turns: list[_Turn] = []
        self._count = 0
        self._drained = asyncio.Event()
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
    def settings(self) -> LiveSettings:
        """Of turns that begin from now on."""
        return self._settings

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
        while self.unfinished_s > self._means.config.ahead_s and not self._is_finishing:
            self._drained.clear()
            await self._drained.wait()

    async def commit(self) -> None:
        """Make a turn of the sound since the last one.

        Raises:
            EmptyAudio: there is hardly any.
        """
        async with self._order:
            if self._hearing.waiting_s < COMMIT_MIN_S:
                raise EmptyAudio(f"There is less than {COMMIT_MIN_S:g} s of audio to commit.")
            await self._apply(self._hearing.commit)

    async def clear(self) -> None:
        """Forget the sound since the last turn."""
        async with self._order:
            was_open = await self._in_thread(self._hearing.clear)
            if was_open:
                turn = self._turns.pop()
                if turn.task is not None:
                    turn.task.cancel()
            self._drained.set()

    async def change(self, settings: LiveSettings) -> None:
        """Have turns that begin from now on recognised otherwise.

        Raises:
            HarkenError: the model cannot do that.
        """
        checked = _checked(settings, self._means.info)
        async with self._order:
            await self._apply(lambda: self._hearing.change(checked.turns))
            self._settings = checked

    async def finish(self, error: HarkenError | None = None) -> None:
        """No more sound: what there is becomes a turn; when all turns have their end, `Ended` is told.

        Args:
            error: why the server ends it; None where the client does.
        """
        if self._is_finishing:
            return
        self._is_finishing, self._end = True, error
        self._drained.set()
        await self._do(self._hearing.finish)
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

    def close(self, error: HarkenError | None = None) -> None:
        """End it at once; what has no text gets none."""
        self._is_finishing = True
        self._end = self._end or error
        self._drained.set()
        for turn in self._turns:
            if turn.task is not None:
                turn.task.cancel()
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
        async with self._order:
            await self._apply(hear)

    async def _apply(self, hear: Callable[[], list[Happened]]) -> None:
        keep = self._turns[-1].drafts.anchor if self._hearing.is_open else None
        spoken_to = self._hearing.spoken_to
        for happened in await self._in_thread(lambda: self._heard(hear, keep)):
            self._take(happened)
        if self._hearing.is_open:
            self._turns[-1].drafts.heard()
        if self._hearing.spoken_to > spoken_to:
            self.speech_at = self._means.clock.now()
        if self._outbox.is_overfull:
            self.close(SlowReader())

    def _heard(self, hear: Callable[[], list[Happened]], keep: int | None) -> list[Happened]:
        happened = hear()
        if keep is not None:
            self._hearing.let_go(keep)
        return happened

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._means.threads, work)

    def _take(self, happened: Happened) -> None:
        match happened:
            case TurnBegan(start=start):
                self._begin(start)
            case TurnGrew(pieces=pieces):
                self._turns[-1].pieces.put(pieces)
            case TurnOver(pieces=pieces, end=end):
                self._commit(self._turns[-1], end)
                self._turns[-1].pieces.put(pieces, is_over=True)

    def _begin(self, start: int) -> None:
        self._count += 1
        means, name = self._means, f"{self.request_id}-{self._count}"
        drafts = Drafts(
            means.drafts,
            self,
            start=start,
            options=self._settings.options,
            forces_prefix=Wish.PREFIX not in means.info.lacks,
            longest_s=means.info.max_segment_s,
            name=f"{name}d",
            requester=self.requester,
            config=means.config,
            clock=means.clock,
            show=lambda shown: self._show(turn, shown),
            took=means.took,
        )
        drafts.home = self.home
        turn = _Turn(number=self._count, start=start, pieces=TurnPieces(), drafts=drafts, settings=self._settings)
        before = self._turns[-1].task if self._turns else None
        self._turns.append(turn)
        if self._settings.turns is not None:
            self._outbox.put(SpeechStarted(turn=turn.number, at_s=start / SAMPLE_RATE))
        turn.drafting = means.spawn(self._draft(turn, name))
        turn.task = means.spawn(self._complete(turn, name, before))

    def _commit(self, turn: _Turn, end: int) -> None:
        turn.end = end
        if turn.drafting is not None:  # its final text is next
            turn.drafting.cancel()
        now = self._means.clock.now()
        name = f"{self.request_id}-{turn.number}"
        turn.account = Account(request_id=name, route=self.route, began=now, tell=self._means.tell)
        turn.account.let_in(self.requester)
        if turn.settings.turns is not None:
            self._outbox.put(SpeechStopped(turn=turn.number, at_s=end / SAMPLE_RATE))
        self._outbox.put(Committed(turn=turn.number, start_s=turn.start / SAMPLE_RATE, end_s=end / SAMPLE_RATE))

    def _show(self, turn: _Turn, shown: Shown) -> None:
        if shown.delta or shown.tentative != turn.tentative:
            turn.tentative = shown.tentative
            self._outbox.put(Text(turn=turn.number, delta=shown.delta, tentative=shown.tentative))

    async def _complete(self, turn: _Turn, name: str, before: asyncio.Task[None] | None) -> None:
        """Bring a turn to its end, behind the turn before."""
        outcome: RecordingTranscript | HarkenError
        try:
            outcome = await self._means.transcriber.follow(
                turn.pieces,
                turn.settings.options,
                name,
                # Overdue already, bound by nothing: of live work, final texts go before drafts.
                requester=dataclasses.replace(self.requester, deadline=self._means.clock.now(), is_bound=False),
                home=lambda: turn.drafts.home,
            )
        except HarkenError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 - a defect costs this turn, not the session or the server
            _log.exception("live.defect", request_id=name, exc_info=error)
            outcome = InternalError()
        finally:
            if turn.drafting is not None:
                turn.drafting.cancel()
        if before is not None:
            await asyncio.wait([before])
        self._tell_end(turn, outcome)
        if turn in self._turns:
            self._turns.remove(turn)
        self._drained.set()
        self._end_if_done()

    async def _draft(self, turn: _Turn, name: str) -> None:
        try:
            await turn.drafts.run()
        except Exception as error:  # noqa: BLE001 - a defect costs the drafts of this turn
            _log.exception("live.defect", request_id=name, exc_info=error)

    def _tell_end(self, turn: _Turn, outcome: RecordingTranscript | HarkenError) -> None:
        assert turn.account is not None, "a turn is committed before its pieces end"
        assert turn.end is not None, "and knows then where it ends"
        if isinstance(outcome, HarkenError):
            turn.account.fail(outcome)
            turn.account.end(outcome.status)
            self._outbox.put(Failed(turn=turn.number, error=outcome))
            return
        self.completed += 1
        self.home = outcome.instances[-1] if outcome.instances else self.home
        text = turn.drafts.text
        shown = text.finish(outcome.text)
        self.at_odds += text.is_at_odds
        self._show(turn, shown)
        start_s = turn.start / SAMPLE_RATE
        self._outbox.put(
            Completed(
                turn=turn.number,
                text=text.committed,
                language=outcome.language,
                start_s=start_s,
                end_s=turn.end / SAMPLE_RATE,
                words=outcome.words and tuple(_later(word, start_s) for word in outcome.words),
            )
        )
        turn.account.audio_s = outcome.audio_s
        turn.account.end(200)
        self._means.tell(TurnDone(committed=turn.account.began, completed=self._means.clock.now()))

    def _end_if_done(self) -> None:
        if self._is_finishing and not self._turns and not self.is_over:
            self._outbox.put(Ended(error=self._end))
            self._on_end(self)


def _checked(settings: LiveSettings, info: ModelInfo) -> LiveSettings:
    return dataclasses.replace(settings, options=options_for(settings.options, info))


def _later(word: Word, by_s: float) -> Word:
    return dataclasses.replace(word, start_s=word.start_s + by_s, end_s=word.end_s + by_s)
