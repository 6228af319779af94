"""What became of the askings that a cache was asked. Plain numbers that only grow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(kw_only=True, slots=True)
class Counts:
    """Of segments.

    Attributes:
        hits: that were known.
        joined: that waited for somebody else's flight of the same.
        misses: for which a model was asked.
    """

    hits: int = 0
    joined: int = 0
    misses: int = 0
