"""The recordings that judge an aligner: held-out voices and speeds, with the true times of their words.

Everything is synthesised when asked for, from a seed, and shares no random stream with training.
The truth is what `clips.word_spans` finds, given where the synthesiser says each word begins.
"""

import random
from dataclasses import dataclass, replace

import numpy as np
import soxr

from training.bank import FLITE_UNHEARD
from training.clips import word_spans
from training.espeak import Espeak, Manner
from training.features import RATE_HZ
from training.script import draw_digits
from training.test_sets import Samples, damage, hash_of
from training.timed_bank import flite_timed
from training.vocabulary import CHINESE_DIGITS, ENGLISH_DIGITS, spell
from training.voices import held_out_manner

# espeak-ng makes no pause at a full stop before a small letter.
_PAUSED = {"English": (", ",), "Chinese": ("，", "。")}
_JOINED = {"English": (" ",), "Chinese": ("",)}


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A recording (mono float32 at 16 kHz) of digits, the (start, end) seconds of each, and who says them how."""

    samples: Samples
    digits: tuple[int, ...]
    spans_s: tuple[tuple[float, float], ...]
    language: str
    voice: str

    @property
    def text(self) -> str:
        """The transcript."""
        return spell(self.digits, self.language)


def strings(
    espeak: Espeak, seed: str, language: str, count: int, digits: tuple[int, int], *, joined: bool
) -> list[Timed]:
    """Strings of `digits[0]` to `digits[1]` digits in one breath or with short pauses, silence at both ends."""
    rng = random.Random(f"aligner/{seed}/{language}/{joined}")
    separators = (_JOINED if joined else _PAUSED)[language]
    found: list[Timed] = []
    while len(found) < count:
        said = draw_digits(rng, rng.randint(*digits))
        spoken = _spoken(espeak, said, rng.choice(separators), language, held_out_manner(rng, language))
        if spoken is not None:
            found.append(_surrounded(spoken, rng))
    return found


def long_strings(
    espeak: Espeak, seed: str, language: str, count: int, seconds: tuple[float, float], *, repeats: bool
) -> list[Timed]:
    """Recordings of `seconds[0]` to `seconds[1]`, joined or not; with or without runs of a digit on purpose."""
    rng = random.Random(f"aligner/{seed}/{language}/{seconds}/{repeats}")
    found: list[Timed] = []
    while len(found) < count:
        wanted = rng.randint(int(seconds[0] * 1.2), int(seconds[1] * 2.6))
        said = draw_digits(rng, wanted) if repeats else tuple(rng.randrange(10) for _ in range(wanted))
        separator = rng.choice(_JOINED[language] + _PAUSED[language])
        spoken = _spoken(espeak, said, separator, language, held_out_manner(rng, language))
        if spoken is None:
            continue
        timed = _surrounded(spoken, rng)
        if seconds[0] <= len(timed.samples) / RATE_HZ <= seconds[1]:
            found.append(timed)
    return found


def with_silences(pieces: list[Timed], seed: str, most_s: float = 30.0) -> list[Timed]:
    """The recordings of one language in threes, one behind the other, with silences of 1 to 4 s between."""
    rng = random.Random(f"aligner/silences/{seed}")
    joined: list[Timed] = []
    for first, *others in _threes(pieces):
        whole = first
        for other in others:
            longer = _appended(whole, other, rng.uniform(1.0, 4.0))
            whole = longer if len(longer.samples) <= most_s * RATE_HZ else whole
        joined.append(whole)
    return joined


def damaged(clean: list[Timed], kind: str, seed: str) -> list[Timed]:
    """The same recordings over a telephone, through a codec, in noise (15 dB), or 26 dB softer."""
    rng = np.random.default_rng(hash_of(f"aligner/{kind}/{seed}"))
    return [replace(timed, samples=damage(timed.samples, kind, rng)) for timed in clean]


def unheard_voice(seed: str, count: int) -> list[Timed]:
    """English strings of 1 to 10 digits by the flite voice that is in no training set."""
    rng = random.Random(f"aligner/unheard/{seed}")
    found = []
    for _ in range(count):
        digits = draw_digits(rng, rng.randint(1, 10))
        spoken = flite_timed(digits, rng.choice((" ", ", ")), FLITE_UNHEARD, stretch=round(rng.uniform(0.85, 1.25), 2))
        found.append(
            Timed(
                samples=spoken.samples, digits=digits, spans_s=spoken.spans_s or (), language="English",
                voice=FLITE_UNHEARD,
            )
        )  # fmt: skip
    return found


def _spoken(espeak: Espeak, digits: tuple[int, ...], separator: str, language: str, manner: Manner) -> Timed | None:
    """One utterance; None where espeak-ng does not tell the beginning of every word."""
    words = [(ENGLISH_DIGITS if language == "English" else CHINESE_DIGITS)[digit] for digit in digits]
    speech = espeak.speak(separator.join(words), manner)
    if len(speech.word_starts) != len(digits):
        return None
    samples = soxr.resample(speech.samples, speech.rate_hz, RATE_HZ).astype(np.float32).clip(-1, 1)
    starts = [int(start * RATE_HZ / speech.rate_hz) for start in speech.word_starts]
    return Timed(
        samples=samples, digits=digits, spans_s=word_spans(samples, starts), language=language,
        voice=f"{manner.voice} {manner.speed_wpm}",
    )  # fmt: skip


def _surrounded(timed: Timed, rng: random.Random) -> Timed:
    """Up to 0.8 s of silence at both ends."""
    lead, tail = (np.zeros(int(rng.uniform(0, 0.8) * RATE_HZ), np.float32) for _ in range(2))
    return _shifted(timed, np.concatenate((lead, timed.samples, tail)), len(lead) / RATE_HZ)


def _shifted(timed: Timed, samples: Samples, by_s: float) -> Timed:
    return replace(timed, samples=samples, spans_s=tuple((start + by_s, end + by_s) for start, end in timed.spans_s))


def _appended(first: Timed, second: Timed, silence_s: float) -> Timed:
    before = np.concatenate((first.samples, np.zeros(int(silence_s * RATE_HZ), np.float32)))
    moved = _shifted(second, np.concatenate((before, second.samples)), len(before) / RATE_HZ)
    return replace(
        moved, digits=first.digits + second.digits, spans_s=first.spans_s + moved.spans_s,
        voice=f"{first.voice}, {second.voice}",
    )  # fmt: skip


def _threes(pieces: list[Timed]) -> list[list[Timed]]:
    return [pieces[begin : begin + 3] for begin in range(0, len(pieces), 3)]
