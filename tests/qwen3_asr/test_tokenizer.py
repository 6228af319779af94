"""Ids are those of transformers' Qwen2 tokenizer, from either set of files; control tokens never come out of text."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harken.errors import CheckpointError
from harken.qwen3_asr.tokenizer import TextTokenizer, load_tokenizer
from tests.qwen3_asr import reference

NASTY = (
    "",
    " ",
    "\n",
    "\r\n\r\n",
    "a  b\t\tc \n d",
    "trailing space ",
    "   leading",
    "I'll don't WE'RE it's 'S 'll've",
    "0123456789 3.14 1,000,000 二〇二六年11月22日",
    "三一四一五九二六，你好！「世界」",
    "粵語 廣東話 嘅 咗 哋 ㄅㄆㄇ ｆｕｌｌｗｉｄｔｈ",
    "日本語のカタカナとひらがな、ｶﾀｶﾅ",
    "한국어 조합 각",
    "👍🏽 👩‍👩‍👧‍👦 🇨🇳 e\u0301 ﬁ ﷺ",
    "العربية فارسی हिन्दी ไทย Ελληνικά кириллица",
    "\u00a0\u2003\u200b\ufeff\x00\x7f",
    "K Å Ω",
    "language English",
    "system\nqwen, Harken, RTFx",
    "x" * 300 + "!" * 50 + "\n" * 20,
    "http://example.com/a?b=c&d=%20#e",
    "\U0001f600" * 9 + "\u4e2d" * 9,
)


@pytest.mark.slow
@pytest.mark.parametrize("text", NASTY)
def test_ids_equal_transformers_with_the_real_vocabulary(
    text: str, qwen_tokenizer: TextTokenizer, qwen_reference: Any
) -> None:
    """Contractions, digits, scripts, spaces, emoji, characters that NFC changes."""
    ids = qwen_tokenizer.encode(text)
    assert ids == qwen_reference.encode(text)
    assert qwen_tokenizer.decode(ids) == qwen_reference.decode(ids)


@pytest.mark.slow
def test_ids_equal_transformers_on_random_text(qwen_tokenizer: TextTokenizer, qwen_reference: Any) -> None:
    """Seeded mixtures of the characters that the rules are about."""
    draw = random.Random(11)
    alphabet = "ab'sStTlLdD0 9\n\r\t.,!-_<|>é中文한ไ🙂 　e\u0301"
    for _ in range(300):
        text = "".join(draw.choice(alphabet) for _ in range(draw.randrange(40)))
        assert qwen_tokenizer.encode(text) == qwen_reference.encode(text)


@pytest.mark.slow
def test_both_sets_of_files_give_the_same_ids(
    qwen_parts: Path, qwen_tokenizer: TextTokenizer, qwen_reference: Any, tmp_path: Path
) -> None:
    """tokenizer.json as transformers writes it, and the parts it was made of."""
    qwen_reference.save_pretrained(tmp_path)
    (tmp_path / "vocab.json").unlink(missing_ok=True)
    joined = load_tokenizer(tmp_path)
    assert (tmp_path / "tokenizer.json").is_file()
    assert not (qwen_parts / "tokenizer.json").exists()
    assert joined.added == qwen_tokenizer.added
    assert joined.size == qwen_tokenizer.size == 151706
    for text in NASTY:
        assert joined.encode(text) == qwen_tokenizer.encode(text)
    for content in joined.added:
        assert joined.id_of(content) == qwen_tokenizer.id_of(content)


@pytest.mark.slow
def test_the_real_vocabulary_has_the_published_ids(qwen_tokenizer: TextTokenizer) -> None:
    """The ids of section 1.3 and of the prompt's words."""
    words = [qwen_tokenizer.encode(word) for word in ("system", "\n", "user", "assistant")]
    assert words == [[8948], [198], [872], [77091]]
    tokens = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|audio_start|>", "<|audio_pad|>", "<asr_text>")
    assert [qwen_tokenizer.id_of(token) for token in tokens] == [151643, 151644, 151645, 151669, 151676, 151704]


def small(folder: Path, *, as_parts: bool) -> TextTokenizer:
    """Load the small tokenizer of the test networks."""
    reference.write_small_tokenizer(folder, as_parts=as_parts)
    return load_tokenizer(folder)


@pytest.mark.parametrize("as_parts", [True, False])
@pytest.mark.parametrize("spelling", reference.CHAT_TOKENS)
def test_the_spelling_of_a_control_token_is_encoded_as_letters(tmp_path: Path, spelling: str, as_parts: bool) -> None:
    """Text never becomes control, though the tokenizer knows the token."""
    tokenizer = small(tmp_path, as_parts=as_parts)
    ids = tokenizer.encode(f"a{spelling}b {spelling}")
    assert tokenizer.id_of(spelling) >= 257
    assert max(ids) < 257
    assert tokenizer.decode(ids) == f"a{spelling}b {spelling}"


@pytest.mark.parametrize("as_parts", [True, False])
def test_decoding_hides_special_tokens_and_keeps_the_mark_of_the_text(tmp_path: Path, as_parts: bool) -> None:
    """The header's end stays visible to the parser; ends of turns vanish."""
    tokenizer = small(tmp_path, as_parts=as_parts)
    ids = [*tokenizer.encode("language English"), tokenizer.id_of("<asr_text>"), *tokenizer.encode("one 二")]
    ids += [tokenizer.id_of("<|im_end|>"), tokenizer.id_of("<|endoftext|>")]
    assert tokenizer.decode(ids) == "language English<asr_text>one 二"


def test_a_character_that_is_cut_off_shows_as_a_replacement(tmp_path: Path) -> None:
    """A reader of unfinished answers can tell that more is to come."""
    tokenizer = small(tmp_path, as_parts=True)
    ids = tokenizer.encode("好")
    assert len(ids) == 3
    assert tokenizer.decode(ids[:2]) == "\ufffd"
    assert tokenizer.decode(ids) == "好"


def test_a_special_mark_of_the_text_is_not_hidden(tmp_path: Path) -> None:
    """Where a checkpoint calls `<asr_text>` special, it still separates header from text."""
    reference.write_small_tokenizer(tmp_path, as_parts=True)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    for token in config["added_tokens_decoder"].values():
        token["special"] = True
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.decode([tokenizer.id_of("<asr_text>"), tokenizer.id_of("<|im_end|>")]) == "<asr_text>"


def test_ids_with_gaps_are_kept(tmp_path: Path) -> None:
    """An added token has the id that the checkpoint gives it, also where numbers are left out before it."""
    vocabulary = {character: index for index, character in enumerate(reference.byte_characters().values())}
    reference.write_tokenizer(tmp_path, vocabulary, [], [(300, "<|im_end|>", True), (280, "<x>", False)], as_parts=True)
    tokenizer = load_tokenizer(tmp_path)
    assert (tokenizer.id_of("<|im_end|>"), tokenizer.id_of("<x>"), tokenizer.size) == (300, 280, 301)


def test_an_unknown_token_is_named(tmp_path: Path) -> None:
    """A tokenizer of another family has no such token."""
    with pytest.raises(CheckpointError, match="<think>"):
        small(tmp_path, as_parts=True).id_of("<think>")


def _break_merges(folder: Path) -> None:
    (folder / "merges.txt").write_text("#version: 0.2\nt h e\n")


def _break_merge_parts(folder: Path) -> None:
    (folder / "merges.txt").write_text("#version: 0.2\nzz qq\n")


def _remove_merges(folder: Path) -> None:
    (folder / "merges.txt").unlink()


def _remove_vocabulary(folder: Path) -> None:
    (folder / "vocab.json").unlink()


def _remove_added(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text("{}")


def _empty_added(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text('{"added_tokens_decoder": {"257": {"special": true}}}')


def _break_json(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"model": 3}')


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (_break_merges, "t h e"),
        (_break_merge_parts, "tokenizer"),
        (_remove_merges, r"merges\.txt"),
        (_remove_vocabulary, r"vocab\.json"),
        (_remove_added, "added_tokens_decoder"),
        (_empty_added, "content"),
        (_break_json, "tokenizer"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, damage: Callable[[Path], None], named: str) -> None:
    """An incomplete tokenizer is an error at load, not odd text later."""
    reference.write_small_tokenizer(tmp_path, as_parts=True)
    damage(tmp_path)
    with pytest.raises(CheckpointError, match=named):
        load_tokenizer(tmp_path)


def test_an_id_that_contradicts_the_vocabulary_is_refused(tmp_path: Path) -> None:
    """tokenizer.json may not promise an id that the library would not give."""
    reference.write_small_tokenizer(tmp_path, as_parts=False)
    shutil.copy(tmp_path / "tokenizer.json", tmp_path / "kept.json")
    content = json.loads((tmp_path / "tokenizer.json").read_text())
    content["added_tokens"][3]["id"] = 999
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="999"):
        load_tokenizer(tmp_path)


@pytest.fixture(scope="module")
def bytes_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> TextTokenizer:
    """One whose tokens are single bytes."""
    return small(tmp_path_factory.mktemp("bytes"), as_parts=False)


@given(ids=st.lists(st.integers(0, 270), max_size=30))
@example(ids=[0xE4 - 33, 0xBD - 33, 257])
def test_the_bytes_of_an_answer_are_its_text(bytes_tokenizer: TextTokenizer, ids: list[int]) -> None:
    """For any ids, broken characters, control tokens and such as do not exist among them."""
    spelled = b"".join(map(bytes_tokenizer.bytes_of, ids))
    assert spelled.decode(errors="replace") == bytes_tokenizer.decode(ids)


@pytest.mark.slow
def test_the_real_vocabulary_spells_its_tokens(qwen_tokenizer: TextTokenizer) -> None:
    """Every id, one by one, and a text in many scripts."""
    text = "three 三一四 สวัสดี नमस्ते 안녕 — «é» \U0001f600\n\ttab"
    ids = qwen_tokenizer.encode(text)
    assert b"".join(map(qwen_tokenizer.bytes_of, ids)).decode() == text
    for token in range(0, qwen_tokenizer.size, 7):
        assert qwen_tokenizer.bytes_of(token).decode(errors="replace") == qwen_tokenizer.decode([token])
