"""A manifest is believed only when every part of it can be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harken.models.manifest import FileEntry, Manifest, content_revision, manifest_fields, parse_manifest, read_manifest

ENTRY = FileEntry(name="config.json", size=3, sha256="a" * 64)
MANIFEST = Manifest(
    name="some/model", revision="b" * 40, source="https://x", files=(ENTRY,), pulled_at="2026-01-01T00:00:00Z"
)


def test_a_manifest_survives_json() -> None:
    """With all of its fields."""
    assert read_manifest(json.dumps(manifest_fields(MANIFEST))) == MANIFEST
    assert MANIFEST.bytes == 3
    assert (MANIFEST.file("config.json"), MANIFEST.file("x")) == (ENTRY, None)


def changed(**more: Any) -> dict[str, Any]:
    """Its JSON with something else in it."""
    return {**manifest_fields(MANIFEST), **more}


def with_file(**more: Any) -> dict[str, Any]:
    """The same, in its file."""
    return changed(files=[{**manifest_fields(MANIFEST)["files"][0], **more}])


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        "text",
        {},
        changed(format=2),
        changed(name="../x"),
        changed(name="a@b"),
        changed(revision="main"),
        changed(files=[]),
        changed(files={}),
        changed(files=[1]),
        changed(source=3),
        changed(
            files=[{"name": "a.json", "size": 1, "sha256": "a" * 64}, {"name": "A.json", "size": 1, "sha256": "a" * 64}]
        ),
        with_file(name="../config.json"),
        with_file(name="x.bin"),
        with_file(name=None),
        with_file(size=-1),
        with_file(size=True),
        with_file(size="3"),
        with_file(size=2**60),
        with_file(sha256="a" * 63),
        with_file(sha256="A" * 64),
        with_file(checked="md5"),
    ],
)
def test_what_is_not_whole_is_no_manifest(raw: object) -> None:
    """None, whatever is wrong: names that lead elsewhere, twins, sizes and digests that are none."""
    assert parse_manifest(raw) is None


@given(st.binary(max_size=200) | st.just(b"[" * 100_000))
def test_no_bytes_raise(raw: bytes) -> None:
    """Whatever lies there in its place."""
    assert read_manifest(raw) is None


def test_the_same_files_have_the_same_id() -> None:
    """In any order; another name, size or digest is another."""
    first, second = ("a", 1, "x"), ("b", 2, "y")
    assert content_revision([first, second]) == content_revision([second, first])
    others = [("b", 3, "y"), ("b", 2, "z"), ("c", 2, "y"), ("b", None, "y")]
    assert len({content_revision([first, one]) for one in (second, *others)}) == 5
    assert len(content_revision([first])) == 40
