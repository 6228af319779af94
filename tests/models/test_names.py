"""Which names become paths."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.errors import ConfigError
from harken.models.names import Spec, folder_of, is_commit, is_safe, is_wanted, name_of, parse_spec, wanted_spec

BAD_NAMES = [
    "",
    "/",
    "a/b/c",
    "../a",
    "a/..",
    "a--b",
    ".a",
    "a b",
    "a/",
    "/etc/passwd",
    "a\n",
    "ä",
    "-a",
    "a@",
    "a@../b",
]


@pytest.mark.parametrize("text", ["Qwen/Qwen3-ASR-1.7B", "digits", "a_b/c.d-e"])
def test_a_models_name_is_read_with_and_without_a_revision(text: str) -> None:
    """Branches may have slashes."""
    assert parse_spec(text) == Spec(name=text)
    assert parse_spec(f"{text}@refs/pr/1") == Spec(name=text, revision="refs/pr/1")
    assert str(wanted_spec(f"{text}@v1.0")) == f"{text}@v1.0"


@pytest.mark.parametrize("text", BAD_NAMES)
def test_what_cannot_be_a_name_is_refused(text: str) -> None:
    """With an example of one that can."""
    assert parse_spec(text) is None
    with pytest.raises(ConfigError, match="Qwen"):
        wanted_spec(text)


@given(st.text(max_size=40))
def test_no_text_leads_out_of_the_folder(text: str) -> None:
    """As a model, as a file, as a folder's name."""
    spec = parse_spec(text)
    if spec is not None:
        assert name_of(folder_of(spec.name)) == spec.name
        assert "/" not in folder_of(spec.name)
    if is_safe(text):
        path = PurePosixPath(text)
        assert not path.is_absolute() and ".." not in path.parts and path.as_posix() == text


@pytest.mark.parametrize(
    "file", ["config.json", "model-00001-of-00002.safetensors", "sub/x.txt", "a.jinja", "canary.flac"]
)
def test_what_an_instance_loads_is_wanted(file: str) -> None:
    """And safe."""
    assert is_wanted(file) and is_safe(file)


@pytest.mark.parametrize(
    "file",
    [
        "pytorch_model.bin",
        "model.pt",
        "x.pkl",
        "run.py",
        "README.md",
        ".hidden.json",
        "harken-manifest.json",
        "x.JSON",
        "other.flac",
    ],
)
def test_nothing_else_is_wanted(file: str) -> None:
    """Above all nothing that is executed when it is loaded, and no other manifest."""
    assert not is_wanted(file)


@pytest.mark.parametrize(
    "file",
    [
        "../x.json",
        "/x.json",
        "a/../x.json",
        "a//x.json",
        "a/./x.json",
        "C:x.json",
        "a\\x.json",
        "x.json\n",
        "a/b/c/d/e.json",
        "x" * 300,
    ],
)
def test_names_that_lead_elsewhere_are_not_safe(file: str) -> None:
    """On any system."""
    assert not is_safe(file)


def test_a_commit_is_hexadecimal_and_whole() -> None:
    """SHA-1 or SHA-256."""
    assert is_commit("0a" * 20) and is_commit("0a" * 32)
    assert not any(is_commit(text) for text in ("0A" * 20, "0a" * 19, "main", "", "0a" * 20 + "\n"))


def test_foreign_folders_are_no_models() -> None:
    """Only what `folder_of` makes."""
    assert [name_of(text) for text in ("datasets--a--b", "models--", "models--a--b--c", "models--..", "x")] == [
        None
    ] * 5
