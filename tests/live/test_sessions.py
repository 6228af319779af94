"""Who is let in, who comes back, who has to go."""

from __future__ import annotations

import asyncio

import pytest

from harken.config import LiveConfig
from harken.errors import Draining, LiveFull, NoReadyInstance, SessionExpired, SessionIdle, SessionUnknown
from harken.events import DraftDone, Event, TurnDone
from harken.live.events import Ended
from harken.live.room import LATE_S
from harken.live.sessions import overdue
from harken.live.settings import TurnRule
from harken.testing.clock import FakeClock
from harken.types import Requester
from tests.dispatch.house import run
from tests.live.voices import UnsureRecognizer, opened, pause, say, sessions_over, spell, texts_of, told


def test_no_more_sessions_than_are_configured() -> None:
    """The next is told when to ask again."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer(), LiveConfig(sessions=2)) as sessions:
            first = await opened(sessions)
            await opened(sessions)
            with pytest.raises(LiveFull) as refused:
                await opened(sessions)
            assert refused.value.retry_after_s
            assert isinstance(sessions.refusal(Requester()), LiveFull)
            assert sessions.refusal(Requester(), first.id) is None
            assert isinstance(sessions.refusal(Requester(key="another"), first.id), SessionUnknown)
            await first.finish()
            await told(first)
            await opened(sessions)
            figures = sessions.figures
            assert (figures.sessions, figures.opened, figures.refused) == (2, 3, 1)

    run(story())


def test_those_who_come_at_once_are_no_more_than_those_who_come_one_by_one() -> None:
    """Though each waits for the model meanwhile."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer(), LiveConfig(sessions=3)) as sessions:
            asked = [opened(sessions, context="names") for _ in range(12)]
            found = await asyncio.gather(*asked, return_exceptions=True)
            assert sum(isinstance(one, LiveFull) for one in found) == 9
            assert len(sessions) == sessions.figures.opened == 3

    run(story())


def test_nobody_is_let_in_whom_the_fleet_could_not_follow() -> None:
    """By what it was measured to do."""

    async def story() -> None:
        rtfx: list[float | None] = [None]
        async with sessions_over(UnsureRecognizer(), rtfx=lambda: rtfx[0]) as sessions:
            for _ in range(3):
                await opened(sessions)
            rtfx[0] = 10.0
            with pytest.raises(LiveFull):
                await opened(sessions)
            rtfx[0] = 100.0
            await opened(sessions)

    run(story())


def test_one_person_is_always_let_in_however_slow_the_fleet() -> None:
    """Nobody is hurt by that."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer(), rtfx=lambda: 0.5) as sessions:
            await opened(sessions)
            with pytest.raises(LiveFull):
                await opened(sessions)

    run(story())


def test_nobody_is_let_in_while_drafts_come_late() -> None:
    """Those who speak already would have even later ones."""

    async def story() -> None:
        clock = FakeClock()
        recognizer = UnsureRecognizer(gate=asyncio.Event())
        async with sessions_over(recognizer, LiveConfig(update_s=0.001), clock=clock) as sessions:
            session = await opened(sessions)
            await say(session, spell(["one", "two", "three", "four"]))
            assert recognizer.segments, "a draft is under way"
            clock.advance(3 * LATE_S)
            assert recognizer.gate is not None
            recognizer.gate.set()
            await asyncio.sleep(0.05)
            with pytest.raises(LiveFull, match=r"\d\.\d s late"):
                await opened(sessions)
            await session.finish()
            await told(session)
            await opened(sessions)

    run(story())


def test_how_late_text_is_is_told() -> None:
    """Each draft, and each turn from its commit to its final text."""

    async def story() -> None:
        facts: list[Event] = []
        async with sessions_over(UnsureRecognizer(), tell=facts.append) as sessions:
            session = await opened(sessions)
            await say(session, spell(["one", "two", "three", "four"]))
            await session.finish()
            events = await told(session)
            drafts = [fact for fact in facts if isinstance(fact, DraftDone)]
            (turn,) = [fact for fact in facts if isinstance(fact, TurnDone)]
            assert len(drafts) == sessions.figures.drafts > 0
            assert all(draft.ended - draft.began >= 0 for draft in drafts)
            assert turn.committed <= turn.completed
            assert len(texts_of(events)) == 1

    run(story())


def test_what_refuses_a_recording_refuses_a_session() -> None:
    """With its own reason."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer(), refusal=lambda _: NoReadyInstance()) as sessions:
            with pytest.raises(NoReadyInstance):
                await opened(sessions)

    run(story())


def test_a_client_that_comes_back_gets_what_it_missed() -> None:
    """And goes on where its sound broke off."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer()) as sessions:
            session = await opened(sessions, TurnRule())
            await say(session, spell(["one", "two"]))
            reading = session.events()
            number, _ = await anext(reading)
            session.leave()
            await say(session, pause(1.0))
            again = sessions.resume(session.id, requester=Requester())
            assert again is session
            assert again.received_s == pytest.approx(1.6)
            listening = asyncio.create_task(told(again, after=number))
            await say(again, spell(["three"]))
            await again.finish()
            assert texts_of(await listening) == ["one two", "three"]
            with pytest.raises(StopAsyncIteration):
                await anext(reading)

    run(story())


def test_a_session_is_resumed_by_its_key_alone() -> None:
    """And by nobody who guesses, nor from an event that was never told."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer()) as sessions:
            session = await opened(sessions, requester=Requester(key="k1"))
            session.leave()
            for session_id, key in ((session.id, "k2"), (session.id, ""), ("guess", "k1")):
                with pytest.raises(SessionUnknown):
                    sessions.resume(session_id, requester=Requester(key=key))
            sessions.resume(session.id, requester=Requester(key="k1"))
            with pytest.raises(SessionUnknown):
                await told(session, after=99)

    run(story())


def test_a_client_that_breaks_behind_its_last_word_gets_its_text_all_the_same() -> None:
    """The session is over by then, but not yet forgotten."""

    async def story() -> None:
        clock = FakeClock()
        config = LiveConfig(update_s=0.001, sessions=2)
        async with sessions_over(UnsureRecognizer(), config, clock=clock) as sessions:
            session = await opened(sessions)
            await say(session, spell(["one", "two"]))
            await session.finish()
            session.leave()
            await asyncio.sleep(0.01)
            assert len(sessions) == 0
            again = sessions.resume(session.id, requester=Requester())
            assert texts_of(await told(again)) == ["one two"]
            for _ in range(3):
                other = await opened(sessions)
                await other.finish()
            with pytest.raises(SessionUnknown):
                sessions.resume(session.id, requester=Requester())

    run(story())


@pytest.mark.slow
def test_a_session_whose_client_stays_away_is_closed_and_nobody_comes_back() -> None:
    """After its time; else who came later would be told of an end that nobody asked for."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer(), LiveConfig(resume_s=0.1)) as sessions:
            session = await opened(sessions)
            session.leave()
            assert [type(event) for event in await told(session)] == [Ended]
            assert len(sessions) == 0
            with pytest.raises(SessionUnknown):
                sessions.resume(session.id, requester=Requester())

    run(story())


def test_who_is_done_with_a_session_cannot_come_back_to_it() -> None:
    """Neither while it goes on nor behind its end."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer()) as sessions:
            for is_finished in (False, True):
                session = await opened(sessions)
                if is_finished:
                    await session.finish()
                    assert sessions.resume(session.id, requester=Requester()) is session
                session.close()
                with pytest.raises(SessionUnknown):
                    sessions.resume(session.id, requester=Requester())

    run(story())


def test_why_sessions_ended_is_counted() -> None:
    """Each once: by its client, by its absence, by a bound."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer()) as sessions:
            finished, left, idle, _ = [await opened(sessions) for _ in range(4)]
            await finished.finish()
            finished.close()
            left.close()
            await idle.finish(SessionIdle())
            await asyncio.sleep(0.01)
            assert sessions.figures.ended == {"finished": 1, "left": 1, "session_idle": 1}

    run(story())


def test_who_is_away_makes_room_for_who_is_there() -> None:
    """The one that was left first; and who is away does not speak."""

    async def story() -> None:
        clock = FakeClock()
        async with sessions_over(UnsureRecognizer(), LiveConfig(sessions=2), clock=clock) as sessions:
            first, second = await opened(sessions), await opened(sessions)
            await say(second, spell(["one", "two"]))
            assert sessions.figures.speaking == 1
            second.leave()
            assert (sessions.figures.speaking, sessions.figures.away) == (0, 1)
            clock.advance(1.0)
            first.leave()
            third = await opened(sessions)
            assert second.is_over and not first.is_over and not third.is_over
            assert sessions.resume(first.id, requester=Requester()) is first
            with pytest.raises(LiveFull):
                await opened(sessions)

    run(story())


def test_sessions_end_by_their_bounds() -> None:
    """Each with its reason; one whose client is away has another clock."""

    async def story() -> None:
        clock = FakeClock()
        config = LiveConfig(idle_s=60, silence_s=100, session_s=1000)
        async with sessions_over(UnsureRecognizer(), config, clock=clock) as sessions:
            session = await opened(sessions, TurnRule())
            assert overdue(session, config, 59) is None
            assert isinstance(overdue(session, config, 61), SessionIdle)
            clock.advance(50)
            await say(session, pause(3.0))
            assert overdue(session, config, 99) is None
            clock.advance(51)
            await say(session, pause(3.0))
            assert isinstance(overdue(session, config, 102), SessionIdle)
            await say(session, spell(["one"]))
            assert overdue(session, config, 102) is None
            assert isinstance(overdue(session, config, 1001), SessionExpired)
            session.leave()
            assert overdue(session, config, 999) is None

    run(story())


def test_a_server_that_ends_leaves_nobody_without_an_end() -> None:
    """However much is unfinished."""

    async def story() -> None:
        recognizer = UnsureRecognizer(gate=asyncio.Event())
        async with sessions_over(recognizer) as sessions:
            session = await opened(sessions, TurnRule())
            await say(session, spell(["one", "two"]))
        events = await told(session)
        assert isinstance(events[-1], Ended)
        assert isinstance(events[-1].error, Draining)

    run(story())
