"""Loops in finished text: finding them, and taking them down to one round. Pure.

The engine stops a loop while it is written, by its tokens; this is the second look, at characters, for models whose
engine noticed nothing. The rule is that of Qwen's own toolkit (one character more than 20 times, or a pattern of up to
20 characters at least 20 times) with one more condition: nobody could have said it in the time there was. So "ha" forty
times in ten seconds of laughter stays. The invariant: what is no loop is returned unchanged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harken.transcribe.pace import least_s

_LOOP = re.compile(r"(.)\1{20,}|(.{1,20}?)\2{19,}", re.DOTALL)

_TAIL_CHARS_MAX = 4000
"""How far back the beginning of a loop is looked for; a token cap allows less."""

_TAIL_ROUNDS_MIN = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Tail:
    """A text that repeats itself until its end.

    Attributes:
        start: where the first round begins, in characters.
        period: length of a round.
    """

    start: int
    period: int


def has_loop(text: str, audio_s: float) -> bool:
    """Say whether any part of a text repeats itself oftener than it could be said in so many seconds."""
    return any(_is_faster_than_speech(match, audio_s) for match in _LOOP.finditer(text))


def without_loops(text: str, audio_s: float) -> str:
    """The text with each such part taken down to one round."""

    def one_round(match: re.Match[str]) -> str:
        return (match[1] or match[2]) if _is_faster_than_speech(match, audio_s) else match[0]

    return _LOOP.sub(one_round, text).strip()


def without_tail(text: str) -> str:
    """The text whose end is known to be a loop, with one round of it; unchanged where no repetition is found."""
    tail = repeated_tail(text)
    return text if tail is None else text[: tail.start + tail.period].strip()


def repeated_tail(text: str) -> Tail | None:
    """Find the repetition in which a text ends, at least three rounds of it; the last may be unfinished.

    Of all periods the one that repeats most characters is taken, the shortest of equals. In scripts with spaces the
    round begins with a word, so that no word before the loop is cut in two.
    """
    backwards = text[: -_TAIL_CHARS_MAX - 1 : -1]
    matches = _z(backwards)
    period = max(range(1, len(backwards)), key=lambda length: (matches[length], -length), default=0)
    if period == 0 or matches[period] + period < _TAIL_ROUNDS_MIN * period:
        return None
    start = len(text) - matches[period] - period
    return Tail(start=_at_word(text, start, period), period=period)


def _is_faster_than_speech(match: re.Match[str], audio_s: float) -> bool:
    return least_s(match[0]) > audio_s or not any(character.isalnum() for character in match[0])


def _at_word(text: str, start: int, period: int) -> int:
    if start == 0 or text[start].isspace() or text[start - 1].isspace():
        return start
    space = re.search(r"\s", text[start : start + period])
    return start if space is None else start + space.start()


def _z(text: str) -> list[int]:
    """The Z function: at each place, how many characters from there on equal the text's beginning (Gusfield, 1997)."""
    found = [0] * len(text)
    left, right = 0, 0
    for place in range(1, len(text)):
        same = min(right - place, found[place - left]) if place < right else 0
        while place + same < len(text) and text[same] == text[place + same]:
            same += 1
        found[place] = same
        if place + same > right:
            left, right = place, place + same
    return found
