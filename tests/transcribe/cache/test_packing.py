"""Transcripts as bytes."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.testing import segment
from harken.transcribe.cache.packing import _check, pack, unpack
from harken.types import Finish, Options, TokenLogprob, Transcript, Word

KEY, OTHER = b"k" * 32, b"o" * 32
SEGMENT = segment(1.0)
PLAIN = Transcript(text="Grüße, 世界 \U0001f600", language="German", audio_s=1.0, tokens=5, instance="asr-1")
ALL = Options(wants_words=True, wants_logprobs=True)

numbers = st.floats(allow_nan=False, allow_infinity=False)
words = st.builds(Word, text=st.text(), start_s=numbers, end_s=numbers)
tokens = st.builds(
    TokenLogprob, token=st.text(), logprob=numbers, bytes=st.lists(st.integers(0, 255), max_size=4).map(tuple)
)
transcripts = st.builds(
    Transcript,
    text=st.text(),
    language=st.text(),
    audio_s=st.just(1.0),
    tokens=st.integers(0, 10_000),
    instance=st.text(),
    words=st.lists(words, max_size=3).map(tuple),
    logprobs=st.lists(tokens, max_size=3).map(tuple),
    avg_logprob=st.none() | numbers,
    no_speech_prob=st.none() | numbers,
)


@given(transcripts)
def test_what_was_packed_comes_out_equal(transcript: Transcript) -> None:
    """Rule 6: a text does not depend on the cache, and neither does any number beside it."""
    value = pack(KEY, transcript)
    assert value is not None
    assert unpack(KEY, value, SEGMENT, ALL) == transcript


def test_a_number_that_is_none_is_not_packed() -> None:
    """What cannot be written exactly is not kept."""
    assert pack(KEY, dataclasses.replace(PLAIN, avg_logprob=float("nan"))) is None
    assert pack(KEY, dataclasses.replace(PLAIN, text="\ud800")) is None


def test_any_flipped_byte_or_cut_is_noticed() -> None:
    """A poisoned value is a miss."""
    value = pack(KEY, PLAIN)
    assert value is not None
    for at in range(len(value)):
        flipped = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
        assert unpack(KEY, flipped, SEGMENT, Options()) is None
        assert unpack(KEY, value[:at], SEGMENT, Options()) is None


def test_a_value_under_another_name_is_noticed() -> None:
    """Somebody copied it there; it answers another question."""
    value = pack(KEY, PLAIN)
    assert value is not None
    assert unpack(OTHER, value, SEGMENT, Options()) is None


@pytest.mark.parametrize(
    "body",
    [
        "null",
        "{}",
        "[]",
        "[" * 100_000,
        '["a","b",1.0,1,"stop","i",null,null,null]',
        '[1,"b",1.0,1,"stop","i",null,null,null,null]',
        '["a","b",true,1,"stop","i",null,null,null,null]',
        '["a","b",1.0,1.5,"stop","i",null,null,null,null]',
        '["a","b",1.0,1,"other","i",null,null,null,null]',
        '["a","b",1.0,1,"loop","i",null,null,null,null]',
        '["a","b",2.0,1,"stop","i",null,null,null,null]',
        '["a","b",1.0,1,"stop","i",[["a",0]],null,null,null]',
        '["a","b",1.0,1,"stop","i",null,[["a",0,[256]]],null,null]',
        '["a","b",1.0,1,"stop","i",[],null,null,null]',
    ],
)
def test_a_right_checksum_over_wrong_words_is_noticed(body: str) -> None:
    """Even whoever can write the checksum gets nothing but a transcript of this length and kind past it."""
    raw = body.encode()
    assert unpack(KEY, _check(KEY, raw) + raw, SEGMENT, Options()) is None
    right = json.dumps(["a", "b", 1.0, 1, "stop", "i", None, None, None, None]).encode()
    assert unpack(KEY, _check(KEY, right) + right, SEGMENT, Options()) is not None


def test_an_answer_without_the_words_that_are_wanted_is_none() -> None:
    """And neither is one that did not come to its end."""
    value = pack(KEY, PLAIN)
    assert value is not None
    assert unpack(KEY, value, SEGMENT, Options(wants_words=True)) is None
    assert unpack(KEY, value, SEGMENT, Options(wants_logprobs=True)) is None
    cut = pack(KEY, dataclasses.replace(PLAIN, finish=Finish.LENGTH))
    assert cut is not None
    assert unpack(KEY, cut, SEGMENT, Options()) is None
