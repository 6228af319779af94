"""All live sessions of a server: who is let in, who comes back, who has to go.

Owns the bounds over sessions and the tasks beneath them; whether one more person can be followed is `room`'s to say.
Whoever is here goes before whoever is away: where there are too many sessions, the one that was left first makes room.
The invariant: a session that was let in ends once, by its client, by a bound that it is told, or with the server; and
then nothing of it is left.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final

from harken.audio import CutRule, SpeechDetector
from harken.clock import Clock, SystemClock
from harken.config import LiveConfig
from harken.errors import Draining, HarkenError, LiveFull, SessionExpired, SessionIdle, SessionUnknown
from harken.events import DraftDone, Tell, nobody
from harken.live.means import Means
from harken.live.room import RETRY_AFTER_S, Room
from harken.live.session import LiveSession
from harken.live.settings import LiveSettings
from harken.live.trial import try_context
from harken.log import get_log
from harken.transcribe.transcriber import Transcriber, cut_for
from harken.types import LiveFigures, Recognizer, Requester

_SWEEP_S: Final = 1.0

_log = get_log("live")


class Sessions:
    """The live sessions of one server; used inside `running`.

    Args:
        drafts: recognises drafts; see `Means`.
        finals: recognises what may be a turn; the transcriber's.
        transcriber: recognises turns.
        detector: gives the voice activity model; blocks while it loads.
        config: bounds and paces.
        refusal: why a new recording of somebody would be refused now; None where it would not.
        rtfx: audio-seconds that the server does in a second, as far as it was measured.
        clock: for paces and bounds.
        tell: takes the account of each turn, and how long texts took.
    """

    def __init__(
        self,
        drafts: Recognizer,
        finals: Recognizer,
        transcriber: Transcriber,
        detector: Callable[[], SpeechDetector],
        config: LiveConfig,
        *,
        refusal: Callable[[Requester], HarkenError | None] = lambda _: None,
        rtfx: Callable[[], float | None] = lambda: None,
        clock: Clock | None = None,
        tell: Tell = nobody,
    ) -> None:
        self._drafts = drafts
        self._finals = finals
        self._transcriber = transcriber
        self._detector = detector
        self._config = config
        self._refusal = refusal
        self._rtfx = rtfx
        self._clock = clock or SystemClock()
        self._tell = tell
        self._sessions: dict[str, LiveSession] = {}
        self._over: dict[str, tuple[float, LiveSession]] = {}  # since when; their clients may still want their texts
        self._is_draining = False
        self._room = Room()
        self._opened = self._refused = 0
        self._ends: Counter[str] = Counter()
        self._gone = LiveFigures()

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def figures(self) -> LiveFigures:
        """What there is now."""
        now, gone = self._sessions.values(), self._gone
        return LiveFigures(
            limit=self._config.sessions,
            sessions=len(now),
            speaking=sum(one.is_speaking and one.left_at is None for one in now),
            away=sum(one.left_at is not None for one in now),
            opened=self._opened,
            refused=self._refused,
            ended=dict(self._ends),
            drafts=self._room.drafts,
            draft_s=self._room.draft_s(self._clock.now()),
            at_odds=gone.at_odds + sum(one.at_odds for one in now),
            completed=gone.completed + sum(one.completed for one in now),
            audio_s=gone.audio_s + sum(one.received_s for one in now),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Sessions]:
        """Offer sessions as long as the block; those that are open then end with it."""
        threads = max(2, min(8, os.cpu_count() or 2))
        with ThreadPoolExecutor(threads, thread_name_prefix="hearing") as self._threads:
            try:
                async with asyncio.TaskGroup() as self._tasks:
                    sweeping = self._tasks.create_task(self._sweep())
                    try:
                        yield self
                    finally:
                        self._is_draining = True
                        for session in tuple(self._sessions.values()):
                            session.cut(Draining())
                        sweeping.cancel()
            except BaseExceptionGroup as failures:
                raise failures.exceptions[0] from None  # of the block, or a defect of ours: one of them is enough

    def refusal(self, requester: Requester, session_id: str | None = None) -> HarkenError | None:
        """Say why somebody could not be let in now, or not come back to a session; None where he could."""
        if session_id is not None:
            return SessionUnknown() if self._known(session_id, requester) is None else None
        if self._is_draining:
            return Draining(retry_after_s=5)
        return self._refusal(requester) or self._full()

    async def open(
        self, settings: LiveSettings, *, requester: Requester, request_id: str, route: str = "/v1/listen"
    ) -> LiveSession:
        """Let somebody in.

        Raises:
            LiveFull: as many are followed as can be.
            Draining: the server is leaving.
            HarkenError: the model is not there, or cannot do what is wanted.
        """
        self._see_that_there_is_room(requester)
        info = await self._transcriber.model()
        detector = await asyncio.get_running_loop().run_in_executor(self._threads, self._detector)
        means = Means(
            drafts=self._drafts,
            finals=self._finals,
            transcriber=self._transcriber,
            info=info,
            cut=cut_for(CutRule(), info),
            detector=detector,
            threads=self._threads,
            config=self._config,
            clock=self._clock,
            tell=self._tell,
            spawn=self._tasks.create_task,
            took=self._took,
        )
        longest_s = info.max_segment_s
        await try_context(self._finals, settings.options, longest_s, requester=requester, request_id=request_id)
        self._see_that_there_is_room(requester)  # others may have come meanwhile
        session = LiveSession(
            secrets.token_urlsafe(18),
            settings,
            means,
            requester=requester,
            request_id=request_id,
            route=route,
            on_end=self._ended,
            on_close=self._forget,
        )
        self._make_room()
        self._sessions[session.id] = session
        self._opened += 1
        _log.info("live.opened", request_id=request_id, sessions=len(self._sessions))
        return session

    async def check(self, settings: LiveSettings, *, requester: Requester, request_id: str) -> None:
        """See whether a session could have these settings.

        Raises:
            ClientError: it could not.
        """
        longest_s = (await self._transcriber.model()).max_segment_s
        await try_context(self._finals, settings.options, longest_s, requester=requester, request_id=request_id)

    def resume(self, session_id: str, *, requester: Requester) -> LiveSession:
        """Return the session to a client that comes back.

        Raises:
            SessionUnknown: it is not there, or not this key's.
        """
        session = self._known(session_id, requester)
        if session is None:
            raise SessionUnknown
        session.come_back()
        _log.info("live.resumed", request_id=session.request_id)
        return session

    def _known(self, session_id: str, requester: Requester) -> LiveSession | None:
        session = self._sessions.get(session_id) or self._over.get(session_id, (0.0, None))[1]
        is_theirs = session is not None and hmac.compare_digest(session.requester.key, requester.key)
        return session if is_theirs else None

    def _full(self) -> HarkenError | None:
        now = self._clock.now()
        present = sum(session.left_at is None for session in self._sessions.values())
        if present >= self._config.sessions:
            return LiveFull(retry_after_s=RETRY_AFTER_S)
        self._room.paced(self._rtfx(), now)
        return self._room.refusal(present, now)

    def _see_that_there_is_room(self, requester: Requester) -> None:
        refusal = self.refusal(requester)
        if refusal is not None:
            self._refused += not isinstance(refusal, Draining)
            raise refusal

    def _make_room(self) -> None:
        """Where there are as many as may be, the one that was left first goes."""
        away = [session for session in self._sessions.values() if session.left_at is not None]
        if len(self._sessions) >= self._config.sessions and away:
            min(away, key=lambda session: session.left_at or 0.0).close()

    def _took(self, draft_s: float) -> None:
        now = self._clock.now()
        self._room.took(draft_s, now)
        self._tell(DraftDone(began=now - draft_s, ended=now))

    def _ended(self, session: LiveSession) -> None:
        self._sessions.pop(session.id, None)
        if self._config.resume_s and not self._is_draining:
            self._over[session.id] = (self._clock.now(), session)
            if len(self._over) > self._config.sessions:
                del self._over[next(iter(self._over))]
        self._ends[session.why_ended] += 1
        gone = self._gone
        self._gone = LiveFigures(
            at_odds=gone.at_odds + session.at_odds,
            completed=gone.completed + session.completed,
            audio_s=gone.audio_s + session.received_s,
        )
        _log.info(
            "live.ended",
            request_id=session.request_id,
            reason=session.why_ended,
            received_s=round(session.received_s, 1),
            turns=session.completed,
            at_odds=session.at_odds,
        )

    def _forget(self, session: LiveSession) -> None:
        """Nobody comes back to it."""
        self._over.pop(session.id, None)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            now = self._clock.now()
            self._room.paced(self._rtfx(), now)
            for session_id, (since, _) in tuple(self._over.items()):
                if now - since > self._config.resume_s:
                    del self._over[session_id]
            for session in tuple(self._sessions.values()):
                error = overdue(session, self._config, now)
                if error is not None:
                    self._tasks.create_task(session.finish(error))
                elif session.left_at is not None and now - session.left_at > self._config.resume_s:
                    session.close()


def overdue(session: LiveSession, config: LiveConfig, now: float) -> HarkenError | None:
    """Say why a session has to end now; None where it may go on. Pure."""
    if now - session.began > config.session_s:
        return SessionExpired()
    if session.left_at is not None:
        return None
    if session.is_held:  # what it sends is not taken: that is for the server to answer for
        return None
    if now - session.audio_at > config.idle_s:
        return SessionIdle(f"No audio came for {config.idle_s:g} s.")
    if now - session.speech_at > config.silence_s:
        return SessionIdle(f"Nobody spoke for {config.silence_s:g} s.")
    return None
