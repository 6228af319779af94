"""JSON files of a checkpoint, and their fields one by one.

Whatever is read from a checkpoint's folder was written by somebody else: it may be missing, of another kind, or out of
range. The invariant: each of these returns what it promises or raises a `CheckpointError` that names file and field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from harken.errors import CheckpointError

Json = Mapping[str, object]


def read_json(path: Path) -> Json:
    """Read a JSON file that must hold an object.

    Raises:
        CheckpointError: it is missing, unreadable, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path.name} of the checkpoint in {path.parent} cannot be read: {error}.") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} must hold a JSON object.")
    return content


def section(content: Json, key: str) -> Json:
    """Return a part that must be there."""
    found = content.get(key)
    if not isinstance(found, Mapping):
        raise CheckpointError(f"config.json has no section {key!r}.")
    return found


def expect(content: Json, key: str, wanted: object, *, where: str, default: object = None) -> None:
    """Refuse what this program does not compute; a missing field counts as `default`."""
    found = content.get(key, default)
    if found != wanted:
        raise CheckpointError(f"{where}: {key} is {found!r}; this program computes {wanted!r} only.")


def number(content: Json, key: str, where: str) -> float:
    """Read a positive number."""
    found = content.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < float("inf"):
        raise CheckpointError(f"{where}: {key} must be a positive number, not {found!r}.")
    return found


def count(content: Json, key: str, where: str) -> int:
    """Read a positive whole number."""
    found = number(content, key, where)
    if found != int(found):
        raise CheckpointError(f"{where}: {key} must be a whole number, not {found!r}.")
    return int(found)
