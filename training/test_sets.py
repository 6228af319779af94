"""The recordings that the checkpoint is judged by: voices and speeds it was never trained on.

Owns the held-out material: clean strings of 1 to 10 digits, long ones, damaged ones, an unheard
synthesiser voice, and recordings without speech. Everything is synthesised when asked for, from a
seed, and shares no random stream with training.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from training import augment
from training.bank import FLITE_UNHEARD, flite
from training.espeak import Espeak
from training.features import RATE_HZ
from training.script import draw_digits
from training.vocabulary import CHINESE_DIGITS, ENGLISH_DIGITS
from training.voices import held_out_manner

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A recording (mono float32 at 16 kHz) of digits in a language, and who says them how."""

    samples: Samples
    digits: tuple[int, ...]
    language: str
    voice: str


def strings(espeak: Espeak, seed: str, language: str, count: int, digits: tuple[int, int]) -> list[Spoken]:
    """Clean strings of `digits[0]` to `digits[1]` digits by held-out voices at held-out speeds."""
    rng = random.Random(f"test/{seed}/{language}")
    return [_speak(espeak, rng, language, rng.randint(*digits)) for _ in range(count)]


def long_strings(
    espeak: Espeak, seed: str, language: str, count: int, seconds: tuple[float, float], *, repeats: bool = True
) -> list[Spoken]:
    """Clean strings whose recording lasts between `seconds[0]` and `seconds[1]`; with or without runs on purpose."""
    rng = random.Random(f"long/{seed}/{language}/{seconds}")
    found: list[Spoken] = []
    while len(found) < count:
        wanted = rng.randint(int(seconds[0] * 1.2), int(seconds[1] * 2.6))
        spoken = _speak(espeak, rng, language, wanted, repeats=repeats)
        if seconds[0] <= len(spoken.samples) / RATE_HZ <= seconds[1]:
            found.append(spoken)
    return found


def damaged(clean: list[Spoken], kind: str, seed: str) -> list[Spoken]:
    """The same strings over a telephone, through a codec, in noise (15 dB), or 26 dB softer."""
    rng = np.random.default_rng(abs(hash_of(f"{kind}/{seed}")))
    return [
        Spoken(samples=damage(s.samples, kind, rng), digits=s.digits, language=s.language, voice=s.voice) for s in clean
    ]


def hash_of(text: str) -> int:
    """A number from a text, the same in every process (Python's `hash` is not)."""
    return random.Random(text).getrandbits(48)


def damage(samples: Samples, kind: str, rng: np.random.Generator) -> Samples:
    """One recording damaged in one way; raises ValueError for an unknown kind."""
    if kind == "telephone":
        narrow = soxr.resample(samples, RATE_HZ, 8000)
        made: Samples = soxr.resample(augment.companded(narrow.clip(-1, 1)), 8000, RATE_HZ).astype(np.float32)
        return made
    if kind == "codec":
        return augment.coded(samples, rng)
    if kind == "noise":
        level = np.sqrt(np.mean(samples**2)) * 10 ** (-15 / 20)
        noisy: Samples = (samples + augment.noise(rng, len(samples)) * level).astype(np.float32)
        return noisy.clip(-1, 1)
    if kind == "soft":
        return samples * np.float32(0.05)
    raise ValueError(f"no such damage: {kind}")


def unheard_voice(seed: str, count: int) -> list[Spoken]:
    """English strings by the flite voice that is in no training set."""
    rng = random.Random(f"unheard/{seed}")
    found = []
    for _ in range(count):
        digits = draw_digits(rng, rng.randint(1, 10))
        text = rng.choice((" ", ", ")).join(ENGLISH_DIGITS[digit] for digit in digits)
        samples, rate_hz = flite(text, FLITE_UNHEARD, stretch=round(rng.uniform(0.85, 1.25), 2))
        wave = soxr.resample(samples, rate_hz, RATE_HZ).astype(np.float32)
        found.append(Spoken(samples=wave, digits=digits, language="English", voice=FLITE_UNHEARD))
    return found


def without_speech(seed: str) -> Iterator[tuple[str, Samples]]:
    """Named recordings that hold no speech."""
    rng = np.random.default_rng(hash_of(f"nothing/{seed}"))
    for seconds in (0.0, 0.1, 0.5, 1.0, 3.0, 7.0, 12.0, 20.0, 30.0):
        count = int(seconds * RATE_HZ)
        yield f"silence {seconds} s", np.zeros(count, np.float32)
        if not count:
            continue
        time = np.arange(count) / RATE_HZ
        for hertz in (100, 300, 440, 1000, 3000):
            yield f"tone {hertz} Hz {seconds} s", (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)
        for level_db in (-60, -30, -10):
            wave = augment.noise(rng, count) * 10 ** (level_db / 20)
            yield f"noise {level_db} dB {seconds} s", wave.clip(-1, 1).astype(np.float32)
        yield f"hum {seconds} s", 0.1 * augment.hum(rng, count)
        yield f"key tones {seconds} s", 0.4 * augment.dtmf(rng, count)


def _speak(espeak: Espeak, rng: random.Random, language: str, count: int, *, repeats: bool = True) -> Spoken:
    digits = draw_digits(rng, count) if repeats else tuple(rng.randrange(10) for _ in range(count))
    words = [(ENGLISH_DIGITS if language == "English" else CHINESE_DIGITS)[digit] for digit in digits]
    separator = rng.choice((" ", " ", ", ", ". ")) if language == "English" else rng.choice(("", " ", "，", "。"))
    manner = held_out_manner(rng, language)
    speech = espeak.speak(separator.join(words), manner)
    samples = soxr.resample(speech.samples, speech.rate_hz, RATE_HZ).astype(np.float32).clip(-1, 1)
    return Spoken(samples=samples, digits=digits, language=language, voice=f"{manner.voice} {manner.speed_wpm}")
