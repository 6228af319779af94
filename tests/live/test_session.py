"""A session: what it tells of whatever is said, however it comes."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.config import LimitsConfig, LiveConfig
from harken.errors import (
    Draining,
    EmptyAudio,
    EngineFailed,
    HarkenError,
    SlowReader,
    UnknownLanguage,
    UnsupportedOption,
)
from harken.live.events import Committed, Completed, Ended, Failed, LiveEvent, SpeechStarted, SpeechStopped, Text
from harken.live.sessions import overdue
from harken.live.settings import LiveSettings, TurnRule
from harken.transcribe.ask import Ask
from harken.transcribe.transcriber import Transcriber
from harken.types import Finish, Options, Segment, Send, Transcript, Wish
from tests.dispatch.house import run
from tests.live.voices import (
    WORDS,
    UnsureRecognizer,
    check_order,
    opened,
    pause,
    say,
    sessions_over,
    spell,
    texts_of,
    told,
)
from tests.transcribe.fakes import FakeReader

SPOKEN = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from([0.0, 0.0, 0.0, 0.2, 0.4, 0.9])), max_size=40)
PACKETS = st.lists(st.sampled_from([1, 160, 511, 1600, 16_000]), max_size=5).map(lambda sizes: [*sizes, 3200])


def recording(spoken: list[tuple[str, float]]) -> np.ndarray:
    """Words with pauses behind them."""
    return np.concatenate(
        [np.zeros(0, np.float32), *(part for word, s in spoken for part in (spell([word]), pause(s)))]
    )


@given(spoken=SPOKEN, packets=PACKETS, seed=st.integers(0, 1000), by_hand=st.booleans())
@settings(max_examples=60, deadline=None)
def test_committed_text_stays_and_the_final_text_is_that_of_a_file(
    spoken: list[tuple[str, float]], packets: list[int], seed: int, by_hand: bool
) -> None:
    """Whatever packets and pauses, while drafts get their last words wrong."""
    sound = np.concatenate([recording(spoken), pause(1.0)])

    async def story() -> None:
        recognizer = UnsureRecognizer(chance=random.Random(seed))
        async with sessions_over(recognizer) as sessions:
            session = await opened(sessions, None if by_hand else TurnRule())
            listening = asyncio.create_task(told(session))
            await say(session, sound, packets)
            await session.finish()
            events = await listening
            assert len(sessions) == 0
        check_order(events)
        assert isinstance(events[-1], Ended)
        assert events[-1].error is None
        if by_hand:
            file = Transcriber(UnsureRecognizer(), FakeReader(), LimitsConfig())
            whole = await file.transcribe(sound.tobytes(), Ask(), "file")
            assert texts_of(events) == [whole.text]
        else:
            assert " ".join(texts_of(events)) == " ".join(word for word, _ in spoken)

    run(story())


def test_pieces_of_a_long_turn_are_final_while_somebody_still_speaks() -> None:
    """And what is not final yet is shown."""

    async def story() -> None:
        words = [WORDS[number % 10] for number in range(60)]
        async with sessions_over(UnsureRecognizer(chance=random.Random(1), max_segment_s=5.0)) as sessions:
            session = await opened(sessions)
            await say(session, spell(words))
            await asyncio.sleep(0.05)
            listening = asyncio.create_task(told(session))
            await session.finish()
            events = await listening
        first = next(place for place, event in enumerate(events) if isinstance(event, Committed))
        early = "".join(event.delta for event in events[:first] if isinstance(event, Text))
        assert " ".join(words).startswith(early)
        assert len(early.split()) > 40
        assert texts_of(events) == [" ".join(words)]

    run(story())


def test_a_draft_is_as_short_late_in_a_turn_as_early() -> None:
    """However long somebody speaks without a pause."""

    async def story() -> None:
        recognizer = UnsureRecognizer()
        async with sessions_over(recognizer) as sessions:
            session = await opened(sessions)
            await say(session, spell([WORDS[number % 17] for number in range(300)]))
            await session.finish()
            events = await told(session)
        drafts = [segment.audio_s for segment in recognizer.segments if segment.request_id.endswith("d")]
        assert len(drafts) > 100
        assert max(drafts) <= 1.5 * 6.0 + 0.5, "the window's bound, and what came while the anchor moved"
        assert len(texts_of(events)[0].split()) == 300

    run(story())


def test_no_draft_is_longer_than_the_model_recognises_at_once() -> None:
    """Not even the first after a long wait."""

    async def story() -> None:
        recognizer = UnsureRecognizer(max_segment_s=10.0, gate=asyncio.Event())
        assert recognizer.gate is not None
        async with sessions_over(recognizer, LiveConfig(update_s=0.001)) as sessions:
            session = await opened(sessions)
            sound = spell([WORDS[number % 17] for number in range(200)])
            await say(session, sound[: 40 * 16_000], [16_000])
            recognizer.gate.set()
            await say(session, sound[40 * 16_000 :])
            await session.finish()
            events = await told(session)
        assert max(segment.audio_s for segment in recognizer.segments) <= 10.0
        assert len(texts_of(events)[0].split()) == 200

    run(story())


def test_drafts_are_told_what_is_committed_and_where_they_were_recognised() -> None:
    """So that they write new words only, where the encoder knows the sound."""

    async def story() -> None:
        recognizer = UnsureRecognizer()
        async with sessions_over(recognizer) as sessions:
            session = await opened(sessions)
            await say(session, spell(["one", "two", "three", "four", "five", "six", "seven"] * 2))
            await session.finish()
            await told(session)
        prefixes = [options.prefix for _, _, options in recognizer.asked if options.prefix]
        assert prefixes
        assert all(options.language == "English" for _, _, options in recognizer.asked if options.prefix)
        assert all("one two three four five six seven one two".startswith(prefix[:30]) for prefix in prefixes)
        assert {segment.home for segment in recognizer.segments[2:]} == {"fake-1"}

    run(story())


def test_a_model_that_cannot_be_told_is_not_told() -> None:
    """It hears all of it each time."""

    class Deaf(UnsureRecognizer):
        async def model(self):  # type: ignore[no-untyped-def]
            import dataclasses

            return dataclasses.replace(await super().model(), lacks=(Wish.PREFIX,))

    async def story() -> None:
        recognizer = Deaf()
        async with sessions_over(recognizer) as sessions:
            session = await opened(sessions)
            await say(session, spell(["one", "two", "three", "four", "five", "six", "seven"] * 2))
            await session.finish()
            events = await told(session)
        assert not any(options.prefix for _, _, options in recognizer.asked)
        assert len(texts_of(events)[0].split()) == 14

    run(story())


def test_turns_are_found_with_their_padding() -> None:
    """Where speech begins and ends."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer()) as sessions:
            session = await opened(sessions, TurnRule(silence_s=0.5, prefix_padding_s=0.3))
            await say(
                session, np.concatenate([pause(1.0), spell(["one", "two"]), pause(1.2), spell(["three"]), pause(1.0)])
            )
            await session.finish()
            events = await told(session)
        started = [event.at_s for event in events if isinstance(event, SpeechStarted)]
        stopped = [event.at_s for event in events if isinstance(event, SpeechStopped)]
        assert started == pytest.approx([0.7, 2.5], abs=0.07)
        assert stopped == pytest.approx([1.65, 3.15], abs=0.07)
        assert texts_of(events) == ["one two", "three"]

    run(story())


COMMANDS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from([0.03, 0.064, 0.08, 0.3, 0.9, 2.0])),
        st.tuples(st.just("pause"), st.sampled_from([0.01, 0.064, 0.2, 0.6, 1.1])),
        st.tuples(st.sampled_from(["commit", "clear", "by hand", "found"]), st.just(0.0)),
    ),
    max_size=25,
)


@pytest.mark.slow
@given(commands=COMMANDS, by_hand=st.booleans(), packet=st.sampled_from([512, 1600, 777]))
@settings(max_examples=150, deadline=None)
def test_whatever_a_client_does_every_committed_turn_ends(
    commands: list[tuple[str, float]], by_hand: bool, packet: int
) -> None:
    """In whatever order; and its text is the one of the sound that it names."""
    sound: list[np.ndarray] = [np.zeros(0, np.float32)]

    async def story() -> list[LiveEvent]:
        async with sessions_over(UnsureRecognizer()) as sessions:
            session = await opened(sessions, None if by_hand else TurnRule())
            listening = asyncio.create_task(told(session))
            spoken = spell(WORDS[:17])
            at = 0
            for command, seconds in commands:
                if command in ("say", "pause"):
                    count = round(seconds * 16_000)
                    part = spoken[at : at + count] if command == "say" else pause(seconds)
                    at = (at + count) % (len(spoken) - 32_000) if command == "say" else at
                    sound.append(part)
                    await say(session, part, [packet])
                elif command == "commit":
                    with suppress(EmptyAudio):
                        await session.commit()
                elif command == "clear":
                    await session.clear()
                else:
                    await session.change(LiveSettings(turns=None if command == "by hand" else TurnRule()))
            await session.finish()
            return await asyncio.wait_for(listening, 10.0)

    events = run(story())
    check_order(events)
    assert isinstance(events[-1], Ended) and events[-1].error is None
    committed = [event for event in events if isinstance(event, Committed)]
    ended = [event for event in events if isinstance(event, Completed | Failed)]
    assert [event.turn for event in committed] == [event.turn for event in ended]
    numbers = [None, *(event.turn for event in committed)]
    assert [event.before for event in committed] == numbers[:-1]
    assert all(event.end_s > event.start_s for event in committed)
    assert all(a.end_s <= b.start_s for a, b in pairwise(committed))
    whole = np.concatenate(sound)
    file = Transcriber(UnsureRecognizer(), FakeReader(), LimitsConfig())
    for turn, found in zip(committed, ended, strict=True):
        assert isinstance(found, Completed)
        samples = whole[round(turn.start_s * 16_000) : round(turn.end_s * 16_000)]
        expected = run(file.transcribe(samples.tobytes(), Ask(), "file"))
        assert found.text == expected.text


def test_a_turn_that_is_sent_faster_than_it_is_recognised_is_held_and_goes_on() -> None:
    """Though nobody has committed it; and who is held is not idle."""

    async def story() -> None:
        gate = asyncio.Event()
        recognizer = UnsureRecognizer(max_segment_s=5.0, gate=gate)
        config = LiveConfig(update_s=0.001, window_s=6.0, ahead_s=10.0)
        words = [WORDS[number % 10] for number in range(300)]
        async with sessions_over(recognizer, config) as sessions:
            session = await opened(sessions)
            sending = asyncio.create_task(say(session, spell(words), [16_000]))
            while not session.is_held:
                await asyncio.sleep(0)
            assert overdue(session, config, 0.5 + config.idle_s + asyncio.get_running_loop().time()) is None
            assert not sending.done()
            gate.set()
            await asyncio.wait_for(sending, 20.0)
            listening = asyncio.create_task(told(session))
            await session.finish()
            assert texts_of(await listening) == [" ".join(words)]

    run(story())


def test_what_is_cleared_takes_nothing_else_with_it() -> None:
    """Neither the session nor the turn before, however little sound there is to forget."""

    async def story() -> None:
        for little in (0.0, 0.032, 0.064, 0.08):
            async with sessions_over(UnsureRecognizer()) as sessions:
                session = await opened(sessions)
                await say(session, spell(["one", "two"]))
                await session.commit()
                await say(session, pause(little))
                await session.clear()
                await say(session, spell(["three"]))
                await session.finish()
                assert texts_of(await asyncio.wait_for(told(session), 10.0)) == ["one two", "three"]

    run(story())


def test_an_end_of_a_frame_is_no_turn() -> None:
    """What was committed to its last sample leaves nothing behind."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer()) as sessions:
            session = await opened(sessions)
            await say(session, np.concatenate([spell(["one"]), pause(0.01)]), [333])
            await session.commit()
            await session.finish()
            events = await told(session)
        assert [type(event) for event in events].count(Committed) == 1

    run(story())


def test_what_the_model_cannot_be_told_is_refused_before_anybody_speaks() -> None:
    """When the session is opened and when it is changed; a trial that fails otherwise keeps nobody out."""

    class Short(UnsureRecognizer):
        error: HarkenError = UnsupportedOption("The context (prompt) is too long.", field="context")

        async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
            if len(options.context) > 5:
                raise self.error
            return await super().recognize(segment, options, send)

    async def story() -> None:
        recognizer = Short()
        async with sessions_over(recognizer) as sessions:
            with pytest.raises(UnsupportedOption) as refused:
                await opened(sessions, context="much too long")
            assert refused.value.field == "prompt" and len(sessions) == 0
            session = await opened(sessions, context="short")
            with pytest.raises(UnsupportedOption):
                await session.change(LiveSettings(options=Options(context="much too long")))
            await say(session, spell(["one"]))
            await session.finish()
            assert texts_of(await told(session)) == ["one"]
            recognizer.error = EngineFailed()
            await opened(sessions, context="much too long")

    run(story())


def test_a_piece_that_fails_while_somebody_speaks_costs_the_turn_and_nothing_else() -> None:
    """The turn fails where it ends, once; its speaker is not held, and neither he nor anybody else is thrown out."""

    class Refusing(UnsureRecognizer):
        async def recognize(self, segment: Segment, options: Options, send: Send | None = None) -> Transcript:
            if segment.request_id.endswith("-1") and options.context:
                raise UnsupportedOption("The context (prompt) is too long.", field="context")
            return await super().recognize(segment, options, send)

    async def story() -> None:
        config = LiveConfig(update_s=0.001, window_s=6.0, ahead_s=10.0)
        async with sessions_over(Refusing(max_segment_s=5.0), config) as sessions:
            for turns in (None, TurnRule()):
                other, session = await opened(sessions), await opened(sessions, turns, context="much")
                await asyncio.wait_for(say(session, spell([WORDS[number % 10] for number in range(200)])), 20.0)
                await say(session, pause(1.0))
                await session.commit()
                await say(session, spell(["one"]))
                await session.finish()
                events = await asyncio.wait_for(told(session), 10.0)
                ends = [event for event in events if isinstance(event, Completed | Failed)]
                assert [type(event) for event in ends][:2] == [Failed, Completed] and texts_of(events)[-1] == "one"
                check_order(events)
                await say(other, spell(["two"]))
                await other.finish()
                assert texts_of(await told(other)) == ["two"]

    run(story())


def test_who_is_cut_off_is_not_cut_within_a_word() -> None:
    """The turn ends at the last quiet place, from which he can say the rest to another session."""

    async def story() -> None:
        sound = spell(["one", "two", "three", "four"])
        gap = len(sound) // 4
        sound[2 * gap - 1600 : 2 * gap] *= 0.01
        async with sessions_over(UnsureRecognizer()) as sessions:
            session = await opened(sessions, TurnRule())
            await say(session, sound[: round(2.5 * gap)])
            await session.finish(Draining())
            committed = next(event for event in await told(session) if isinstance(event, Committed))
        assert committed.end_s * 16_000 == pytest.approx(2 * gap - 800, abs=1600)

    run(story())


def test_what_comes_behind_the_end_is_for_nobody() -> None:
    """A client that has not heard of it yet commits and clears on."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer()) as sessions:
            session = await opened(sessions)
            await say(session, spell(["one"]))
            session.cut(SlowReader())
            await say(session, spell(["two"]))
            await session.commit()
            await session.clear()
            await session.change(LiveSettings(turns=TurnRule()))
            assert [type(event) for event in await told(session)][-1] is Ended

    run(story())


def test_words_and_tokens_come_with_the_final_text_where_they_are_wanted() -> None:
    """Words where they were spoken in the session; and no draft is asked for either."""

    async def story() -> None:
        recognizer = UnsureRecognizer()
        async with sessions_over(recognizer) as sessions:
            session = await opened(sessions, TurnRule(), wants_words=True, wants_logprobs=True)
            await say(session, np.concatenate([spell(["one", "two"]), pause(1.0), spell(["three"]), pause(1.0)]))
            await session.finish()
            events = await told(session)
        first, second = (event for event in events if isinstance(event, Completed))
        assert [word.text for word in first.words or ()] == ["one", "two"]
        assert [word.text for word in second.words or ()] == ["three"]
        spoken_s = len(spell(["one", "two"])) / 16_000 + 1.0
        assert second.words is not None and second.words[0].start_s == pytest.approx(spoken_s, abs=0.07)
        assert "".join(token.token for token in first.logprobs or ()).strip() == first.text
        drafts = [options for (_, _, options), segment in zip(recognizer.asked, recognizer.segments, strict=True)
                  if segment.request_id.endswith("d") and options.prefix]  # fmt: skip
        assert not any(options.wants_words or options.wants_logprobs for options in drafts)

    run(story())


def test_silence_has_no_words_and_nobody_who_did_not_ask_gets_any() -> None:
    """An empty list, or nothing."""

    async def story() -> None:
        for wanted, expected in ((True, ()), (False, None)):
            async with sessions_over(UnsureRecognizer()) as sessions:
                session = await opened(sessions, wants_words=wanted, wants_logprobs=wanted)
                await say(session, pause(1.0))
                await session.finish()
                (completed,) = (event for event in await told(session) if isinstance(event, Completed))
            assert (completed.text, completed.words, completed.logprobs) == ("", expected, expected)

    run(story())


def test_what_could_not_be_mended_is_flagged_where_it_is_in_the_session() -> None:
    """As with files: nothing that may be missing is hidden."""

    def cut_short(segment: Segment, options: Options) -> Finish:
        return Finish.LENGTH if segment.request_id.endswith("-2") else Finish.STOP

    async def story() -> None:
        recognizer = UnsureRecognizer(finish=cut_short)
        async with sessions_over(recognizer) as sessions:
            session = await opened(sessions, TurnRule())
            words = spell(["one", "two", "three"])
            await say(session, np.concatenate([words, pause(1.0), words, pause(1.0)]))
            await session.finish()
            events = await told(session)
        first, second = (event for event in events if isinstance(event, Completed))
        assert first.warnings == ()
        assert [flag.code for flag in second.warnings] == ["length_unresolved"]
        (flag,) = second.warnings
        assert second.start_s <= flag.start_s < flag.end_s <= second.end_s + 0.001

    run(story())


def test_turns_are_completed_in_the_order_in_which_they_were_spoken() -> None:
    """Also where a later one is recognised sooner."""

    async def story() -> None:
        recognizer = UnsureRecognizer(gate=asyncio.Event())
        async with sessions_over(recognizer) as sessions:
            session = await opened(sessions, TurnRule())
            await say(session, np.concatenate([spell(["one"]), pause(1.0), spell(["two"]), pause(1.0)]))
            assert recognizer.gate is not None
            recognizer.gate.set()
            await session.finish()
            events = await told(session)
        check_order(events)
        assert texts_of(events) == ["one", "two"]

    run(story())


def test_a_turn_that_fails_costs_itself_alone() -> None:
    """The session goes on."""

    async def story() -> None:
        recognizer = UnsureRecognizer(draft_error=EngineFailed(), failures=[EngineFailed()])
        async with sessions_over(recognizer) as sessions:
            session = await opened(sessions)
            await say(session, spell(["one"]))
            await session.commit()
            await say(session, spell(["two"]))
            await session.finish()
            events = await told(session)
        check_order(events)
        assert [type(event) for event in events] == [Committed, Failed, Committed, Text, Completed, Ended]
        assert texts_of(events) == ["two"]

    run(story())


def test_a_client_that_clears_has_said_nothing() -> None:
    """And what follows is heard."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer()) as sessions:
            session = await opened(sessions)
            await say(session, spell(["one", "two"]))
            await session.clear()
            with pytest.raises(EmptyAudio):
                await session.commit()
            await say(session, spell(["three"]))
            await session.commit()
            await session.finish()
            events = await told(session)
        assert texts_of(events) == ["three"]

    run(story())


def test_settings_count_for_turns_that_begin_later() -> None:
    """A language that is not known changes nothing."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer()) as sessions:
            session = await opened(sessions, language="de")
            await say(session, spell(["one"]))
            with pytest.raises(UnknownLanguage):
                await session.change(LiveSettings(options=Options(language="klingon"), turns=None))
            await session.commit()
            await session.change(LiveSettings(options=Options(language="fr"), turns=TurnRule()))
            await say(session, np.concatenate([pause(0.5), spell(["two"]), pause(0.5)]))
            await session.finish()
            events = await told(session)
        assert [event.language for event in events if isinstance(event, Completed)] == ["German", "French"]
        assert sum(isinstance(event, SpeechStarted) for event in events) == 1

    run(story())


@pytest.mark.parametrize(("first", "then"), [(None, TurnRule()), (TurnRule(), None)])
def test_a_turn_that_goes_on_ends_where_turns_are_found_otherwise(
    first: TurnRule | None, then: TurnRule | None
) -> None:
    """No word of it is lost, nor said twice."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer()) as sessions:
            session = await opened(sessions, first)
            await say(session, spell(["one", "two"]))
            await session.change(LiveSettings(turns=then))
            await say(session, np.concatenate([pause(0.4), spell(["three", "four"]), pause(0.4)]))
            await session.finish()
            events = await told(session)
        check_order(events)
        assert texts_of(events) == ["one two", "three four"]

    run(story())


def test_a_turn_without_end_is_committed_at_a_quiet_moment() -> None:
    """Nothing is lost at the seam."""

    async def story() -> None:
        words = [WORDS[number % 13] for number in range(60)]
        config = LiveConfig(update_s=0.001, turn_s=5.0)
        async with sessions_over(UnsureRecognizer(), config) as sessions:
            session = await opened(sessions, TurnRule(silence_s=0.5))
            await say(session, spell(words))
            await session.finish()
            events = await told(session)
        check_order(events)
        ends = [event.end_s for event in events if isinstance(event, Completed)]
        assert len(ends) >= 3
        assert max(end - start for start, end in zip([0.0, *ends], ends, strict=False)) < 6.0
        assert " ".join(texts_of(events)).split() == words

    run(story())


def test_a_client_far_ahead_is_not_read_from() -> None:
    """Until its sound has text."""

    async def story() -> None:
        recognizer = UnsureRecognizer(gate=asyncio.Event())
        config = LiveConfig(update_s=0.001, ahead_s=2.0)
        async with sessions_over(recognizer, config) as sessions:
            session = await opened(sessions, TurnRule())
            sound = np.concatenate([np.concatenate([spell(["one", "two", "three"]), pause(1.0)]) for _ in range(20)])
            feeding = asyncio.create_task(say(session, sound))
            await asyncio.sleep(0.3)
            assert not feeding.done()
            assert session.received_s < 8.0
            assert recognizer.gate is not None
            recognizer.gate.set()
            await feeding
            await session.finish()
            events = await told(session)
        assert texts_of(events) == ["one two three"] * 20

    run(story())


def test_a_client_that_reads_nothing_is_cut_off() -> None:
    """With a reason; what it holds up is bounded."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer()) as sessions:
            session = await opened(sessions, TurnRule(silence_s=0.1))
            sound = np.concatenate([spell(["one"]), pause(0.6)])
            for _ in range(300):
                await say(session, sound, [len(sound)])
                if session.is_over:
                    break
            events = await told(session)
        assert isinstance(events[-1], Ended)
        assert isinstance(events[-1].error, SlowReader)

    run(story())


def test_drafts_that_nobody_reads_are_one_event() -> None:
    """The newest, with all that was committed."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer()) as sessions:
            session = await opened(sessions)
            await say(session, spell(["one", "two", "three"] * 10))
            await session.finish()
            events = await told(session)
        assert [type(event) for event in events] == [Text, Committed, Text, Completed, Ended]
        check_order(events)

    run(story())


def test_a_session_of_silence_says_nothing_and_asks_nobody() -> None:
    """Whatever its length."""

    async def story() -> None:
        recognizer = UnsureRecognizer()
        async with sessions_over(recognizer) as sessions:
            session = await opened(sessions, TurnRule())
            await say(session, pause(60.0), [16_000])
            assert session._hearing.sound.held_s < 11.1, "what nobody needs is let go"
            await session.finish()
            events = await told(session)
        assert [type(event) for event in events] == [Ended]
        assert not recognizer.segments

    run(story())


def test_a_pause_that_ends_a_turn_has_its_text_already() -> None:
    """The last draft was the whole turn; where there is a cache, no model runs again."""

    async def story() -> None:
        recognizer = UnsureRecognizer(chance=random.Random(3))
        async with sessions_over(recognizer, cache_bytes=1_000_000) as sessions:
            session = await opened(sessions, TurnRule(silence_s=0.6))
            await say(session, np.concatenate([spell(["one", "two", "three", "four"]), pause(0.5)]))
            await asyncio.sleep(0.05)
            before = len(recognizer.segments)
            await say(session, pause(0.5))
            await session.finish()
            events = await told(session)
        assert texts_of(events) == ["one two three four"]
        assert [one.request_id for one in recognizer.segments[before:]] == []

    run(story())


def test_final_texts_go_before_drafts() -> None:
    """They are due at once, and end by nobody's deadline."""

    async def story() -> None:
        recognizer = UnsureRecognizer()
        async with sessions_over(recognizer) as sessions:
            session = await opened(sessions)  # by hand: no draft is taken for a whole turn
            await say(session, spell(["one", "two", "three", "four"]))
            await session.finish()
            await told(session)
        asked = [(segment.request_id.endswith("d"), segment.requester) for segment in recognizer.segments]
        finals = [requester for is_draft, requester in asked if not is_draft]
        drafts = [requester for is_draft, requester in asked if is_draft]
        assert finals
        assert drafts
        assert all(requester.ends_at is None for requester in finals)
        assert all(requester.ends_at is not None for requester in drafts)
        assert max(one.deadline or 0.0 for one in finals) < min(one.deadline or 0.0 for one in drafts)

    run(story())


def test_a_caller_that_is_cancelled_loses_no_sound() -> None:
    """A client's connection may break while a thread listens."""

    async def story() -> None:
        async with sessions_over(UnsureRecognizer()) as sessions:
            session = await opened(sessions, TurnRule())
            sound = np.concatenate([spell(["one", "two"]), pause(1.0), spell(["three"]), pause(1.0)])
            for begin in range(0, len(sound), 1600):
                feeding = asyncio.create_task(session.feed(sound[begin : begin + 1600]))
                await asyncio.sleep(0)
                feeding.cancel()
                await asyncio.wait([feeding])
            await session.finish()
            events = await told(session)
        assert texts_of(events) == ["one two", "three"]

    run(story())
