"""What a safetensors file says of itself, and files that are none."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pytest

from harken.engine.resolve import resolve_model
from harken.errors import CheckpointError
from harken.qwen3_asr.header import read_header, read_headers

FILE = "model.safetensors"


def test_a_whole_file_is_told_from_one_that_was_cut_off(tmp_path: Path) -> None:
    """By a single byte."""
    whole = resolve_model("digits") / FILE
    header = read_header(whole)
    assert (header.file_bytes, header.dtypes) == (whole.stat().st_size, frozenset({"BF16"}))
    assert header.tensor_bytes == 2 * header.parameters
    short = tmp_path / FILE
    short.write_bytes(whole.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="is cut off: it has"):
        read_header(short)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1234567",
        struct.pack("<Q", 0),
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 20) + b"{}",
        struct.pack("<Q", 4) + b"nope",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 9) + b'{"a": {}}',
        struct.pack("<Q", 8) + b'{"a": 1}',
        b"version https://git-lfs.github.com/spec/v1\n",
    ],
)
def test_what_is_no_safetensors_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever it is; a pointer of git-lfs is the likeliest."""
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(CheckpointError, match="is no safetensors file"):
        read_header(tmp_path / FILE)


def test_all_files_of_an_index_are_read(tmp_path: Path) -> None:
    """Each once; a missing one is named; a name cannot lead out of the folder."""
    for name in ("a.safetensors", "b.safetensors"):
        shutil.copy(resolve_model("digits") / FILE, tmp_path / name)
    index = {"weight_map": {"x": "a.safetensors", "y": "b.safetensors", "z": "a.safetensors"}}
    assert len(read_headers(tmp_path, json.loads(json.dumps(index)))) == 2
    assert len(read_headers(resolve_model("digits"))) == 1
    with pytest.raises(CheckpointError, match=r"c\.safetensors cannot be read"):
        read_headers(tmp_path, {"weight_map": {"x": "../../c.safetensors"}})
