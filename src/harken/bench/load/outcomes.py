"""What became of each request, kept in columns.

A load test may have millions of requests, and an object for each would fill the memory of the machine that measures;
here one takes 80 bytes. Names (codes, instances) are kept once each, and no more than a thousand of a kind, since a
server may answer anything. The invariant: what was added comes out again, in the order in which it was added.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harken.bench.load.texts import TextErrors

NAMES_MOST = 1000
OTHER = "other"
"""Stands for every name beyond those."""

_UNKNOWN = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One request's.

    Attributes:
        server: the address it went to.
        kind: the class of its recording.
        due_s: when it was meant to go out, in seconds from the beginning of its step.
        took_s: until its answer was there; in an open loop, from when it was meant to go out.
        late_s: by how much it went out later than it was meant to.
        audio_s: length of its recording.
        first_text_s: until the first text of a stream was there, counted as `took_s`; None where there was none.
        status: of HTTP; 0 where there was no answer.
        code: why it failed; "" for success.
        instance: who recognised it, as far as the answer says; several are separated by commas.
        is_right: whether the text is what a model that knows it by heart must say; None where there is none such.
        is_cached: the answer came wholly from a cache.
        errors: in its text; None where nobody knows what is said.
        after_commit_s: of a live stream: the longest time from a turn's commit to its text; None where there is none.
        updates: of a live stream: how often its text grew or changed.
        speech_s: of a live stream: from its first word to its last.
        reconnects: of a live stream: how often the connection broke.
    """

    server: str
    kind: str = ""
    due_s: float = 0.0
    took_s: float = 0.0
    late_s: float = 0.0
    audio_s: float = 0.0
    first_text_s: float | None = None
    status: int = 200
    code: str = ""
    instance: str = ""
    is_right: bool | None = None
    is_cached: bool = False
    errors: TextErrors | None = None
    after_commit_s: float | None = None
    updates: int = 0
    speech_s: float = 0.0
    reconnects: int = 0


class _Names:
    """A column of names."""

    def __init__(self) -> None:
        self.known: list[str] = []
        self._places: dict[str, int] = {}
        self.column = array("H")

    def add(self, name: str) -> None:
        place = self._places.get(name)
        if place is None:
            if len(self.known) >= NAMES_MOST:
                name = OTHER
            place = self._places.setdefault(name, len(self.known))
            if place == len(self.known):
                self.known.append(name)
        self.column.append(place)


_NUMBERS = {"due_s": "d", "took_s": "f", "late_s": "f", "audio_s": "f", "first_text_s": "f", "status": "H",
            "is_right": "b", "is_cached": "b", "after_commit_s": "f", "updates": "I", "speech_s": "f",
            "reconnects": "I"}  # fmt: skip
_PLAIN = ("due_s", "took_s", "late_s", "audio_s", "status", "updates", "speech_s", "reconnects")
_MISSING = ("first_text_s", "after_commit_s")
_NAMED = ("server", "kind", "code", "instance")
_ERRORS = ("words", "substitutions", "deletions", "insertions", "characters", "character_errors")


class Outcomes:
    """All requests of a step so far."""

    def __init__(self) -> None:
        self._names = {name: _Names() for name in _NAMED}
        self._numbers: dict[str, array[Any]] = {name: array(kind) for name, kind in _NUMBERS.items()}
        self._errors = {name: array("i") for name in _ERRORS}

    def __len__(self) -> int:
        return len(self._numbers["due_s"])

    def add(self, outcome: Outcome) -> None:
        """Keep one."""
        for name, names in self._names.items():
            names.add(getattr(outcome, name))
        right, numbers = outcome.is_right, self._numbers
        for name in (*_PLAIN, "is_cached"):
            numbers[name].append(getattr(outcome, name))
        for name in _MISSING:
            value = getattr(outcome, name)
            numbers[name].append(math.nan if value is None else value)
        numbers["is_right"].append(_UNKNOWN if right is None else right)
        for name, column in self._errors.items():
            column.append(_UNKNOWN if outcome.errors is None else getattr(outcome.errors, name))

    def columns(self) -> Columns:
        """Take them as they are now."""
        numbers = {name: np.array(column) for name, column in self._numbers.items()}
        names = {name: np.array(each.column) for name, each in self._names.items()}
        errors = np.array([np.array(column) for column in self._errors.values()])
        known = {name: tuple(each.known) for name, each in self._names.items()}
        return Columns(numbers=numbers | names, errors=errors, known=known)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Columns:
    """Requests as columns of the same length.

    Attributes:
        numbers: by the names of `Outcome`'s attributes; of names, the place in `known`; no first text is NaN, what
            nobody knows is -1.
        errors: a row for each attribute of `TextErrors`; -1 where nobody knows.
        known: the names.
    """

    numbers: dict[str, NDArray[np.generic]]
    errors: NDArray[np.int32]
    known: dict[str, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.numbers["due_s"])

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """A column of numbers."""
        return self.numbers[name]  # type: ignore[return-value] # all of them count

    def is_(self, name: str, value: str) -> NDArray[np.bool_]:
        """Say of each request whether it has that name."""
        known = self.known[name]
        place = known.index(value) if value in known else len(known)
        return np.asarray(self.numbers[name] == place, np.bool_)

    def only(self, chosen: NDArray[np.bool_]) -> Columns:
        """Those that are chosen."""
        numbers = {name: column[chosen] for name, column in self.numbers.items()}
        return Columns(numbers=numbers, errors=self.errors[:, chosen], known=self.known)

    def counts(self, name: str) -> dict[str, int]:
        """How often each name occurs, the most frequent first; "" is none."""
        known = self.known[name]
        counts = np.bincount(self.numbers[name].astype(np.int64), minlength=len(known))
        pairs = [(each, int(count)) for each, count in zip(known, counts.tolist(), strict=True) if each and count]
        return dict(sorted(pairs, key=lambda pair: -pair[1]))

    def rows(self) -> Iterator[Outcome]:
        """Each request as it was added."""
        for place in range(len(self)):
            yield self._row(place)

    def _row(self, place: int) -> Outcome:
        number = {name: column[place].item() for name, column in self.numbers.items()}
        told: list[int] = self.errors[:, place].tolist()
        right = number["is_right"]
        return Outcome(
            **{name: self.known[name][number[name]] for name in _NAMED},
            **{name: number[name] for name in _PLAIN},
            **_told({name: number[name] for name in _MISSING}),
            is_right=None if right == _UNKNOWN else bool(right),
            is_cached=bool(number["is_cached"]),
            errors=None if told[0] == _UNKNOWN else TextErrors(**dict(zip(_ERRORS, told, strict=True))),
        )


def _told(values: dict[str, float]) -> dict[str, Any]:
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def columns_of(outcomes: Sequence[Outcome]) -> Columns:
    """Put some into columns."""
    kept = Outcomes()
    for outcome in outcomes:
        kept.add(outcome)
    return kept.columns()
