"""Which target gets the next segment: the policies, by their names.

Pure: a policy is told when a candidate has changed (`update`), and asked for one (`choose`). Whoever asks claims the
chosen one at once, with no await between the two, and updates it (`pool`). Invariant: nobody without a free slot is
ever chosen. When to use which: docs/reference/balancing.md.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection
from random import Random, SystemRandom
from typing import Generic, Protocol

from harken.dispatch.targets.candidate import C, Candidate, Work
from harken.dispatch.targets.hashing import ConsistentHash
from harken.dispatch.targets.ranking import (
    Ranked,
    WeightedRoundRobin,
    fewest_in_flight,
    least_audio_left,
    least_crowded,
    round_robin,
    weighted_fewest_in_flight,
)
from harken.errors import ConfigError


class Policy(Protocol[C]):
    """Chooses among the candidates that it was told of."""

    def update(self, candidate: C) -> None:
        """Take note of what a candidate shows now; called whenever anything that it shows has changed."""
        ...

    def forget(self, candidate: C) -> None:
        """It is no candidate any more; one that was never seen is no error."""
        ...

    def choose(self, work: Work, avoid: Collection[C] = ()) -> C | None:
        """Take one with a free slot, outside of `avoid`; None when there is none. The caller updates it after that."""
        ...


class PowerOfTwo(Generic[C]):
    """Of two at random, the one with fewer in flight (Mitzenmacher, 2001).

    It is almost as even as looking at all, and several gateways that see the same fleet do not herd onto one target.

    Args:
        random: where chance comes from.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._free: list[C] = []
        self._places: dict[C, int] = {}

    def update(self, candidate: C) -> None:
        """Take note of what a candidate shows now. O(1)."""
        if candidate.free_slots <= 0:
            self.forget(candidate)
        elif candidate not in self._places:
            self._places[candidate] = len(self._free)
            self._free.append(candidate)

    def forget(self, candidate: C) -> None:
        """It is no candidate any more. O(1): the last one moves to its place."""
        place = self._places.pop(candidate, None)
        if place is None:
            return
        last = self._free.pop()
        if last is not candidate:
            self._free[place] = last
            self._places[last] = place

    def choose(self, work: Work, avoid: Collection[C] = ()) -> C | None:
        """Draw two and compare. O(1), or O(n) where some are avoided."""
        free = [candidate for candidate in self._free if candidate not in avoid] if avoid else self._free
        if len(free) < 2:
            return free[0] if free else None
        one = self._random.randrange(len(free))
        other = self._random.randrange(len(free) - 1)
        pair = free[one], free[other + (other >= one)]
        return min(pair, key=lambda candidate: candidate.load)


class Auto(Generic[C]):
    """Fewest in flight, a slow target's counted for more; among servers that are serial inside, least audio left.

    A server that batches works faster the more it has, so what counts is how many share it; one that works one after
    another is as slow as the audio before it is long. In a mixed fleet the best of each kind is found, and the one with
    fewer in flight taken.
    """

    def __init__(self) -> None:
        self._batching: Ranked[C] = least_crowded()
        self._serial: Ranked[C] = least_audio_left()

    def update(self, candidate: C) -> None:
        """Take note of what a candidate shows now. O(log n) on average."""
        kind, other = (self._batching, self._serial) if candidate.batches else (self._serial, self._batching)
        kind.update(candidate)
        other.forget(candidate)

    def forget(self, candidate: C) -> None:
        """It is no candidate any more. O(1)."""
        self._batching.forget(candidate)
        self._serial.forget(candidate)

    def choose(self, work: Work, avoid: Collection[C] = ()) -> C | None:
        """Take the better of both kinds. O(log n) on average."""
        batching, serial = self._batching.choose(work, avoid), self._serial.choose(work, avoid)
        if batching is None or serial is None:
            return serial if batching is None else batching
        return min(batching, serial, key=lambda candidate: (candidate.load, candidate.turn))


_POLICIES: dict[str, Callable[[Random], Policy[Candidate]]] = {
    "auto": lambda random: Auto(),
    "fewest_in_flight": lambda random: fewest_in_flight(),
    "weighted_fewest_in_flight": lambda random: weighted_fewest_in_flight(),
    "round_robin": lambda random: round_robin(),
    "weighted_round_robin": lambda random: WeightedRoundRobin(),
    "power_of_two": PowerOfTwo,
    "least_audio_left": lambda random: least_audio_left(),
    "consistent_hash": lambda random: ConsistentHash(),
}

POLICY_NAMES = tuple(_POLICIES)
"""The values of `dispatch.policy`."""


def policy_named(name: str, random: Random | None = None) -> Policy[C]:
    """Build a policy of its own.

    Args:
        name: as in `dispatch.policy`.
        random: where chance comes from, for those that need some; None: a new source that nobody can predict.

    Raises:
        ConfigError: there is no such policy; the message has the likely one.
    """
    make = _POLICIES.get(name)
    if make is None:
        close = difflib.get_close_matches(name, POLICY_NAMES, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(POLICY_NAMES)}."
        raise ConfigError(f"Unknown dispatch.policy: {name!r}; {hint}")
    return make(random or SystemRandom())  # type: ignore[return-value]  # each is generic; a table of them cannot say so
