"""Whether something that failed may be tried again yet. Pure.

After a failure nothing is tried for `rest_s`; then one try goes first, and only its success lets the others follow.
The invariant: while it fails, at most one try begins in each `rest_s`.
"""

from __future__ import annotations


class Circuit:
    """Closed at first: everything is tried.

    Args:
        rest_s: seconds without a try after a failure.
    """

    def __init__(self, rest_s: float) -> None:
        self._rest_s = rest_s
        self._open_until: float | None = None
        self._is_probing = False
        self._told_until = float("-inf")

    @property
    def is_open(self) -> bool:
        """It failed, and no try has succeeded since."""
        return self._open_until is not None

    def has_failed(self, now: float) -> bool:
        """It failed lately; where nobody has tried since for two rests, nobody knows."""
        return self._open_until is not None and now < self._open_until + self._rest_s

    def may_try(self, now: float) -> bool:
        """Say whether to try; who is told True and finds it open is the one that goes first."""
        if self._open_until is None:
            return True
        if now < self._open_until:
            return False
        self._open_until = now + self._rest_s
        self._is_probing = True
        return True

    def fail(self, now: float) -> bool:
        """Note a failure; True where that is worth a line in the log, which is once in each rest."""
        self._open_until = now + self._rest_s
        self._is_probing = False
        is_news = now >= self._told_until
        if is_news:
            self._told_until = now + self._rest_s
        return is_news

    def succeed(self) -> bool:
        """Note a success; True where it ends a time of failures.

        What began before the failure and succeeds after it (an answer that was on its way already) ends nothing.
        """
        if self._open_until is None or not self._is_probing:
            return False
        self._open_until, self._is_probing = None, False
        return True
