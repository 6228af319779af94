"""Has a sequence begun to repeat itself? Looked at token by token while it is written.

Speech models now and then fall into a loop: one token, or a phrase of some tokens, again and again until something
stops them, often behind text that is right. People repeat themselves too ("nine nine nine"). So a repeating tail is
called a loop only when more was written than anybody can have said in the segment, and the tail is a good part of it.
Pure; the work for one token is the same at any length.
"""

from __future__ import annotations

from collections import deque

PERIOD_MAX = 40
"""Tokens of the longest pattern: a sentence of some twenty words."""

_ROUNDS_MIN = 4
_BASE_TOKENS = 16
_SPOKEN_PER_S = 8
_REPEATED_PER_S = 2
_STILL = (0,) * PERIOD_MAX


def spoken_tokens(audio_s: float) -> float:
    """More tokens than anybody says in so many seconds: 16, and 8 for each second.

    Three hundred words a minute are five a second; a synthesiser at that setting says "two two two" nine times a
    second, for at most the ten seconds that 16 more allow. The token cap, 12 a second, is what scripts may need that
    spell a word with several tokens, and it is for all answers; this is for those that end in a repetition.
    """
    return _BASE_TOKENS + _SPOKEN_PER_S * audio_s


def repeated_tokens(audio_s: float) -> float:
    """How long the repeating tail of a loop is at least: 16 tokens, and 2 for each second."""
    return _BASE_TOKENS + _REPEATED_PER_S * audio_s


class LoopWatch:
    """Follows the tail of one sequence.

    For each period up to `PERIOD_MAX` it counts for how many tokens in a row each was equal to the one that many
    places before it. A pattern of p tokens that stands there r times has a count of p * (r - 1).
    """

    def __init__(self) -> None:
        self._written = 0
        self._recent: deque[int] = deque(maxlen=PERIOD_MAX)  # the newest first
        self._counts: tuple[int, ...] | list[int] = _STILL

    def see(self, token: int) -> None:
        """Take the next token."""
        self._written += 1
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
        """Nobody can have said that in so many seconds of audio, and its end is four rounds or more of one pattern."""
        if self._counts is _STILL or self._written < spoken_tokens(audio_s):
            return False
        least = repeated_tokens(audio_s)
        return any(
            count + period >= least and count >= (_ROUNDS_MIN - 1) * period
            for period, count in enumerate(self._counts, 1)
        )
