"""Which recording is sent as the n-th. Pure.

A deck is dealt in blocks: in each block every class comes as often as its share says, in an order of the block's own,
so the mix is right at any time and meets no rhythm of the servers' or the clock's. The invariant: the n-th card depends
on the seed and n alone, so two runs send the same in the same order, however fast they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harken.bench.load.classes import WantedClass, made_for
from harken.bench.load.takes import Take


class Deck:
    """Recordings in the order in which they are sent, without end.

    Args:
        groups: the recordings of each class, none of them empty.
        shares: how many of each class are in a block.
        seed: of the order.
    """

    def __init__(self, groups: Sequence[Sequence[Take]], shares: Sequence[int], seed: int) -> None:
        self._groups = groups
        self._shares = shares
        self._seed = seed
        self._size = sum(shares)
        self._block = -1
        self._cards: list[Take] = []

    def __getitem__(self, turn: int) -> Take:
        """The recording of a turn, from 0."""
        block, place = divmod(turn, self._size)
        if block != self._block:
            self._block, self._cards = block, self._dealt(block)
        return self._cards[place]

    @property
    def takes(self) -> Sequence[Take]:
        """All recordings that are sent."""
        return [take for group in self._groups for take in group]

    @property
    def has_text(self) -> bool:
        """Whether it is known of any of them what is said in it."""
        return any(take.text is not None for group in self._groups for take in group)

    def _dealt(self, block: int) -> list[Take]:
        cards = [
            group[(block * share + place) % len(group)]
            for group, share in zip(self._groups, self._shares, strict=True)
            for place in range(share)
        ]
        order = np.random.default_rng((self._seed, block)).permutation(len(cards))
        return [cards[place] for place in order]


def deck_of(takes: Sequence[Take], wanted: Sequence[WantedClass], seed: int) -> Deck:
    """Make a deck: of the recordings as they are, each once in a block, or of the classes that are wanted.

    Args:
        takes: at least one.
        wanted: classes; none for the recordings as they are.
        seed: of what is made of them, and of the order.
    """
    if not wanted:
        return Deck([takes], [len(takes)], seed)
    return Deck([made_for(one, takes, seed) for one in wanted], [one.share for one in wanted], seed)
