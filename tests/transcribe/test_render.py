"""The formats of a result."""

from __future__ import annotations

import dataclasses
import json
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from openai.types.audio import Transcription, TranscriptionVerbose

from harken.transcribe.render import MEDIA_TYPES, Form, render
from harken.transcribe.result import RecordingTranscript
from harken.transcribe.sentences import sentences_of
from harken.types import Finish, TokenLogprob
from tests.transcribe.recordings import CHINESE, ENGLISH, piece, recording, recordings, timed_words

RESULT = recording(
    dataclasses.replace(
        piece("Hello there. How are you?", 1.0, 4.0, words=timed_words("Hello there How are you", 1.25, 0.25, 0.1)),
        logprobs=(TokenLogprob(token="Hello", logprob=-0.25, bytes=(72, 101, 108, 108, 111)),),
        avg_logprob=-0.5,
        no_speech_prob=0.125,
    ),
    dataclasses.replace(piece("你好。", 5.0, 6.0, "Chinese", words=()), finish=Finish.LENGTH),
    audio_s=6.5,
)


def test_json_has_the_text_the_languages_and_the_usage() -> None:
    """And what could not be repaired; log-probabilities only where they were asked for."""
    body = json.loads(render(RESULT, Form.JSON).body)
    assert body["text"] == "Hello there. How are you? 你好。"
    assert body["language"] == "English"
    assert body["languages"] == [{"code": "en", "name": "English"}, {"code": "zh", "name": "Chinese"}]
    assert body["usage"] == {"type": "duration", "seconds": 6.5}
    assert [(one["code"], one["start"], one["end"]) for one in body["warnings"]] == [
        ("length_unresolved", 5.0, 6.0),
        ("words_missing", 5.0, 6.0),
    ]
    assert "logprobs" not in body
    body = json.loads(render(RESULT, Form.JSON, with_logprobs=True).body)
    assert body["logprobs"] == [{"token": "Hello", "logprob": -0.25, "bytes": [72, 101, 108, 108, 111]}]
    assert json.loads(render(recording(audio_s=1.0), Form.JSON).body).keys() == {
        "text",
        "language",
        "languages",
        "usage",
    }


def test_verbose_json_is_what_openais_client_reads() -> None:
    """Strictly valid as the SDK's own type; the language is a small-letter name there."""
    body = render(RESULT, Form.VERBOSE_JSON, granularities=["segment", "word"], temperature=0.2).body
    read = TranscriptionVerbose.model_validate_json(body, strict=True)
    assert (read.language, read.duration, read.text) == ("english", 6.5, RESULT.text)
    assert read.segments is not None
    assert [(one.id, one.seek, one.start, one.end, one.text) for one in read.segments] == [
        (0, 100, 1.25, 1.85, "Hello there."),
        (1, 100, 1.95, 2.9, " How are you?"),
        (2, 500, 5.0, 6.0, " 你好。"),
    ]
    first = read.segments[0]
    assert (first.avg_logprob, first.no_speech_prob, first.temperature, first.tokens) == (-0.5, 0.125, 0.2, [])
    assert first.compression_ratio == pytest.approx(12 / len(zlib.compress(b"Hello there.")), abs=1e-6)
    assert read.words is not None
    assert [(one.word, one.start, one.end) for one in read.words][:2] == [("Hello", 1.25, 1.5), ("there", 1.6, 1.85)]
    assert Transcription.model_validate_json(render(RESULT, Form.JSON).body).text == RESULT.text


def test_only_what_was_asked_for_is_listed() -> None:
    """Segments by default; words alone when only they are named."""
    assert "words" not in json.loads(render(RESULT, Form.VERBOSE_JSON).body)
    body = json.loads(render(RESULT, Form.VERBOSE_JSON, granularities=["word"]).body)
    assert "segments" not in body
    assert len(body["words"]) == 5


def test_text_and_subtitles_are_utf_8_of_their_type() -> None:
    """With the type that players and browsers know."""
    assert render(RESULT, Form.TEXT).body.decode() == "Hello there. How are you? 你好。\n"
    assert render(RESULT, Form.SRT).body.decode().startswith("1\n00:00:01,250 --> ")
    assert render(RESULT, Form.VTT).body.decode().startswith("WEBVTT\n\n00:00:01.250 --> ")
    assert {form: render(RESULT, form).media_type for form in Form} == MEDIA_TYPES


def test_segments_are_sentences() -> None:
    """Abbreviations do not end one; a sentence that a piece was cut in has two parts."""
    sentences = sentences_of(
        recording(piece(ENGLISH, 0, 15), piece("and nobody did.", 15, 17), piece(CHINESE, 17, 30, "Chinese"))
    )
    assert [one.text.split()[0] for one in sentences[:4]] == ["When", "Nobody", "Dr.", "and"]
    assert len(sentences) == 7


@given(recordings())
def test_segments_together_are_the_text_and_their_times_rise(result: RecordingTranscript) -> None:
    """Nothing is lost between them, whatever was said."""
    sentences = sentences_of(result)
    assert "".join(one.text for one in sentences) == result.text
    assert all(one.start_s <= one.end_s for one in sentences)
    assert all(left.end_s <= right.start_s for left, right in pairwise(sentences))


def test_words_that_are_missing_in_a_part_of_a_piece_are_flagged_too() -> None:
    """Of a piece that was recognised in halves, one may be in a language that the aligner does not know."""
    whole = piece("one two สวัสดีครับ", 0.0, 4.0, words=timed_words("one two", 0.0, 1.0))
    (flag,) = recording(whole).warnings
    assert (flag.code, flag.start_s, flag.end_s) == ("words_missing", 0.0, 4.0)
    assert "Some of the words" in flag.message
    assert recording(piece("One, two!", 0.0, 4.0, words=timed_words("One two", 0.0, 1.0))).warnings == ()
