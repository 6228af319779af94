"""Values out of a log line's fields, and counters that stay small. Pure.

Whoever wrote the line may have written anything. The invariant: a value of the wrong kind is as if it were not there,
and no counter has more than some hundred names.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeVar

KINDS_MAX = 200
"""Different codes or events of one day; what comes on top is counted as `OTHERS`."""

OTHERS = "(others)"

_MOST = 1e15
"""No figure of ours is as large; what says so would drown all others in a sum."""

_WORD_CHARS = 200

Key = TypeVar("Key")


def word(fields: dict[str, Any], name: str) -> str:
    """A text of the line, shortened; "" where there is none."""
    value = fields.get(name)
    return value[:_WORD_CHARS] if isinstance(value, str) else ""


def number(fields: dict[str, Any], name: str) -> float:
    """A number of the line; 0 where there is none."""
    value = fields.get(name)
    if type(value) not in (int, float):  # true and false are not meant
        return 0.0
    return float(value) if -_MOST < value < _MOST else 0.0  # type: ignore[arg-type, operator]


def bump(counter: Counter[str], key: str) -> None:
    """One more of a name, or of the others where there are too many names."""
    bump_or(counter, key, OTHERS)


def bump_or(counter: Counter[Key], key: Key, otherwise: Key) -> None:
    """The same, where the others have a key of another kind."""
    counter[key if key in counter or len(counter) < KINDS_MAX else otherwise] += 1
