"""One turn on its way: drafts while it goes on, the path of files, and its one end.

Owns what is told of a turn. It knows nothing of how turns are found. The invariants: a committed turn ends once, as
`Completed` or `Failed`, behind the turn before it, unless it is dropped; and what is completed begins with what was
final.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from harken.account import Account
from harken.audio import Piece
from harken.errors import HarkenError, InternalError
from harken.events import TurnDone
from harken.live.drafts import Drafts, Source
from harken.live.events import Committed, Completed, Failed, SpeechStarted, SpeechStopped, Text
from harken.live.means import Means
from harken.live.outbox import Outbox
from harken.live.settings import LiveSettings
from harken.live.stable import Shown
from harken.live.turn_pieces import TurnPieces
from harken.log import get_log
from harken.transcribe.result import Flag, PlacedTranscript, RecordingTranscript
from harken.transcribe.stitch import join_logprobs
from harken.types import SAMPLE_RATE, Requester, TokenLogprob, Wish, Word

_log = get_log("live.turn")

_Placed = TypeVar("_Placed", Word, Flag)


@dataclass(frozen=True, kw_only=True, slots=True)
class Speaker:
    """Whose turns they are.

    Attributes:
        requester: who speaks, and how urgently.
        request_id: of the request that opened the session.
        route: by which it was opened, for accounts.
    """

    requester: Requester
    request_id: str
    route: str


class Turn:
    """Made where it begins.

    Args:
        number: its number in the session, from 1.
        start: its first sample's place in the session.
        source: of sound, for drafts.
        settings: of the session when it begins.
        means: what it works with.
        speaker: whose it is.
        outbox: what is told.
        home: the instance that recognised the turn before; "" for none.
        pulled: told when less of its sound waits.

    Attributes:
        is_completed: it ended with a text.
        is_at_odds: its text is not quite the file's, because some was final before its piece was done.
    """

    def __init__(
        self,
        number: int,
        start: int,
        *,
        source: Source,
        settings: LiveSettings,
        means: Means,
        speaker: Speaker,
        outbox: Outbox,
        home: str,
        pulled: Callable[[], None],
    ) -> None:
        self.number = number
        self.start = start
        self.is_completed = self.is_at_odds = False
        self._settings = settings
        self._means = means
        self._speaker = speaker
        self._outbox = outbox
        self._name = f"{speaker.request_id}-{number}"
        self._pieces = TurnPieces(pulled)
        self._end: int | None = None
        self._shown = ("", 0)
        self._piece_text = ""
        self._account: Account | None = None
        self._committed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._drafts = Drafts(
            means.drafts,
            means.finals,
            source,
            start=start,
            options=settings.options,
            forces_prefix=Wish.PREFIX not in means.info.lacks,
            longest_s=means.info.max_segment_s,
            name=f"{self._name}d",
            requester=speaker.requester,
            config=means.config,
            clock=means.clock,
            show=self._show,
            took=means.took,
        )
        self._drafts.home = home

    @property
    def home(self) -> str:
        """The instance that recognised its latest."""
        return self._drafts.home

    @property
    def anchor(self) -> int:
        """Nobody asks for sound before it."""
        return self._drafts.anchor

    @property
    def unfinished_s(self) -> float:
        """Seconds of its sound that wait for a final text: all of it once it is complete, before that whole pieces."""
        return self._pieces.waiting_s if self._end is None else (self._end - self.start) / SAMPLE_RATE

    @property
    def task(self) -> asyncio.Task[None]:
        """Is done when it has its end."""
        return self._tasks[0]

    def begin(self, before: Turn | None, on_end: Callable[[Turn], None]) -> None:
        """Start to recognise it; it ends behind the one before, and `on_end` is told."""
        if self._settings.turns is not None:
            self._outbox.put(SpeechStarted(turn=self.number, at_s=self.start / SAMPLE_RATE))
        spawn = self._means.spawn
        self._tasks = [spawn(self._complete(before.task if before else None, on_end)), spawn(self._draft())]

    def heard(self) -> None:
        """There is more sound."""
        self._drafts.heard()

    def grow(self, pieces: Iterable[Piece]) -> None:
        """Some of its pieces are decided."""
        self._pieces.put(pieces)

    def commit(self, pieces: Iterable[Piece], end: int, before: int | None) -> None:
        """It is complete: these are its last pieces, and its final text is next.

        Args:
            pieces: the last ones.
            end: the place behind its last sample.
            before: number of the turn that was committed before it; None for none.
        """
        self._end = end
        if not self._drafts.is_guessing:  # its final text is next, or on its way
            self._tasks[1].cancel()
        now = self._means.clock.now()
        speaker, means = self._speaker, self._means
        self._account = Account(request_id=self._name, route=speaker.route, began=now, tell=means.tell)
        self._account.let_in(speaker.requester)
        if self._settings.turns is not None:
            self._outbox.put(SpeechStopped(turn=self.number, at_s=end / SAMPLE_RATE))
        start_s, end_s = self.start / SAMPLE_RATE, end / SAMPLE_RATE
        self._outbox.put(Committed(turn=self.number, before=before, start_s=start_s, end_s=end_s))
        self._pieces.put(pieces, is_over=True)
        self._committed.set()

    def drop(self) -> None:
        """Nobody wants it: it gets no end."""
        for task in self._tasks:
            task.cancel()

    async def _draft(self) -> None:
        try:
            await self._drafts.run()
        except Exception as error:  # noqa: BLE001 - a defect costs the drafts of this turn
            _log.exception("live.defect", request_id=self._name, exc_info=error)

    def _show(self, shown: Shown) -> None:
        if shown.delta or (shown.tentative, shown.stable) != self._shown:
            self._shown = (shown.tentative, shown.stable)
            self._outbox.put(Text(turn=self.number, delta=shown.delta, tentative=shown.tentative, stable=shown.stable))

    async def _complete(self, before: asyncio.Task[None] | None, on_end: Callable[[Turn], None]) -> None:
        outcome = await self._recognize()
        self._pieces.stop()
        # A piece may fail while somebody still speaks: the turn has its end, and that it failed is told there.
        await self._committed.wait()
        self._tasks[1].cancel()
        if before is not None:
            await asyncio.wait([before])
        try:
            self._tell_end(outcome)
        except Exception as error:  # noqa: BLE001 - a defect costs this turn, not the server
            _log.exception("live.defect", request_id=self._name, exc_info=error)
            self._outbox.put(Failed(turn=self.number, error=InternalError()))
        on_end(self)

    async def _recognize(self) -> RecordingTranscript | HarkenError:
        """Bring it through the path of files."""
        # Overdue already, bound by nothing: of live work, final texts go before drafts.
        now = self._means.clock.now()
        requester = dataclasses.replace(self._speaker.requester, deadline=now, is_bound=False)
        try:
            return await self._means.transcriber.follow(
                self._pieces,
                self._settings.options,
                self._name,
                requester=requester,
                home=lambda: self.home,
                watch=self,
                done=self._piece_done,
            )
        except HarkenError as error:
            return error
        except Exception as error:  # noqa: BLE001 - a defect costs this turn, not the session or the server
            _log.exception("live.defect", request_id=self._name, exc_info=error)
            return InternalError()

    def text(self, delta: str, logprobs: tuple[TokenLogprob, ...]) -> None:
        """Take the text of the next piece; see `Watch`."""
        self._piece_text += delta

    def progress(self, done_s: float, total_s: float | None) -> None:
        """See `Watch`; nobody asks."""

    def _piece_done(self, piece: PlacedTranscript) -> None:
        text, self._piece_text = self._piece_text, ""
        self._drafts.piece_done(text, self.start + piece.end)

    def _tell_end(self, outcome: RecordingTranscript | HarkenError) -> None:
        account = self._account
        assert account is not None, "a turn is committed before its pieces end"
        assert self._end is not None, "and knows then where it ends"
        if isinstance(outcome, HarkenError):
            account.fail(outcome)
            account.end(outcome.status)
            self._outbox.put(Failed(turn=self.number, error=outcome))
            return
        if outcome.instances:
            self._drafts.home = outcome.instances[-1]
        text = self._drafts.text
        self._show(text.finish())
        self.is_completed, self.is_at_odds = True, text.is_at_odds
        start_s = self.start / SAMPLE_RATE
        wants_logprobs = self._settings.options.wants_logprobs
        self._outbox.put(
            Completed(
                turn=self.number,
                text=text.final,
                language=outcome.language,
                start_s=start_s,
                end_s=self._end / SAMPLE_RATE,
                words=None if outcome.words is None else _later(outcome.words, start_s),
                logprobs=(join_logprobs(outcome.segments) or ()) if wants_logprobs else None,
                warnings=_later(outcome.warnings, start_s),
            )
        )
        account.audio_s = outcome.audio_s
        account.end(200)
        self._means.tell(TurnDone(committed=account.began, completed=self._means.clock.now()))


def _later(placed: Iterable[_Placed], by_s: float) -> tuple[_Placed, ...]:
    return tuple(dataclasses.replace(one, start_s=one.start_s + by_s, end_s=one.end_s + by_s) for one in placed)
