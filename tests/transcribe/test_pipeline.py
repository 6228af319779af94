"""The way of a long recording: pulled lazily, told in order, remembered, mended, never hidden."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from harken.audio import CutRule
from harken.config import LimitsConfig
from harken.errors import (
    EngineFailed,
    HarkenError,
    InstanceFailed,
    NoWordTimes,
    QueueFull,
    StorageFull,
    TruncatedAudio,
)
from harken.testing import MisbehavingRecognizer, spell
from harken.testing.spelling import WORD_S, WORDS
from harken.transcribe import Ask, PlacedTranscript, RecordingTranscript, RepairKind, Watch
from harken.transcribe.memory import Memory
from harken.transcribe.transcriber import Transcriber
from harken.types import SAMPLE_RATE, Finish, Options, Recognizer, TokenLogprob
from tests.transcribe.fakes import INFO, FakePieces, FakeReader, FakeRecognizer, FakeWatch

LIMITS = LimitsConfig(segments_in_flight=3)
TEN = WORDS[:10]


async def no_wait(seconds: float) -> None:
    """Time that passes at once."""


def transcriber(recognizer: Recognizer, reader: FakeReader | None = None) -> Transcriber:
    """A new one that does not really wait."""
    return Transcriber(recognizer, reader or FakeReader(), LIMITS, sleep=no_wait)


def transcribe(
    recognizer: Recognizer,
    words: tuple[str, ...] = TEN,
    ask: Ask | None = None,
    *,
    reader: FakeReader | None = None,
    watch: Watch | None = None,
    memory: Memory | None = None,
) -> RecordingTranscript:
    """A recording that spells these words, each a piece of its own where the model takes less than all."""
    subject = transcriber(recognizer, reader)
    return asyncio.run(subject.transcribe(spell(words).tobytes(), ask or Ask(), "req_1", watch=watch, memory=memory))


def in_pieces(**rest: object) -> MisbehavingRecognizer:
    """A model that takes one word at a time."""
    return MisbehavingRecognizer(max_segment_s=1.0, **rest)  # type: ignore[arg-type]


@dataclass
class FakeMemory:
    """Keeps pieces in a dict.

    Attributes:
        kept: by (start, end).
        error: raised instead of keeping.
    """

    kept: dict[tuple[int, int], PlacedTranscript] = field(default_factory=dict)
    error: HarkenError | None = None

    def recall(self, start: int, end: int) -> PlacedTranscript | None:
        """Look."""
        return self.kept.get((start, end))

    async def keep(self, piece: PlacedTranscript) -> None:
        """Store."""
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.kept[piece.start, piece.end] = piece


# --- pulled lazily -------------------------------------------------------------------------------------------------


def test_no_more_is_decoded_than_can_be_recognised_and_one_piece_ahead() -> None:
    """However long the recording is: its pieces stay undecoded until there is room for them."""
    recognizer, reader = FakeRecognizer(), FakeReader()

    async def run() -> None:
        recognizer.gate = asyncio.Event()
        subject = Transcriber(replace_info(recognizer), reader, LIMITS)
        task = asyncio.create_task(subject.transcribe(spell(WORDS * 10).tobytes(), Ask(), "r"))
        await recognizer.arrived.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        assert recognizer.in_flight == LIMITS.segments_in_flight
        assert spoken(reader.opened[0]) == LIMITS.segments_in_flight + 1
        recognizer.gate.set()
        assert len((await task).segments) == len(WORDS) * 10

    asyncio.run(run())


def replace_info(recognizer: FakeRecognizer) -> FakeRecognizer:
    """The same with a model that takes a second at a time."""
    recognizer.info = replace(INFO, max_segment_s=1.0)
    return recognizer


def spoken(pieces: FakePieces) -> int:
    """How many pieces with speech were pulled."""
    return sum(getattr(piece, "has_speech", False) for piece in pieces.pieces[: pieces.pulled])


def test_fewer_in_flight_may_be_wanted_but_not_more() -> None:
    """Jobs leave room for requests; nobody goes beyond the limit."""
    for wanted, most in ((1, 1), (2, 2), (8, 3)):
        recognizer = replace_info(FakeRecognizer(turns=20))
        asyncio.run(transcriber(recognizer).transcribe(spell(WORDS).tobytes(), Ask(), "r", in_flight=wanted))
        assert recognizer.most == most


def test_damage_that_shows_late_is_the_one_error_and_ends_everything() -> None:
    """Pieces that are being recognised meanwhile are cancelled; the recording is closed."""
    recognizer, reader = FakeRecognizer(), FakeReader(late=TruncatedAudio("cut off"))
    recognizer.info = replace(INFO, max_segment_s=0.5)

    async def run() -> None:
        recognizer.gate = asyncio.Event()  # never opened
        with pytest.raises(TruncatedAudio, match="cut off"):
            await transcriber(recognizer, reader).transcribe(spell(TEN[:3]).tobytes(), Ask(), "r")

    asyncio.run(run())
    assert len(recognizer.seen) == LIMITS.segments_in_flight
    assert (recognizer.in_flight, reader.still_open) == (0, 0)


def test_the_longest_piece_is_the_models_or_the_clients() -> None:
    """Whichever is shorter; the rest of the rule stays."""
    for wanted, model, longest in ((30.0, 10.0, 10.0), (5.0, 10.0, 5.0)):
        reader = FakeReader()
        ask = Ask(cut=CutRule(max_segment_s=wanted, long_silence_s=2.0))
        transcribe(MisbehavingRecognizer(max_segment_s=model), ask=ask, reader=reader)
        assert reader.rules == [CutRule(max_segment_s=longest, long_silence_s=2.0)]


# --- told in order -------------------------------------------------------------------------------------------------


def test_what_a_watch_is_told_is_the_final_text() -> None:
    """In one piece word by word; in many, the first word by word and the others as they come."""
    for recognizer in (MisbehavingRecognizer(), in_pieces()):
        watch = FakeWatch()
        result = transcribe(recognizer, watch=watch)
        assert result.text == " ".join(TEN)
        assert "".join(watch.deltas) == result.text
        assert len(watch.deltas) == len(TEN)


def test_a_watch_that_wants_no_live_text_gets_it_piece_by_piece() -> None:
    """So a dispatcher may try a piece elsewhere for as long as it takes."""
    watch = FakeWatch()
    asyncio.run(
        transcriber(MisbehavingRecognizer()).transcribe(spell(TEN).tobytes(), Ask(), "r", watch=watch, is_live=False)
    )
    assert watch.deltas == [" ".join(TEN)]


def test_a_stream_survives_the_death_of_its_instance() -> None:
    """Half of the text was told; the second try brings the rest, and nothing comes twice."""
    watch = FakeWatch()
    result = transcribe(MisbehavingRecognizer(failures=[InstanceFailed("died"), None]), watch=watch)
    assert "".join(watch.deltas) == result.text == " ".join(TEN)


def test_without_a_listener_a_first_failure_is_told_at_once() -> None:
    """The dispatcher has tried what there was; the client may try again himself."""
    with pytest.raises(InstanceFailed, match="died"):
        transcribe(MisbehavingRecognizer(failures=[InstanceFailed("died"), None]))
    with pytest.raises(QueueFull):
        transcribe(in_pieces(failures=[QueueFull(), None]))


def test_a_transient_failure_does_not_fail_a_long_recording() -> None:
    """One piece of many, in the middle, three times in a row: the result is whole."""
    failures: list[HarkenError | None] = [*([None] * 50), EngineFailed("once"), None, QueueFull(), None]
    result = transcribe(in_pieces(failures=failures), WORDS * 10)
    assert result.text == " ".join(WORDS * 10)


# --- mended, never hidden ------------------------------------------------------------------------------------------


def test_a_loop_reaches_neither_the_stream_nor_the_result_and_is_flagged() -> None:
    """What nothing cures is one round of text, a warning with its place, and an incomplete result."""
    recognizer = MisbehavingRecognizer(finish=lambda *_: Finish.LOOP)
    result = transcribe(recognizer, ("one", "two"))
    assert result.text == "one two"
    assert not result.is_complete
    (flag,) = result.warnings
    assert flag.code == "loop_unresolved"
    assert [flag.start_s, flag.end_s] == pytest.approx([0.0, 2 * WORD_S])


def test_a_cap_that_cutting_cures_leaves_a_complete_result() -> None:
    """The repair is on record, without a warning."""
    recognizer = MisbehavingRecognizer(
        finish=lambda segment, _: Finish.LENGTH if segment.audio_s > 2.0 else Finish.STOP
    )
    watch = FakeWatch()
    result = transcribe(recognizer, watch=watch)
    assert result.text == "".join(watch.deltas) == " ".join(TEN)
    assert (result.is_complete, result.warnings) == (True, ())
    assert [repair.kind for segment in result.segments for repair in segment.repairs] == [RepairKind.LENGTH]


def test_a_cap_that_nothing_cures_is_flagged() -> None:
    """Words may be missing, and the result says where."""
    result = transcribe(MisbehavingRecognizer(finish=lambda *_: Finish.LENGTH), ("one", "two", "three"))
    assert [flag.code for flag in result.warnings] == ["length_unresolved"]
    assert not result.is_complete


def test_the_context_that_comes_back_from_noise_is_not_text() -> None:
    """Nor is it streamed; that it was taken out is on record, and nothing is missing."""
    watch, recognizer = FakeWatch(), MisbehavingRecognizer(leaks=True)
    ask = Ask(options=Options(context="Harken, Qwen"))
    noise = bytes(4 * SAMPLE_RATE)  # which the ear takes for nothing, and voice activity is not sure of
    subject = transcriber(recognizer, FakeReader(speech_prob=0.3))
    result = asyncio.run(subject.transcribe(noise, ask, "r", watch=watch))
    assert (result.text, result.language, watch.deltas) == ("", "", [])
    assert [repair.kind for segment in result.segments for repair in segment.repairs] == [RepairKind.CONTEXT_LEAK]
    assert result.is_complete


def test_soft_speech_that_came_out_as_the_context_is_heard_again_without_it() -> None:
    """So that a word is not lost because it was said softly."""
    recognizer = MisbehavingRecognizer(leaks=True)
    ask = Ask(options=Options(context="Harken, Qwen"))
    result = transcribe(recognizer, ask=ask, reader=FakeReader(speech_prob=0.3))
    assert result.text == " ".join(TEN)
    assert [options.context for _, _, options in recognizer.asked] == ["Harken, Qwen", ""]


def test_silence_never_meets_the_context() -> None:
    """A piece without speech is not sent, so there is nothing that could leak."""
    recognizer = MisbehavingRecognizer(leaks=True)
    silent = bytes(4 * 40 * SAMPLE_RATE)
    ask = Ask(options=Options(context="Harken, Qwen"))
    result = asyncio.run(transcriber(recognizer).transcribe(silent, ask, "r"))
    assert (result.text, result.audio_s, recognizer.asked) == ("", 40.0, [])


def test_a_hot_word_that_is_clearly_spoken_stays() -> None:
    """Whoever says "seven" and lists it as a hot word gets it, at once."""
    watch = FakeWatch()
    result = transcribe(MisbehavingRecognizer(), ("seven",), Ask(options=Options(context="six, seven")), watch=watch)
    assert result.text == "seven"
    assert watch.deltas == ["seven"]


# --- words ---------------------------------------------------------------------------------------------------------


def test_words_have_the_times_of_the_recording() -> None:
    """Over all pieces, in order."""
    result = transcribe(in_pieces(), ask=Ask(options=Options(wants_words=True)))
    assert result.words is not None
    assert [word.text for word in result.words] == list(TEN)
    assert [word.start_s for word in result.words] == pytest.approx([WORD_S * place for place in range(10)])
    assert result.warnings == ()


def test_words_that_no_aligner_can_time_are_refused_before_any_work() -> None:
    """None is loaded, or it does not know the language that the client forces."""
    words = Options(wants_words=True)
    with pytest.raises(NoWordTimes):
        transcribe(FakeRecognizer(), ask=Ask(options=words))
    recognizer = MisbehavingRecognizer()
    with pytest.raises(NoWordTimes, match="German"):
        transcribe(recognizer, ask=Ask(options=replace(words, language="de")))
    assert recognizer.asked == []


def test_words_that_are_missing_are_flagged_while_the_text_is_whole() -> None:
    """Nothing of what was said is missing, so the result is complete."""
    recognizer = MisbehavingRecognizer(leaks=True)
    result = transcribe(recognizer, ask=Ask(options=Options(wants_words=True, context="Harken listens")))
    assert (result.text, result.words) == ("Harken listens", ())
    assert [flag.code for flag in result.warnings] == ["words_missing"]
    assert result.is_complete


def test_silence_has_no_words_rather_than_unknown_ones() -> None:
    """Where words were asked for there is a list, if an empty one."""
    ask = Ask(options=Options(wants_words=True))
    result = asyncio.run(transcriber(MisbehavingRecognizer()).transcribe(bytes(4 * 40 * SAMPLE_RATE), ask, "r"))
    assert result.words == ()


# --- remembered ----------------------------------------------------------------------------------------------------


def test_finished_pieces_are_kept_and_never_recognised_again() -> None:
    """After a crash in the middle, only what is missing is asked for; text, words and progress are the same."""
    ask = Ask(options=Options(wants_words=True))
    memory = FakeMemory()
    with pytest.raises(EngineFailed):
        transcribe(in_pieces(failures=[None] * 5 + [EngineFailed()] * 20), ask=ask, memory=memory)
    kept = set(memory.kept)
    assert 4 <= len(kept) < 10
    recognizer, watch = in_pieces(), FakeWatch()
    result = transcribe(recognizer, ask=ask, memory=memory, watch=watch)
    assert {(start, start + length) for start, length, _ in recognizer.asked}.isdisjoint(kept)
    assert len(recognizer.asked) == 10 - len(kept)
    assert result == transcribe(in_pieces(), ask=ask)
    assert "".join(watch.deltas) == result.text
    assert watch.steps[-1] == (result.audio_s, result.audio_s)


def test_a_memory_that_cannot_keep_ends_the_recording() -> None:
    """A piece that is not kept is not done."""
    with pytest.raises(StorageFull):
        transcribe(in_pieces(), memory=FakeMemory(error=StorageFull()))


def test_a_watch_that_fails_ends_the_recording() -> None:
    """Its error is raised as itself, and nothing goes on."""

    class Broken(FakeWatch):
        def text(self, delta: str, logprobs: tuple[TokenLogprob, ...]) -> None:
            raise ConnectionError("gone")

    reader = FakeReader()
    with pytest.raises(ConnectionError, match="gone"):
        transcribe(in_pieces(), watch=Broken(), reader=reader)
    assert reader.still_open == 0
