"""Has a sequence begun to repeat itself? Looked at token by token while it is written.

Speech models now and then fall into a loop: one token, or a phrase of some tokens, again and again until something
stops them. People repeat themselves too ("nine nine nine"), so a loop is called one only when the repeated tokens are
more than anybody can have spoken in the segment. Pure; the work for one token is the same at any length.
"""

from __future__ import annotations

from collections import deque

PERIOD_MAX = 40
"""Tokens of the longest pattern: a sentence of some twenty words."""

_ROUNDS_MIN = 4
_BASE_TOKENS = 16
_TOKENS_PER_S = 6
_PHRASE_TOKENS_PER_S = 8
_COUNT_MIN = _BASE_TOKENS * (_ROUNDS_MIN - 1) // _ROUNDS_MIN
_STILL = (0,) * PERIOD_MAX


def loop_tokens(audio_s: float, period: int) -> float:
    """The most repeated tokens that are believed of a segment: 16, and 6 for each second (8 where a pattern is longer).

    Three hundred words a minute are 5 words a second, and the fastest digits that anybody trains on are about 6. A
    pattern of several tokens gets more, because a word of some scripts is several tokens. Both are well below the token
    cap of 12 a second, so a loop ends in about half of the time.
    """
    return _BASE_TOKENS + (_TOKENS_PER_S if period == 1 else _PHRASE_TOKENS_PER_S) * audio_s


class LoopWatch:
    """Follows the tail of one sequence.

    For each period up to `PERIOD_MAX` it counts for how many tokens in a row each was equal to the one that many
    places before it. A pattern of p tokens that stands there r times has a count of p * (r - 1).
    """

    def __init__(self) -> None:
        self._recent: deque[int] = deque(maxlen=PERIOD_MAX)  # the newest first
        self._counts: tuple[int, ...] | list[int] = _STILL

    def see(self, token: int) -> None:
        """Take the next token."""
        if token in self._recent:
            before = zip(self._counts, self._recent, strict=False)
            counts = [count + 1 if old == token else 0 for count, old in before]
            self._counts = counts + [0] * (PERIOD_MAX - len(counts))
        else:
            self._counts = _STILL
        self._recent.appendleft(token)

    @property
    def is_repeating(self) -> bool:
        """Some pattern stands at the end three times or more; people do that, too."""
        return self._counts is not _STILL and any(
            count >= 2 * period for period, count in enumerate(self._counts, 1) if count
        )

    def is_loop(self, audio_s: float) -> bool:
        """Nobody can have said that in so many seconds of audio: four rounds, and more than `loop_tokens`."""
        if self._counts is _STILL or max(self._counts) < _COUNT_MIN:
            return False
        return any(
            count + period >= loop_tokens(audio_s, period) and count >= (_ROUNDS_MIN - 1) * period
            for period, count in enumerate(self._counts, 1)
        )
