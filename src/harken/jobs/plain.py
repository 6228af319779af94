"""Dataclasses to JSON and back, for what a database keeps: asks, pieces, results.

Reads the classes' own type hints, so a field that is added needs no change here; a field that is missing in what was
kept gets its default. The invariant: `from_json(kind, to_json(value)) == value` for dataclasses of numbers, text,
enums, tuples and other such dataclasses. The text is ASCII, so no database stumbles over a character.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import types
import typing
from typing import Any, TypeVar

Kind = TypeVar("Kind")


def to_json(value: Any) -> str:
    """Write a dataclass as JSON."""
    return json.dumps(dataclasses.asdict(value), separators=(",", ":"))


def from_json(kind: type[Kind], text: str) -> Kind:
    """Read what `to_json` wrote of this class.

    Raises:
        ValueError: it is not that.
    """
    try:
        read: Kind = _read(kind, json.loads(text))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a {kind.__name__}: {text[:200]!r}") from error
    return read


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read(kind: Any, raw: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        if raw is None:
            return None
        (inner,) = (one for one in typing.get_args(kind) if one is not types.NoneType)
        return _read(inner, raw)
    if origin is tuple:
        return tuple(_read(typing.get_args(kind)[0], one) for one in raw)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _read(hints[name], value) for name, value in raw.items()})
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(raw)
    return raw
