"""What the engine sees: load a folder, prompt, prefill, decode, parse."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from harken.errors import CheckpointError, ConfigError
from harken.languages import NAMES
from harken.qwen3_asr.model import Qwen3ASR
from harken.types import Options
from tests.qwen3_asr import reference


def test_both_layouts_write_the_same_answer(hf_folder: Path, original_folder: Path) -> None:
    """From samples to ids, with each layout's own tokenizer files."""
    answers = []
    for folder in (hf_folder, original_folder):
        model = Qwen3ASR.load(folder)
        prompt = model.prompt(reference.wave(2.0), Options(language="English", context="names"))
        cache = model.open_cache(slots=1, max_tokens=prompt.length + 5)
        answer = list(model.prefill(cache, [prompt], [0]).tokens)
        for step in range(5):
            answer += model.decode(cache, [0], answer[-1:], [prompt.length + step]).tokens
        answers.append((prompt.token_ids.tolist(), answer, model.detokenize(answer)))
    assert answers[0] == answers[1]


def test_a_prompt_says_its_length(ours: Qwen3ASR) -> None:
    """One placeholder per audio token, and every token counted."""
    prompt = ours.prompt(reference.wave(20.0), Options())
    assert prompt.length == len(prompt.token_ids)
    assert (prompt.token_ids == ours.network.config.audio_token).sum() == 260
    assert prompt.clip.frames == 2000


def test_prompts_are_the_same_from_many_threads(ours: Qwen3ASR) -> None:
    """Preparing is pure, so it may run beside the thread that owns the model."""
    clips = [reference.wave(1.0, seed) for seed in range(8)]
    alone = [ours.prompt(clip, Options(context="x")) for clip in clips]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda clip: ours.prompt(clip, Options(context="x")), clips))
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.clip.samples, other.clip.samples)
        assert torch.equal(one.token_ids, other.token_ids)


def test_an_empty_segment_gets_an_answer(ours: Qwen3ASR) -> None:
    """No samples are half a second of silence."""
    prompt = ours.prompt(reference.wave(0.0), Options())
    cache = ours.open_cache(slots=1, max_tokens=prompt.length)
    assert len(ours.prefill(cache, [prompt], [0]).tokens) == 1


def test_nothing_keeps_gradients(ours: Qwen3ASR) -> None:
    """The cache of a running server must not grow a graph."""
    prompt = ours.prompt(reference.wave(0.5), Options())
    cache = ours.open_cache(slots=1, max_tokens=prompt.length + 1)
    ours.decode(cache, [0], ours.prefill(cache, [prompt], [0]).tokens, [prompt.length])
    assert not cache.keys.requires_grad


def test_info_has_the_published_values_where_the_folder_says_nothing(ours: Qwen3ASR, hf_folder: Path) -> None:
    """Thirty seconds and thirty languages."""
    assert ours.name == ours.info.name == hf_folder.name
    assert (ours.info.max_segment_s, ours.info.languages) == (30.0, NAMES)
    assert ours.canary is None


def test_info_says_what_the_card_and_the_configuration_say(original_folder: Path, tmp_path: Path) -> None:
    """The configuration names the languages; a card beside it has the last word."""
    assert Qwen3ASR.load(original_folder).info.languages == ("Chinese", "English")
    folder = shutil.copytree(original_folder, tmp_path / "carded")
    card = {"name": "mine", "revision": "r1", "max_segment_s": 9.5, "languages": ["Thai"]}
    (folder / "harken.json").write_text(json.dumps(card))
    info = Qwen3ASR.load(folder).info
    assert (info.name, info.revision, info.max_segment_s, info.languages) == ("mine", "r1", 9.5, ("Thai",))


def test_stop_ids_come_from_the_template_and_the_generation_file(original_folder: Path, tmp_path: Path) -> None:
    """The ends of a turn and of a text always stop; a checkpoint may add more."""
    assert Qwen3ASR.load(original_folder).stop_ids == {257, 259}
    folder = shutil.copytree(original_folder, tmp_path / "more")
    for eos, expected in (([257, 264], {257, 259, 264}), (263, {257, 259, 263}), (None, {257, 259})):
        (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": eos}))
        assert Qwen3ASR.load(folder).stop_ids == expected
    (folder / "generation_config.json").write_text('{"eos_token_id": "stop"}')
    with pytest.raises(CheckpointError, match="eos_token_id"):
        Qwen3ASR.load(folder)


def test_a_tokenizer_of_another_model_is_refused(hf_folder: Path, tmp_path: Path) -> None:
    """Its placeholder has another id, or it has more tokens than the table has rows."""
    folder = shutil.copytree(hf_folder, tmp_path / "other")
    vocabulary = {character: index for index, character in enumerate(reference.byte_characters().values())}
    tokens = list(enumerate(reference.CHAT_TOKENS))
    (folder / "tokenizer.json").unlink()
    for start, named in ((300, "262 in config.json"), (257, "embedding table")):
        added = [(start + index, content, True) for index, content in tokens] + [(400, "<x>", True)]
        reference.write_tokenizer(folder, vocabulary, [], added, as_parts=True)
        with pytest.raises(CheckpointError, match=named):
            Qwen3ASR.load(folder)


@pytest.mark.parametrize(
    ("device", "dtype"), [("tpu9", "auto"), ("cpu", "int8"), ("cpu", "half"), ("nonsense:x", "auto")]
)
def test_an_unknown_device_or_type_is_a_configuration_error(hf_folder: Path, device: str, dtype: str) -> None:
    """The message names it."""
    with pytest.raises(ConfigError, match=device if dtype == "auto" else dtype):
        Qwen3ASR.load(hf_folder, device=device, dtype=dtype)


def test_a_device_that_is_not_there_is_a_configuration_error(hf_folder: Path) -> None:
    """Said before anything is read."""
    absent = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(ConfigError, match=f"{absent}.* CUDA devices"):
        Qwen3ASR.load(hf_folder, device=absent)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("preprocessor_config.json", {"feature_size": 80}),
        ("preprocessor_config.json", {"sampling_rate": 8000, "feature_size": 128}),
        ("processor_config.json", {"feature_extractor": {"n_fft": 400, "hop_length": 200}}),
    ],
)
def test_features_that_we_do_not_compute_are_refused(
    hf_folder: Path, tmp_path: Path, name: str, content: dict[str, object]
) -> None:
    """A checkpoint that was trained on other features would hear noise."""
    folder = shutil.copytree(hf_folder, tmp_path / "other")
    (folder / name).write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=name):
        Qwen3ASR.load(folder)


def test_automatic_types_follow_the_device(ours: Qwen3ASR) -> None:
    """float32 on the CPU."""
    assert ours.network.dtype == torch.float32
