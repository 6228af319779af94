"""The seams between segments."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.transcribe.result import PlacedTranscript
from harken.transcribe.stitch import join_logprobs, join_texts, languages_in_order, main_language, place
from harken.types import SAMPLE_RATE, Finish, Segment, TokenLogprob, Transcript


def piece(text: str, language: str = "English", start_s: float = 0.0, end_s: float = 1.0) -> PlacedTranscript:
    """A placed transcript with the usual rest."""
    return PlacedTranscript(text=text, language=language if text else "", start_s=start_s, end_s=end_s)


SEAMS = [
    ("one two", "English", "three", "English", "one two three"),
    ("Hello.", "English", "How are you?", "English", "Hello. How are you?"),
    ("你好", "Chinese", "世界", "Chinese", "你好世界"),
    ("你好。", "Chinese", "世界。", "Chinese", "你好。世界。"),
    ("佢哋", "Cantonese", "喺邊", "Cantonese", "佢哋喺邊"),
    ("こんにちは", "Japanese", "カタカナ", "Japanese", "こんにちはカタカナ"),
    ("ｶﾀｶﾅ", "Japanese", "ひらがな", "Japanese", "ｶﾀｶﾅひらがな"),
    ("สวัสดี", "Thai", "ครับ", "Thai", "สวัสดีครับ"),
    ("안녕하세요", "Korean", "반갑습니다", "Korean", "안녕하세요 반갑습니다"),
    ("नमस्ते", "Hindi", "दुनिया", "Hindi", "नमस्ते दुनिया"),
    ("مرحبا", "Arabic", "بالعالم", "Arabic", "مرحبا بالعالم"),
    ("我用 iPhone", "Chinese", "很好", "Chinese", "我用 iPhone很好"),
    ("我用 iPhone", "Chinese", "app", "Chinese", "我用 iPhone app"),
    ("一二", "Chinese", "34", "Chinese", "一二34"),
    ("12", "Chinese", "34", "Chinese", "12 34"),
    ("Hello.", "English", "你好", "Chinese", "Hello. 你好"),
    ("你好", "Chinese", "Hello", "English", "你好 Hello"),
    ("你好。", "Chinese", "Hello", "English", "你好。Hello"),
    ("안녕", "Korean", "日本", "Japanese", "안녕 日本"),
    ("well", "English", ", yes", "English", "well, yes"),
    ("he said (", "English", "quietly", "English", "he said (quietly"),
    ("𠮷", "Japanese", "野家", "Japanese", "𠮷野家"),
]


@pytest.mark.parametrize(("left", "first", "right", "second", "whole"), SEAMS, ids=[row[-1] for row in SEAMS])
def test_the_characters_at_the_seam_decide(left: str, first: str, right: str, second: str, whole: str) -> None:
    """No space in Chinese, Japanese, Thai; one in spaced scripts; where the two meet, the languages decide."""
    assert join_texts([piece(left, first), piece(right, second)]) == whole


@pytest.mark.parametrize(("left", "first", "right", "second", "whole"), SEAMS, ids=[row[-1] for row in SEAMS])
def test_the_joined_tokens_spell_the_joined_text(left: str, first: str, right: str, second: str, whole: str) -> None:
    """The space of a seam is in the token behind it, also where a model wrote one at its beginning or heard nothing."""

    def told(text: str, language: str) -> PlacedTranscript:
        spelled = f" {text}".encode()
        token = TokenLogprob(token=f" {text}", logprob=-0.5, bytes=tuple(spelled))
        return dataclasses.replace(piece(text, language), logprobs=(token,) if text else ())

    tokens = join_logprobs([told("", ""), told(left, first), told("", ""), told(right, second)])
    assert tokens is not None
    assert "".join(one.token for one in tokens) == whole
    assert bytes(byte for one in tokens for byte in one.bytes).decode() == whole
    assert join_logprobs([piece(left, first)]) is None


def test_silent_pieces_leave_no_trace() -> None:
    """A piece without text adds neither a space nor a language."""
    pieces = [piece(""), piece("one"), piece(""), piece("two"), piece("")]
    assert join_texts(pieces) == "one two"
    assert languages_in_order(pieces) == ("English",)
    assert join_texts([]) == ""
    assert main_language([piece("")]) == ""


@given(st.lists(st.text(alphabet="ab你好。. ", max_size=5)))
def test_stitching_adds_nothing_but_spaces(texts: list[str]) -> None:
    """No word is lost, doubled or moved."""
    whole = join_texts([piece(text.strip()) for text in texts])
    assert whole.replace(" ", "") == "".join(texts).replace(" ", "")
    assert "  " not in whole or any("  " in text for text in texts)


def test_offsets_are_the_segments_own() -> None:
    """A transcript sits where its segment was cut, to the sample; its text loses white space at the edges."""
    segment = Segment(samples=np.zeros(8_000, np.float32), request_id="r", index=3, start=5 * SAMPLE_RATE + 1)
    transcript = Transcript(text=" hi ", language="English", audio_s=0.5, finish=Finish.LENGTH, instance="asr-2")
    assert place(segment, transcript) == PlacedTranscript(
        text="hi",
        language="English",
        start_s=(5 * SAMPLE_RATE + 1) / SAMPLE_RATE,
        end_s=(5 * SAMPLE_RATE + 8_001) / SAMPLE_RATE,
        instance="asr-2",
        finish=Finish.LENGTH,
    )


def test_a_language_that_goes_on_is_named_once() -> None:
    """Only changes are listed; coming back is a change."""
    pieces = [piece("a"), piece("b"), piece("你", "Chinese"), piece("c")]
    assert languages_in_order(pieces) == ("English", "Chinese", "English")


def test_the_main_language_fills_most_seconds() -> None:
    """Not the first one, not the one with most pieces; the earlier of two equals."""
    pieces = [piece("a"), piece("b"), piece("你好", "Chinese", 2.0, 9.0)]
    assert main_language(pieces) == "Chinese"
    assert main_language([piece("a"), piece("你", "Chinese")]) == "English"
