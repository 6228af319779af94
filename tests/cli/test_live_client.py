"""The client of a live session, against a real server, over connections that break."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from harken.cli.client import NotHarken, ServerRefused, ServerUnreachable
from harken.errors import Draining, EngineFailed, LiveFull, SessionExpired, SessionIdle
from harken.live.events import Ended, Failed
from tests.api.live.speaking import PlayedLive, PlayedSession, Speaking
from tests.cli.live_world import Talk, send, sound, talk

pytestmark = pytest.mark.slow


def _is_whole(session: PlayedSession, samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> bool:
    heard = np.round(session.sound * 32768).astype(np.int64)
    return np.array_equal(heard, samples.astype(np.int64))


def test_sound_goes_in_and_what_happens_comes_out() -> None:
    """A turn that is committed, and the rest, which becomes one at the end."""
    samples = sound(2.0)

    async def story(talk: Talk) -> None:
        await send(talk, samples[:24_000])
        talk.client.commit()
        await send(talk, samples[24_000:])

    done = talk(story, finds_turns=False, language="en")
    assert done.kinds() == ["session", *["text", "committed", "text", "completed"] * 2]
    assert done.texts() == ["so many", "so many"] and done.client.reconnects == 0 and not done.warned
    assert [one.end_s for one in done.told if one.kind == "committed"] == [1.5, 2.0]
    session = done.world.session
    assert _is_whole(session, samples)
    assert (session.settings.turns, session.settings.options.language) == (None, "English")


def test_what_had_not_arrived_is_sent_again_when_the_connection_breaks() -> None:
    """Three times, the last time with a commit on the way: every sample once, every turn once, one session."""
    samples = sound(5.0)

    async def story(talk: Talk) -> None:
        await send(talk, samples[:16_000])
        await talk.until_heard(0.7)
        talk.proxy.break_off()
        await send(talk, samples[16_000:48_000])
        await talk.until_heard(2.9)
        talk.proxy.break_off()
        await send(talk, samples[48_000:64_000])
        talk.client.commit()
        talk.proxy.break_off()
        await talk.until(lambda: talk.texts() == ["so many"])
        await send(talk, samples[64_000:])

    done = talk(story, finds_turns=False)
    assert _is_whole(done.world.session, samples)
    assert done.texts() == ["so many", "so many"]
    assert done.world.live is not None and len(done.world.live.sessions) == 1
    assert 2 <= done.client.reconnects <= 3 and len(done.warned) == done.client.reconnects
    assert "restarted" not in done.kinds()


def test_a_commit_that_had_arrived_before_the_break_is_no_error() -> None:
    """Nobody knows whether it had: it is sent again, and the server finds nothing to commit."""
    samples = sound(1.0)

    async def story(talk: Talk) -> None:
        await send(talk, samples)
        talk.client.commit()
        await talk.until(lambda: talk.world.session.log == ["commit"])
        talk.proxy.break_off()
        await talk.until(lambda: talk.client.reconnects == 1 and talk.world.session.log.count("resume") == 1)

    world = Speaking()
    done = talk(story, world=world, finds_turns=False)
    assert done.texts() == ["so many"] and "error" not in done.kinds()


def test_who_breaks_behind_the_end_hears_the_rest() -> None:
    """The end is said again, which a session that has it does not mind."""
    samples = sound(1.0)
    world = Speaking()

    async def story(talk: Talk) -> None:
        await send(talk, samples)
        await talk.until_heard(1.0)
        talk.proxy.break_off()

    done = talk(story, world=world, finds_turns=False)
    assert done.texts() == ["so many"] and _is_whole(world.session, samples)


def test_a_session_that_is_gone_is_begun_anew_from_the_last_turn_with_a_text() -> None:
    """Its sound goes to another session; turns and times count on, and what was not final is taken back."""
    samples = sound(4.0)

    async def story(talk: Talk) -> None:
        await send(talk, samples[:32_000])
        talk.client.commit()
        await talk.until(lambda: len(talk.texts()) == 1)
        await send(talk, samples[32_000:48_000])
        await talk.until_heard(2.9)
        assert talk.world.live is not None
        talk.world.live.sessions[0].id = "forgotten"
        talk.proxy.break_off()
        await send(talk, samples[48_000:])

    done = talk(story, finds_turns=False)
    assert done.world.live is not None
    _, second = done.world.live.sessions
    assert _is_whole(second, samples[32_000:])
    assert [(one.turn, one.start_s, one.end_s) for one in done.told if one.kind == "completed"] == [
        (1, 0.0, 2.0), (2, 2.0, 4.0),
    ]  # fmt: skip
    assert done.kinds().count("restarted") == 1


def test_sound_that_is_kept_no_longer_is_told_to_be_lost() -> None:
    """A session that is gone after more than is kept: the rest goes on, at its true time."""
    samples = sound(6.0)

    async def story(talk: Talk) -> None:
        await send(talk, samples[:64_000])
        await talk.until_heard(3.9)
        assert talk.world.live is not None
        talk.world.live.sessions[0].id = "forgotten"
        talk.proxy.break_off()
        await talk.until(lambda: bool(talk.warned))
        await send(talk, samples[64_000:])

    done = talk(story, finds_turns=False, keeps_s=1.0)
    assert done.world.live is not None
    sound_of_second = done.world.live.sessions[1]
    lost = len(samples) - round(sound_of_second.received_s * 16_000)
    assert 32_000 <= lost <= 48_000 and _is_whole(sound_of_second, samples[lost:])
    assert any("of sound were lost" in one for one in done.warned)
    assert [round(one.end_s, 2) for one in done.told if one.kind == "completed"] == [6.0]


@pytest.mark.parametrize("error", [SessionExpired(), Draining()])
def test_a_session_whose_time_is_over_is_followed_by_another(error: Exception) -> None:
    """People speak longer than an hour, and servers are restarted."""
    samples = sound(2.0)

    async def story(talk: Talk) -> None:
        await send(talk, samples[:16_000])
        await talk.until_heard(1.0)
        await talk.world.session.tell(Ended(error=error))  # type: ignore[arg-type] # both are ours
        await talk.until(lambda: talk.client.reconnects == 1)
        await send(talk, samples[16_000:])

    done = talk(story, finds_turns=False)
    assert done.world.live is not None and len(done.world.live.sessions) == 2
    assert _is_whole(done.world.session, samples)


def test_what_ends_a_session_for_good_is_the_client_s_error() -> None:
    """The server's code and sentence; feeding ends too."""

    async def story(talk: Talk) -> None:
        await send(talk, sound(0.5))
        await talk.until_heard(0.5)
        await talk.world.session.tell(Failed(turn=1, error=EngineFailed()), Ended(error=SessionIdle("Nobody spoke.")))
        await asyncio.Event().wait()

    with pytest.raises(ServerRefused, match="Nobody spoke") as ended:
        talk(story)
    assert ended.value.code == "session_idle"


def test_a_server_that_is_full_says_when_to_come_again() -> None:
    """Its refusal has the code, the sentence and the seconds; nothing is tried twice."""
    world = Speaking(live=PlayedLive(is_refused=LiveFull(retry_after_s=7)))

    async def story(_: Talk) -> None:
        raise AssertionError

    with pytest.raises(ServerRefused) as refusal:
        talk(story, world=world)
    assert (refusal.value.code, refusal.value.answered, refusal.value.retry_after_s) == ("live_full", 503, 7)


def test_a_server_without_live_transcription_says_so() -> None:
    """Not offered, as it says itself."""

    async def story(_: Talk) -> None:
        raise AssertionError

    with pytest.raises(ServerRefused) as refusal:
        talk(story, world=Speaking(live=None))
    assert refusal.value.code == "not_offered"


def test_nobody_waits_for_ever_for_a_server_that_does_not_come_back() -> None:
    """Patience ends with a sentence."""

    async def story(talk: Talk) -> None:
        await send(talk, sound(0.5))
        await talk.until_heard(0.5)
        talk.proxy.is_open = False
        talk.proxy.break_off()
        await asyncio.Event().wait()

    with pytest.raises(ServerUnreachable, match="No answer from"):
        talk(story, patience_s=0.3)


@pytest.mark.parametrize("greeting", ["", "hello", '{"type": "session"}', '{"type": "text", "n": 1}'])
def test_another_server_of_websockets_is_not_taken_for_ours(greeting: str) -> None:
    """One that says something else, or something that makes no sense."""
    from websockets.asyncio.server import ServerConnection, serve

    from harken.cli.client import open_session
    from harken.cli.live_client import LiveClient
    from harken.cli.live_wish import LiveWish

    async def greet(connection: ServerConnection) -> None:
        await connection.send(greeting)
        await connection.wait_closed()

    async def nothing() -> None:
        raise AssertionError

    async def run() -> None:
        async with serve(greet, "127.0.0.1", 0) as server, open_session() as http:
            wish = LiveWish(server=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            client = LiveClient(http, wish, tell=lambda _: None, warn=lambda _: None)
            with pytest.raises(NotHarken):
                await client.talk(nothing)

    asyncio.run(run())
