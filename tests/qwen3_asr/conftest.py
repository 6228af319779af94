"""One random network per layout and one real-size tokenizer, made once per run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harken.qwen3_asr.model import Qwen3ASR
from harken.qwen3_asr.tokenizer import TextTokenizer, load_tokenizer
from tests.qwen3_asr import reference


@pytest.fixture(scope="session")
def theirs() -> Any:
    """Transformers' network with random weights."""
    return reference.random_model(reference.TINY)


@pytest.fixture(scope="session")
def hf_folder(theirs: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a checkpoint in the `-hf` layout."""
    return reference.write_hf(tmp_path_factory.mktemp("hf"), theirs)


@pytest.fixture(scope="session")
def original_folder(hf_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in the original layout."""
    return reference.write_original(tmp_path_factory.mktemp("original"), hf_folder)


@pytest.fixture(scope="session")
def ours(hf_folder: Path) -> Qwen3ASR:
    """Our network with the same weights."""
    return Qwen3ASR.load(hf_folder)


@pytest.fixture(scope="session")
def qwen_parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the real vocabulary as the original repositories have it: vocab.json and merges.txt."""
    folder = tmp_path_factory.mktemp("parts")
    vocabulary, merges = reference.qwen_vocabulary()
    reference.write_tokenizer(folder, vocabulary, merges, reference.qwen_added_tokens(), as_parts=True)
    return folder


@pytest.fixture(scope="session")
def qwen_tokenizer(qwen_parts: Path) -> TextTokenizer:
    """Our tokenizer with the real vocabulary."""
    return load_tokenizer(qwen_parts)


@pytest.fixture(scope="session")
def qwen_reference(qwen_parts: Path) -> Any:
    """Transformers' tokenizer of the same files as `qwen_tokenizer`."""
    return reference.reference_tokenizer(qwen_parts)
