"""Answers of many servers, read as transcripts."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.dispatch.lines.openai.answer import read_json, text_max, transcript_of
from harken.errors import InstanceFailed
from harken.types import Finish, Options, TokenLogprob, Transcript, Word
from harken.wire import Job
from tests.dispatch.instances import make_segment
from tests.dispatch.lines.openai.anything import ANSWERS, JSON, OBJECTS


def read(body: dict[str, Any], **options: object) -> Transcript:
    """Read the answer for a segment of one second."""
    job = Job(segment=make_segment(), options=Options(**options), wants_deltas=False)  # type: ignore[arg-type]
    return transcript_of(body, job)


@pytest.mark.parametrize(
    ("body", "language"),
    [
        ({"text": "hi"}, ""),
        ({"text": "hi", "language": "english"}, "English"),
        ({"text": "hi", "language": "en"}, "English"),
        ({"text": "hi", "language": None}, ""),
        ({"text": "hi", "languages": [{"code": "de", "name": "German"}], "language": "English"}, "German"),
        ({"text": "language French<asr_text>hi"}, "French"),
        ({"text": "  ", "language": "en"}, ""),
    ],
)
def test_the_language_is_taken_from_wherever_it_is(body: dict[str, Any], language: str) -> None:
    """And nobody speaks any where nothing was said."""
    assert read(body).language == language


def test_a_forced_language_is_the_answers_language() -> None:
    """Whatever the server calls it."""
    assert read({"text": "hi", "language": "en"}, language="German").language == "German"


@pytest.mark.parametrize("body", [{}, {"text": None}, {"text": 3}, {"error": "no"}])
def test_an_answer_without_text_is_none(body: dict[str, Any]) -> None:
    """It is the server's failure."""
    with pytest.raises(InstanceFailed):
        read(body)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_read_as_an_empty_one(body: bytes) -> None:
    """Nonsense raises nothing of its own."""
    assert read_json(body) == {}


def test_words_are_brought_into_order_and_into_the_segment() -> None:
    """Whatever a server says, none overlaps the last and none ends behind the audio."""
    raw = [
        {"word": " one ", "start": 0.5, "end": 0.25},
        {"word": "two", "start": 0.25, "end": 9},
        {"word": "three", "start": "x", "end": 1},
        {"word": "", "start": 0, "end": 1},
        "four",
    ]
    assert read({"text": "one two", "words": raw}, wants_words=True).words == (
        Word(text="one", start_s=0.5, end_s=0.5),
        Word(text="two", start_s=0.5, end_s=1.0),
    )


def test_log_probabilities_come_as_tokens_or_as_means() -> None:
    """Of tokens the mean is made; a verbose answer has only means."""
    tokens = [{"token": "h", "logprob": -1.0, "bytes": [104]}, {"token": "é", "logprob": -3}, {"token": 3}]
    transcript = read({"text": "hé", "logprobs": tokens}, wants_logprobs=True)
    assert transcript.logprobs == (
        TokenLogprob(token="h", logprob=-1.0, bytes=(104,)),
        TokenLogprob(token="é", logprob=-3.0, bytes=(195, 169)),
    )
    assert (transcript.avg_logprob, transcript.tokens) == (-2.0, 2)
    segments = [
        {"start": 0, "end": 3, "avg_logprob": -1.0, "no_speech_prob": 0.5},
        {"start": 3, "end": 4, "avg_logprob": -5.0},
    ]
    verbose = read({"text": "hé", "segments": segments}, wants_logprobs=True)
    assert (verbose.logprobs, verbose.avg_logprob, verbose.no_speech_prob) == (None, -2.0, 0.5)


def test_text_without_end_is_cut_off_and_unfinished() -> None:
    """Five times what anybody can say: to look through all of it would hold up everybody else."""
    found = read({"text": "word " * 400_000})
    assert (len(found.text), found.finish) == (text_max(1.0), Finish.LENGTH)
    most = read({"text": "x" * text_max(1.0)})
    assert (len(most.text), most.finish) == (text_max(1.0), Finish.STOP)


def test_an_answer_that_may_be_incomplete_says_so() -> None:
    """Another Harken warns, a vLLM gives its reason."""
    assert read({"text": "a", "warnings": [{"code": "loop_unresolved"}]}).finish is Finish.LENGTH
    assert read({"text": "a", "finish_reason": "length"}).finish is Finish.LENGTH
    assert read({"text": "a", "warnings": [{"code": "words_missing"}]}).finish is Finish.STOP


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb'{"text":"a\ud800b"}', "a\ufffdb"),
        (rb'{"text":"a\uDC00"}', "a\ufffd"),
        (rb'{"text":"\ud83d\ude00 \\ud800"}', "\U0001f600 \\ud800"),
        (b'{"text":"a\xed\xa0\x80"}', "a\ufffd\ufffd\ufffd"),
        (b'\xef\xbb\xbf{"text":"\xc3\xa9"}', "\u00e9"),
    ],
)
def test_half_a_character_is_read_as_one_that_is_missing(body: bytes, text: str) -> None:
    """JSON can spell what nobody can write on; pairs, and backslashes that spell nothing, stay what they are."""
    assert read_json(body) == {"text": text}


def test_numbers_beyond_all_measure_are_left_out() -> None:
    """JSON has no bounds for them."""
    huge = 10**400
    beside = {
        "usage": {"output_tokens": huge},
        "words": [{"word": "a", "start": 0, "end": huge}],
        "segments": [{"avg_logprob": 1e308, "start": 0, "end": 1e308}],
    }
    found = read({**beside, "text": "a"}, wants_words=True, wants_logprobs=True)
    assert (found.tokens, found.words, found.avg_logprob) == (0, (), None)


def test_a_number_of_thousands_of_digits_costs_only_itself() -> None:
    """Python refuses to read it, also beside half a character."""
    for text, read_as in (("hi", "hi"), (r"hi\ud800", "hi\ufffd")):
        body = read_json(f'{{"text": "{text}", "usage": {{"output_tokens": {"9" * 5000}}}}}'.encode())
        assert (read(body).text, read(body).tokens) == (read_as, 0)


def test_true_is_no_number_and_a_list_no_word() -> None:
    """To Python the one is 1, and the other can be in no set."""
    token = {"token": "a", "logprob": -1, "bytes": [True]}
    body = {"usage": {"output_tokens": True}, "logprobs": [token], "warnings": [{"code": {}}, {"code": []}]}
    found = read({**body, "text": "a"}, wants_logprobs=True)
    assert found.logprobs == (TokenLogprob(token="a", logprob=-1.0, bytes=(97,)),)
    assert (repr(found.tokens), found.finish) == ("1", Finish.STOP)
    assert read({"usage": {"output_tokens": True}, "text": "a"}).tokens == 0


KEYS = ("language", "languages", "words", "logprobs", "segments", "usage", "warnings", "finish_reason")


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
@pytest.mark.slow
def test_whatever_stands_beside_the_text_the_text_is_read(beside: dict[str, Any]) -> None:
    """No shape of the rest loses a transcript."""
    body = read_json(json.dumps({**beside, "text": "hello"}).encode())
    assert read(body, wants_words=True, wants_logprobs=True).text == "hello"


@given(OBJECTS | ANSWERS)
@pytest.mark.slow
def test_any_json_is_a_transcript_that_can_be_written_or_the_servers_failure(body: dict[str, Any]) -> None:
    """Nothing else is raised, and what is made of it is text, times and numbers that every client can read."""
    try:
        found = read(read_json(json.dumps(body).encode()), wants_words=True, wants_logprobs=True)
    except InstanceFailed:
        return
    json.dumps(dataclasses.asdict(found), ensure_ascii=False, allow_nan=False).encode()


@given(st.binary(max_size=60))
def test_any_bytes_are_an_object(body: bytes) -> None:
    """An empty one, mostly."""
    assert isinstance(read_json(body), dict)


@given(OBJECTS)
@pytest.mark.slow
def test_whatever_is_read_can_be_written(body: dict[str, Any]) -> None:
    """As UTF-8, to a client or to a log."""
    json.dumps(read_json(json.dumps(body).encode()), ensure_ascii=False).encode()
