"""Whose an answer is: of one instance, or of several that shared its recording. Pure.

A server says who recognised a recording; a long one is cut, and its pieces go where there is room. The invariant: an
answer whose instances are known counts exactly once, so the counts of all rows are together no more than the answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from harken.bench.load.outcomes import OTHER, Columns

SEVERAL = "several"
"""The row of those that more than one worked on."""

_MOST = 64


def whose(told: str) -> str:
    """Name the one instance, or `SEVERAL`; "" where nobody is named.

    Args:
        told: names with commas between, as a server says them.
    """
    names = set(filter(None, map(str.strip, told.split(","))))
    return SEVERAL if len(names) > 1 else "".join(names)


def in_rows(counts: Mapping[str, int]) -> dict[str, int]:
    """Sum up how many answers each row has, by name, the ones of several last."""
    found: dict[str, int] = {}
    for told, count in counts.items():
        if name := whose(told):
            found[name] = found.get(name, 0) + count
    return {name: found[name] for name in _sorted(found)}


def parts_of(requests: Columns) -> dict[str, Columns]:
    """Divide requests into those rows; beyond some dozens the rest is one more."""
    places: dict[str, list[int]] = {}
    for place, told in enumerate(requests.known["instance"]):
        if name := whose(told):
            row = name if name in places or name == SEVERAL or len(places) < _MOST else OTHER
            places.setdefault(row, []).append(place)
    column: NDArray[np.generic] = requests.numbers["instance"]
    parts = {name: requests.only(np.isin(column, places[name])) for name in _sorted(places)}
    return {name: part for name, part in parts.items() if len(part)}


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name in {OTHER, SEVERAL}, name))
