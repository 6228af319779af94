"""Rules of training.vocabulary."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.vocabulary import (
    CHINESE_DIGITS,
    ENGLISH_DIGITS,
    added_tokens,
    load_vocabulary,
    spell,
    unspell,
    write_tokenizer,
)

_REAL_FIRST_ADDED = 151643


@pytest.mark.parametrize("language", ["English", "Chinese"])
def test_a_digit_is_one_token(language: str) -> None:
    """First or not, every digit costs one step of decoding."""
    digits = (*range(10), *reversed(range(10)))
    assert len(load_vocabulary().encode(spell(digits, language))) == 20


def test_the_header_is_three_tokens() -> None:
    """`language`, the name, `<asr_text>`: as the published models write it."""
    vocabulary = load_vocabulary()
    for name in ("English", "Chinese", "None"):
        assert len(vocabulary.header(name)) == 3


def test_an_empty_prompt_has_the_fifteen_fixed_tokens_of_the_template() -> None:
    """Nine before the audio, six after it."""
    vocabulary = load_vocabulary()
    prompt = vocabulary.prompt(4)
    assert len(prompt) == 15 + 4
    assert prompt[9:13] == [vocabulary.audio_pad] * 4


@pytest.mark.parametrize(
    ("name", "real_id"),
    [("<|im_end|>", 151645), ("<|audio_start|>", 151669), ("<|audio_pad|>", 151676), ("<asr_text>", 151704)],
)
def test_added_tokens_stand_in_the_published_order(name: str, real_id: int) -> None:
    """The distance from the first added token is that of the published vocabulary."""
    assert added_tokens().index(name) == real_id - _REAL_FIRST_ADDED


def test_any_text_survives_encoding() -> None:
    """The system turn may hold anything."""
    vocabulary = load_vocabulary()
    text = "Zürich 7 o'clock,\n電話 😀 <not a token>"
    assert vocabulary.tokenizer.decode(vocabulary.encode(text), skip_special_tokens=False) == text


@pytest.mark.parametrize("language", ["English", "Chinese"])
def test_unspelling_undoes_spelling(language: str) -> None:
    """Digits → text → digits."""
    assert unspell(spell((3, 1, 4, 0, 9), language)) == (3, 1, 4, 0, 9)
    assert unspell("") == ()


def test_a_word_that_is_no_digit_counts_as_an_error() -> None:
    """It must not vanish from the error rate."""
    assert unspell("three pies") == (3, -1)
    assert unspell("三，四")[1] == -1


def test_the_written_tokenizer_encodes_the_same(tmp_path: Path) -> None:
    """What is shipped is what was trained with."""
    from tokenizers import Tokenizer

    write_tokenizer(tmp_path)
    read = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    text = f"language English<asr_text>{' '.join(ENGLISH_DIGITS)}{''.join(CHINESE_DIGITS)}<|im_end|>"
    assert read.encode(text).ids == load_vocabulary().encode(text)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert config["audio_token"] == "<|audio_pad|>"
