"""`ForcedAligner` against transformers, and the rules that only ours has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from harken.errors import CheckpointError, UndecodableAudio
from harken.qwen3_asr.aligner import Aligned, AlignPrompt, ForcedAligner
from harken.qwen3_asr.model import Qwen3ASR
from tests.qwen3_asr import aligner_reference, aligner_table, reference

FEW_S = (0.3, 7.99, 9.5)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> aligner_table.Pair:
    """A tiny random aligner of theirs and ours."""
    return aligner_table.random_pair("tiny", aligner_reference.TINY, tmp_path_factory.mktemp("aligner"))


@pytest.fixture(scope="module")
def ours(pair: aligner_table.Pair) -> ForcedAligner:
    """Ours."""
    return pair.ours


def _prompt(aligner: ForcedAligner, seconds: float, text: str, language: str = "") -> AlignPrompt:
    prompt = aligner.prompt(reference.wave(seconds), text, language)
    assert prompt is not None
    return prompt


def _aligned(aligner: ForcedAligner, seconds: float, text: str, language: str = "") -> Aligned:
    (aligned,) = aligner.align([_prompt(aligner, seconds, text, language)])
    return aligned


def test_times_are_those_of_transformers(pair: aligner_table.Pair) -> None:
    """Scores, classes and repaired times, alone and in one batch with others; more lengths are in the slow tests."""
    rows = aligner_table.table(pair, FEW_S)
    assert [row for row in rows if not row.is_equal] == []
    assert sum(row.words for row in rows) > 40


@pytest.mark.slow
@pytest.mark.parametrize("is_original", [False, True])
def test_times_are_those_of_transformers_with_the_published_heads(tmp_path: Path, is_original: bool) -> None:
    """From a third of a second to half a minute, 5,000 classes, both layouts of weights."""
    pair = aligner_table.random_pair("heads", aligner_reference.PROPORTIONED, tmp_path, is_original=is_original)
    assert [row for row in aligner_table.table(pair) if not row.is_equal] == []


@pytest.mark.slow
def test_the_shipped_aligner_is_read_as_transformers_reads_it() -> None:
    """Prompts and words of its own processor, too."""
    rows = aligner_table.table(aligner_table.folder_pair(aligner_table.SHIPPED))
    assert [row for row in rows if not row.is_equal] == []


def test_both_layouts_give_the_same_times(ours: ForcedAligner, pair: aligner_table.Pair, tmp_path: Path) -> None:
    """Nothing further on knows that there are two."""
    hf = aligner_reference.write_hf(tmp_path / "hf", pair.theirs)
    original = ForcedAligner.load(aligner_reference.write_original(tmp_path / "original", hf))
    text = "one two three it's 7"
    assert _aligned(original, 3.0, text).times_ms == _aligned(ours, 3.0, text).times_ms
    assert original.network.aligner_config.classes == ours.network.aligner_config.classes


def test_a_recogniser_is_no_aligner_and_an_aligner_no_recogniser(
    hf_folder: Path, original_folder: Path, pair: aligner_table.Pair, tmp_path: Path
) -> None:
    """In both layouts; the message says which is which and where each belongs."""
    hf = aligner_reference.write_hf(tmp_path / "hf", pair.theirs)
    original = aligner_reference.write_original(tmp_path / "original", hf)
    for folder in (hf, original):
        with pytest.raises(CheckpointError, match=r"is a forced aligner.*--aligner"):
            Qwen3ASR.load(folder)
    for folder in (hf_folder, original_folder):
        with pytest.raises(CheckpointError, match=r"is a speech recogniser.*--model"):
            ForcedAligner.load(folder)


def test_what_it_says_about_itself_has_defaults_of_the_published_one(ours: ForcedAligner) -> None:
    """Eleven languages; as long as its classes reach, at most three minutes."""
    assert len(ours.info.languages) == 11
    assert ours.max_segment_s == 400 * 0.08
    assert ours.info.revision


def test_a_card_must_not_promise_more_than_the_classes_reach(tmp_path: Path, pair: aligner_table.Pair) -> None:
    """Later words would all be put at the last class."""
    folder = aligner_reference.write_hf(tmp_path, pair.theirs)
    (folder / "harken.json").write_text('{"name": "mine", "max_segment_s": 33, "languages": ["English"]}')
    with pytest.raises(CheckpointError, match="33"):
        ForcedAligner.load(folder)


def test_a_tokenizer_with_another_timestamp_is_refused(tmp_path: Path, pair: aligner_table.Pair) -> None:
    """It would time nothing, without any error."""
    folder = aligner_reference.write_hf(tmp_path, pair.theirs)
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace('"timestamp_token_id": 264', '"timestamp_token_id": 263'))
    with pytest.raises(CheckpointError, match="<timestamp> is 264"):
        ForcedAligner.load(folder)


@pytest.mark.parametrize("text", ["", " ", "...", "😀 !?", "<|>"])
def test_a_text_without_words_has_no_prompt(ours: ForcedAligner, text: str) -> None:
    """There is nothing to time."""
    assert ours.prompt(reference.wave(1.0), text) is None


@pytest.mark.parametrize("text", ["12 345 6", "a" * 300, "Ünïcödé naïve", "<timestamp> <|audio_pad|>", "one 😀 two"])
def test_words_of_all_kinds_get_times(ours: ForcedAligner, text: str) -> None:
    """Figures, long words, foreign letters; and the spelling of a control token is a word, not a token."""
    words = _aligned(ours, 2.0, text).words
    assert words
    assert all(0 <= word.start_s < word.end_s <= 2.0 for word in words)


def test_hundreds_of_words_in_a_short_clip_still_have_an_order(ours: ForcedAligner) -> None:
    """More than anybody can say: equal shares of the segment."""
    words = _aligned(ours, 0.5, "so " * 300).words
    flat = [time for word in words for time in (word.start_s, word.end_s)]
    assert len(words) == 300
    assert flat == sorted(flat)
    assert flat[-1] <= 0.5


def test_a_text_longer_than_the_network_has_positions_has_no_prompt(ours: ForcedAligner) -> None:
    """2,048 positions here; nothing is computed that was never trained."""
    assert ours.prompt(reference.wave(1.0), "a " * 700) is None


def test_korean_words_span_their_pieces(ours: ForcedAligner) -> None:
    """From the start of the first piece to the end of the last."""
    aligned = _aligned(ours, 4.0, "안녕하세요 저는", "Korean")
    assert [word.text for word in aligned.words] == ["안녕하세요", "저는"]
    assert len(aligned.times_ms) == 2 * 3
    assert _prompt(ours, 4.0, "안녕하세요 저는", "Korean").edges == (0, 3, 4, 5)


def test_samples_that_are_no_numbers_are_refused(ours: ForcedAligner) -> None:
    """Before anything is computed."""
    with pytest.raises(UndecodableAudio):
        ours.prompt(np.full(8000, np.nan, dtype=np.float32), "one")


def test_agreement_is_the_share_of_times_that_can_be_true(ours: ForcedAligner) -> None:
    """Random weights name times anywhere within 32 s; in a clip of one second hardly any can be true."""
    assert _aligned(ours, 1.0, "one two three it's 7 twenty thought").agreement < 0.5


def test_half_of_the_precision_is_enough_to_load_and_run(pair: aligner_table.Pair, tmp_path: Path) -> None:
    """bfloat16, as the published weights are; nothing on the way is left in another type."""
    folder = aligner_reference.write_hf(tmp_path, pair.theirs)
    half = ForcedAligner.load(folder, dtype="bfloat16")
    assert half.network.dtype == torch.bfloat16
    assert len(_aligned(half, 2.0, "one two").words) == 2
