"""What a safetensors file says it holds, read without torch: names, types, shapes, and where the file must end.

The format: eight bytes (little-endian) with the header's length, the header as JSON, the numbers. So a file that was
cut off in its download is told in a millisecond. The invariant: whatever the bytes are, the answer is a header or a
`CheckpointError`, and no more is read than a header may have.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harken.errors import CheckpointError

_MOST_BYTES = 100_000_000
"""The format's own bound on headers."""

_BITS = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U8": 8, "BOOL": 8}


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """One file's tensors.

    Attributes:
        parameters: numbers of all tensors together.
        dtypes: their types, in the words of safetensors.
        tensor_bytes: of all tensors together.
        file_bytes: what the whole file must have.
    """

    parameters: int
    dtypes: frozenset[str]
    tensor_bytes: int
    file_bytes: int


def read_header(path: Path) -> Header:
    """Read the header of a file and hold it against the file's size.

    Raises:
        CheckpointError: it cannot be read, is no safetensors file, or is cut off.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            content = file.read(length) if 0 < length <= _MOST_BYTES else b""
        size = path.stat().st_size
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        if len(content) != length:
            raise ValueError("the header is longer than the file")
        tensors = {name: entry for name, entry in json.loads(content).items() if name != "__metadata__"}
        ends = [int(entry["data_offsets"][1]) for entry in tensors.values()]
        counts = {name: math.prod(entry["shape"]) for name, entry in tensors.items()}
        dtypes = {name: str(entry["dtype"]) for name, entry in tensors.items()}
        header = Header(
            parameters=sum(counts.values()),
            dtypes=frozenset(dtypes.values()),
            tensor_bytes=sum(counts[name] * _BITS.get(dtypes[name], 8) // 8 for name in tensors),
            file_bytes=8 + length + max(ends, default=0),
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise CheckpointError(f"{path} is no safetensors file, or is cut off within its header.") from error
    if size < header.file_bytes:
        raise CheckpointError(f"{path} is cut off: it has {size:,} bytes of {header.file_bytes:,}.")
    return header


def read_headers(folder: Path, index: Mapping[str, object] | None = None) -> list[Header]:
    """Read the headers of a checkpoint's weight files.

    Args:
        folder: of the checkpoint.
        index: content of `model.safetensors.index.json`; None where the weights are one file.

    Raises:
        CheckpointError: as `read_header`, or a file that the index names is missing.
    """
    found = index.get("weight_map") if index is not None else None
    names = {str(name) for name in found.values()} if isinstance(found, Mapping) else {"model.safetensors"}
    return [read_header(folder / Path(name).name) for name in sorted(names)]
