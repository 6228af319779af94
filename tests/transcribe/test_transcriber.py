"""Recording → segments → recognizer → result."""

from __future__ import annotations

import asyncio
import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harken.audio import AudioReader, CutRule, SpeechRule
from harken.config import LimitsConfig
from harken.errors import AudioTooLong, EngineFailed, NoReadyInstance, UndecodableAudio, UnknownLanguage
from harken.testing import tone
from harken.testing.recordings import Kind, encode
from harken.transcribe.ask import Ask
from harken.transcribe.result import RecordingTranscript
from harken.transcribe.transcriber import Transcriber, cut_for
from harken.transcribe.watch import Watch
from harken.types import SAMPLE_RATE, ModelInfo, Options, Segment, Transcript
from tests.transcribe.fakes import FakeReader, FakeRecognizer, FakeWatch, capped, file, silence, speech

LIMITS = LimitsConfig(segments_in_flight=3, audio_s=60.0)


def transcribe(
    recognizer: FakeRecognizer,
    data: bytes,
    options: Options | None = None,
    *,
    reader: FakeReader | None = None,
    watch: Watch | None = None,
) -> RecordingTranscript:
    """One recording through a new transcriber."""

    async def run() -> RecordingTranscript:
        transcriber = Transcriber(recognizer, reader or FakeReader(), LIMITS)
        return await transcriber.transcribe(data, Ask(options=options or Options()), "req_1", watch=watch)

    return asyncio.run(run())


def spoken(pieces: int) -> bytes:
    """A recording of so many pieces of 0.5 s of speech with 0.25 s of silence after each."""
    return file(*(part for index in range(pieces) for part in (speech(0.5, index + 1.0), silence(0.25))))


def test_a_short_recording_is_one_segment_and_is_not_searched_for_pauses() -> None:
    """Up to the model's longest segment, to the sample, the recording goes as it is."""
    recognizer, reader = FakeRecognizer(), FakeReader()
    result = transcribe(recognizer, file(speech(1.0)), reader=reader)
    assert result.text == "part 0"
    assert (result.language, result.audio_s, result.instances) == ("English", 1.0, ("asr-1",))
    assert reader.rules == [CutRule(max_segment_s=1.0)]
    assert [(segment.index, segment.start, len(segment.samples)) for segment, _ in recognizer.seen] == [(0, 0, 16_000)]


def test_one_sample_more_is_cut() -> None:
    """Nothing longer than the model's longest segment reaches the recognizer in one piece."""
    recognizer = FakeRecognizer()
    transcribe(recognizer, file(speech(1.0), silence(1 / SAMPLE_RATE)))
    assert [len(segment.samples) for segment, _ in recognizer.seen] == [SAMPLE_RATE]


def test_a_long_recording_is_stitched_in_order_with_true_offsets() -> None:
    """Pieces without speech are left out; the others keep their place in the recording."""
    recognizer = FakeRecognizer()
    result = transcribe(recognizer, spoken(4))
    assert result.text == "part 0 part 1 part 2 part 3"
    assert [(piece.start_s, piece.end_s) for piece in result.segments] == [
        (0.0, 0.5), (0.75, 1.25), (1.5, 2.0), (2.25, 2.75),
    ]  # fmt: skip
    assert result.audio_s == 3.0
    assert result.instances == ("asr-1", "asr-2")
    assert all(np.all(segment.samples == segment.index + 1.0) for segment, _ in recognizer.seen)
    assert {segment.request_id for segment, _ in recognizer.seen} == {"req_1"}


def test_a_silent_recording_has_no_text_and_no_language() -> None:
    """Nothing is sent where nobody speaks."""
    recognizer = FakeRecognizer()
    result = transcribe(recognizer, file(silence(5.0)))
    assert (result.text, result.language, result.languages, result.segments) == ("", "", (), ())
    assert result.is_complete
    assert recognizer.seen == []


def test_at_most_so_many_segments_are_in_flight() -> None:
    """The limit is used fully and never exceeded."""
    recognizer = FakeRecognizer(turns=20)
    assert len(transcribe(recognizer, spoken(10)).segments) == 10
    assert recognizer.most == LIMITS.segments_in_flight


def test_the_first_failure_cancels_the_rest_and_is_the_one_raised() -> None:
    """The client gets that error itself; no segment goes on, none is begun."""
    recognizer = FakeRecognizer(errors={1: EngineFailed("boom")}, turns=20)

    async def run() -> None:
        recognizer.gate = asyncio.Event()  # never opened: the others can only end by being cancelled
        transcriber = Transcriber(recognizer, FakeReader(), LIMITS)
        with pytest.raises(EngineFailed, match="boom"):
            await transcriber.transcribe(spoken(10), Ask(), "req_1")

    asyncio.run(run())
    assert recognizer.in_flight == 0
    assert recognizer.cancelled == 2
    assert len(recognizer.seen) == 3


def test_a_caller_that_leaves_cancels_all_segments() -> None:
    """Cancelling the transcription leaves nothing in the recognizer."""
    recognizer = FakeRecognizer()

    async def run() -> None:
        recognizer.gate = asyncio.Event()
        transcriber = Transcriber(recognizer, FakeReader(), LIMITS)
        task = asyncio.create_task(transcriber.transcribe(spoken(10), Ask(), "req_1"))
        await recognizer.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert recognizer.in_flight == 0


def test_the_language_may_be_a_code_and_reaches_the_recognizer_as_a_name() -> None:
    """Clients may write "zh"; inside there are only names, and the context goes along."""
    recognizer = FakeRecognizer()
    result = transcribe(recognizer, file(speech(0.5)), Options(language="zh", context="Harken"))
    assert recognizer.seen[0][1] == Options(language="Chinese", context="Harken")
    assert result.language == "Chinese"


def test_auto_means_detect() -> None:
    """The default of /asr forces nothing."""
    recognizer = FakeRecognizer()
    transcribe(recognizer, file(speech(0.5)), Options(language="auto"))
    assert recognizer.seen[0][1].language is None


def test_a_language_that_this_model_does_not_know_is_refused_before_decoding() -> None:
    """French is a language of Harken, but not of this model; the message lists the model's own."""
    with pytest.raises(UnknownLanguage, match=r"English \(en\), Chinese \(zh\), German \(de\)") as caught:
        transcribe(FakeRecognizer(), b"not even audio", Options(language="fr"))
    assert caught.value.field == "language"


def test_what_decoding_and_the_recognizer_say_passes_unchanged() -> None:
    """Bad audio, too much audio, nobody there: the error of the floor below is the client's."""
    with pytest.raises(UndecodableAudio):
        transcribe(FakeRecognizer(), b"abc")
    with pytest.raises(AudioTooLong):
        transcribe(FakeRecognizer(), file(silence(61.0)))
    with pytest.raises(NoReadyInstance):
        transcribe(FakeRecognizer(info=NoReadyInstance()), file(speech(0.5)))


def test_a_capped_segment_makes_the_result_incomplete() -> None:
    """Words may be missing, and the result says so."""
    result = transcribe(FakeRecognizer(answer=capped), file(speech(0.5)))
    assert not result.is_complete


def test_progress_counts_audio_seconds_up_to_the_whole() -> None:
    """Silence counts as done when it is found; the length is known at the end of decoding; all is done at the end."""
    watch = FakeWatch()
    transcribe(FakeRecognizer(), spoken(4), watch=watch)
    assert [done for done, _ in watch.steps] == sorted(done for done, _ in watch.steps)
    assert {total for _, total in watch.steps} == {None, 3.0}
    assert watch.steps[-1] == (3.0, 3.0)


def test_progress_tells_what_the_head_promises_until_the_length_is_known() -> None:
    """A promise that turns out too small gives way to what is done already; one that is too large, to the truth."""
    for promised, told in ((2.0, {2.0, 2.25, 2.75, 3.0}), (4.0, {4.0, 3.0})):
        watch = FakeWatch()
        transcribe(FakeRecognizer(), spoken(4), reader=FakeReader(total_s=promised), watch=watch)
        assert {total for _, total in watch.steps} <= told
        assert watch.steps[-1] == (3.0, 3.0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 2000), st.integers(1, 2000)), min_size=9, max_size=20))
def test_every_spoken_sample_is_recognised_once(spans: list[tuple[int, int]]) -> None:
    """Whatever the pauses are: all speech goes out, nothing twice, in order."""
    samples = [np.concatenate([np.full(loud, 0.5, np.float32), np.zeros(quiet, np.float32)]) for loud, quiet in spans]
    samples.append(np.zeros(SAMPLE_RATE, np.float32))
    covered: list[tuple[int, int]] = []

    def answer(segment: Segment, options: Options) -> Transcript:
        covered.append((segment.start, segment.start + len(segment.samples)))
        return Transcript(text=str(segment.index), language="English", audio_s=segment.audio_s)

    result = transcribe(FakeRecognizer(answer=answer), file(*samples))
    assert sum(end - start for start, end in covered) == sum(loud for loud, _ in spans)
    assert result.text.split() == [str(index) for index in range(len(spans))]
    assert [piece.start_s for piece in result.segments] == sorted(piece.start_s for piece in result.segments)


def test_two_transcriptions_do_not_mix() -> None:
    """Requests share a transcriber without knowing of each other."""
    recognizer = FakeRecognizer(
        answer=lambda segment, options: dataclasses.replace(
            Transcript(text="", language="English", audio_s=1.0), text=f"{segment.request_id}.{segment.index}"
        )
    )

    async def run() -> list[RecordingTranscript]:
        transcriber = Transcriber(recognizer, FakeReader(), LIMITS)
        jobs = [transcriber.transcribe(spoken(3), Ask(), f"r{number}") for number in range(5)]
        return await asyncio.gather(*jobs)

    texts = [result.text for result in asyncio.run(run())]
    assert texts == [f"r{number}.0 r{number}.1 r{number}.2" for number in range(5)]


def test_a_model_may_ask_for_cuts_at_its_pauses() -> None:
    """Its pause is the shortest silence that parts pieces, and some of it stays between them."""
    model = ModelInfo(name="x", revision="1", max_segment_s=10.0, languages=("English",), pause_s=0.2)
    cut = cut_for(CutRule(max_segment_s=30.0), model)
    assert (cut.max_segment_s, cut.long_silence_s) == (10.0, 0.2)
    assert 2 * cut.kept_silence_s < cut.long_silence_s
    assert cut_for(CutRule(long_silence_s=0.1), model).long_silence_s == 0.1


def test_an_upload_is_let_go_while_its_last_piece_waits() -> None:
    """Hundreds may wait for a slot; each then holds its samples, and not the file as well."""
    upload = bytearray(encode(tone(0.5), Kind(format="WAV", codec="PCM_16")))

    async def run() -> None:
        recognizer = FakeRecognizer(gate=asyncio.Event())
        async with AudioReader(workers=1) as reader:
            transcriber = Transcriber(recognizer, reader, LIMITS)
            ask = Ask(speech=SpeechRule(threshold=0.0, release=0.0))
            work = asyncio.create_task(transcriber.transcribe(memoryview(upload), ask, "req_1"))
            await recognizer.arrived.wait()
            upload.clear()  # a BufferError while anybody holds a view of it
            assert recognizer.gate is not None
            recognizer.gate.set()
            await work

    asyncio.run(run())
