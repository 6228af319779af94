"""What a client has asked of its session, and behind which sound: commits, and the end. Pure.

The invariant: an order goes out behind the sound before it, and again where nobody knows whether it had arrived.
"""

from __future__ import annotations


class Orders:
    """Of one client, in the order of their places.

    Attributes:
        may_repeat: one was sent again that may have arrived before.
    """

    def __init__(self) -> None:
        self.may_repeat = False
        self._orders: list[tuple[int, str]] = []
        self._sent = 0

    @property
    def next_at(self) -> int | None:
        """Behind which sound the next one goes out; None where there is none."""
        return self._orders[self._sent][0] if self._sent < len(self._orders) else None

    @property
    def is_finished(self) -> bool:
        """The end was sent."""
        return self._sent > 0 and self._orders[self._sent - 1][1] == "finish"

    def add(self, place: int, kind: str) -> None:
        """Have one sent behind the sound up to a place."""
        self._orders.append((place, kind))

    def take(self) -> str:
        """Return the next one, which is sent now."""
        _, kind = self._orders[self._sent]
        self._sent += 1
        return kind

    def rewind(self, at: int, *, heard_to: int) -> None:
        """Have those sent again that may not have arrived.

        Args:
            at: sound goes out from there on.
            heard_to: a commit up to there was told to have arrived.
        """
        before = self._sent
        # Of one behind exactly the sound that has arrived nobody knows.
        self._sent = next(
            (number for number, (place, kind) in enumerate(self._orders)
             if place > at or (place == at and (kind == "finish" or place > heard_to))),
            len(self._orders),
        )  # fmt: skip
        self.may_repeat = self._sent < before
