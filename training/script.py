"""What a training clip is to say and how: the draws, without a sound.

Owns the mixture: how many digits, how often they repeat, who speaks in which groups, where silences
of seconds stand, which separators the synthesiser is given. Pure; `clips.py` makes it heard.
"""

import random
from dataclasses import dataclass

from training.espeak import Manner
from training.vocabulary import CHINESE_DIGITS, ENGLISH_DIGITS
from training.voices import trained_manner

_ENGLISH_SEPARATORS = (" ", " ", ", ", ". ")
_CHINESE_SEPARATORS = ("", " ", "，", "。", "、")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How hard the clips are.

    Attributes:
        short_digits: digits at most in a short clip.
        long_digits: digits at most in a long one.
        max_s: seconds at most.
        long_share: share of long clips.
        pause_share: share of clips with silences of seconds between digits.
        run_share: share of clips that say one digit over and over.
    """

    short_digits: int
    long_digits: int
    max_s: float
    long_share: float
    pause_share: float = 0.0
    run_share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Script:
    """What one clip is to be: digits in groups of so many, who says them, and the silences."""

    digits: tuple[int, ...]
    group: int
    manner: Manner
    one_voice: bool
    pause_s: float
    long_pauses: int
    lead_s: float
    max_s: float


def draw_script(rng: random.Random, language: str, limits: Limits) -> Script:
    """Draw one clip's script."""
    long = rng.random() < limits.long_share
    wanted = rng.randint(1, limits.long_digits if long else limits.short_digits)
    max_s = limits.max_s if long else min(limits.max_s, 12.0)
    digits = draw_digits(rng, wanted)
    if limits.run_share and rng.random() < limits.run_share:
        digits = (rng.randrange(10),) * min(wanted, rng.randint(2, 12))
        wanted = len(digits)
    style = rng.random()
    # Whole strings in one breath, single digits glued together, or groups as in telephone numbers.
    group = wanted if style < 0.5 else 1 if style < 0.8 else rng.randint(2, 6)
    manner = trained_manner(rng, language)
    one_voice, pause_s = rng.random() < 0.6, rng.choice((0.05, 0.25, 0.6, 1.2))
    long_pauses = 0
    if limits.pause_share and rng.random() < limits.pause_share:
        # Without such clips the model stopped at the first silence of two seconds.
        long_pauses, max_s = rng.choice((1, 1, 1, 2, 3)), limits.max_s
        group = rng.randint(1, max(1, wanted // 2))
    lead_s = draw_silence(rng, max_s) if rng.random() < 0.8 else 0.0
    return Script(
        digits=digits, group=group, manner=manner, one_voice=one_voice, pause_s=pause_s, long_pauses=long_pauses,
        lead_s=lead_s, max_s=max_s,
    )  # fmt: skip


def draw_digits(rng: random.Random, count: int) -> tuple[int, ...]:
    """Random digits; every third string repeats its digits often ("nine nine nine")."""
    repeat = rng.choice((0.0, 0.0, rng.uniform(0.1, 0.7)))
    digits: list[int] = []
    for _ in range(count):
        again = digits and rng.random() < repeat
        digits.append(digits[-1] if again else rng.randrange(10))
    return tuple(digits)


def draw_silence(rng: random.Random, max_s: float) -> float:
    """Seconds of silence at an end: nearly always under 0.7, now and then much."""
    return rng.uniform(0.7, max(0.7, max_s * 0.6)) if rng.random() < 0.05 else rng.uniform(0, 0.7)


def draw_text(rng: random.Random, language: str, digits: tuple[int, ...]) -> str:
    """The words with one separator throughout, or one of two at random (groups)."""
    words = [(ENGLISH_DIGITS if language == "English" else CHINESE_DIGITS)[digit] for digit in digits]
    choices = _ENGLISH_SEPARATORS if language == "English" else _CHINESE_SEPARATORS
    usual, other = rng.choice(choices), rng.choice(choices)
    share = rng.choice((0.0, 0.0, 0.3))
    text = words[0]
    for word in words[1:]:
        text += (other if rng.random() < share else usual) + word
    return text
