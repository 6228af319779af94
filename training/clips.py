"""Spoken digit strings with their word times, and recordings without speech: the training material.

Draws what is said, by whom, in what manner and with which pauses; damages it (`augment.py`); and
keeps, for every digit, when it starts and ends, which only training-only heads will see. Nothing is
stored: every clip is synthesised when it is needed, so no clip is ever seen twice.

Invariant: what is said, when, and how it is damaged depends on the seed and `Limits` alone (espeak-ng's
samples also depend on what it said before, see there).
"""

import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from training import augment
from training.bank import Recording
from training.espeak import Espeak, Manner
from training.features import RATE_HZ
from training.vocabulary import CHINESE_DIGITS, ENGLISH_DIGITS
from training.voices import trained_manner

_ENGLISH_SEPARATORS = (" ", " ", ", ", ". ")
_CHINESE_SEPARATORS = ("", " ", "，", "。", "、")
_END_FLOOR = 0.04


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
class Clip:
    """Mono float32 samples at 16 kHz, what is said in which language ("None": nothing), and the
    (start, end) seconds of every digit, or None where unknown.
    """

    samples: npt.NDArray[np.float32]
    digits: tuple[int, ...]
    language: str
    spans_s: tuple[tuple[float, float], ...] | None


@dataclass(frozen=True, kw_only=True)
class _Piece:
    samples: npt.NDArray[np.float32]
    digits: tuple[int, ...]
    spans_s: tuple[tuple[float, float], ...] | None

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE_HZ


class ClipMaker:
    """Draws clips; owns the synthesiser and the bank of recordings it draws from."""

    def __init__(self, espeak: Espeak, bank: list[Recording]) -> None:
        self._espeak = espeak
        self._bank = bank
        self._single = [r for r in bank if len(r.digits) == 1]

    def draw(self, seed: int, limits: Limits) -> Clip:
        """The clip of this seed."""
        rng, noise_rng = random.Random(seed), np.random.default_rng(seed)
        if rng.random() < 0.07:
            seconds = rng.choice((rng.uniform(0.02, 2), rng.uniform(0.5, 8), rng.uniform(0.5, limits.max_s)))
            samples = augment.nothing(noise_rng, int(seconds * RATE_HZ))
            return Clip(samples=samples, digits=(), language="None", spans_s=())
        language = rng.choice(("English", "Chinese"))
        clip = self._joined(rng, language, limits)
        samples = augment.damaged(self._with_tones(rng, noise_rng, clip), noise_rng)
        # A string that did not fit in any part leaves silence.
        language = language if clip.digits else "None"
        return Clip(samples=samples, digits=clip.digits, language=language, spans_s=clip.spans_s)

    def _joined(self, rng: random.Random, language: str, limits: Limits) -> Clip:
        """Pieces one after the other with pauses until the drawn number of digits is said."""
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
            # Clips without them stopped at the first silence of two seconds.
            long_pauses, max_s = rng.choice((1, 1, 1, 2, 3)), limits.max_s
            group = rng.randint(1, max(1, wanted // 2))
        lead = _silence(rng, max_s) if rng.random() < 0.8 else 0.0
        pieces = [_Piece(samples=np.zeros(int(lead * RATE_HZ), np.float32), digits=(), spans_s=())]
        used_s, said = lead, 0
        while said < wanted:
            if not one_voice:
                manner = trained_manner(rng, language)
            piece = self._piece(rng, language, digits[said : said + group], manner)
            piece = _cut(piece, max_s - used_s)
            if not piece.digits:
                break
            gap_s = rng.uniform(0, pause_s) if group < wanted else 0.0
            if long_pauses and rng.random() < 0.6:
                long_pauses -= 1
                gap_s = min(rng.uniform(0.8, rng.choice((3.0, 12.0))), max(0.0, max_s - used_s - piece.seconds - 1.0))
            gap = np.zeros(int(gap_s * RATE_HZ), np.float32)
            pieces += [piece, _Piece(samples=gap, digits=(), spans_s=())]
            used_s += piece.seconds + len(gap) / RATE_HZ
            said += len(piece.digits)
            if len(piece.digits) == 0 or used_s > max_s - 0.8:
                break
        tail = min(_silence(rng, max_s), max_s - used_s)
        pieces.append(_Piece(samples=np.zeros(max(0, int(tail * RATE_HZ)), np.float32), digits=(), spans_s=()))
        return _concatenated(pieces, language)

    def _piece(self, rng: random.Random, language: str, digits: tuple[int, ...], manner: Manner) -> _Piece:
        """One utterance, by espeak-ng or out of the bank, trimmed and at 16 kHz, slightly warped."""
        warp = rng.uniform(0.88, 1.14) if rng.random() < 0.6 else 1.0
        if language == "English" and self._bank and rng.random() < 0.15:
            pool = self._single if len(digits) == 1 else self._bank
            recording = rng.choice(pool)
            samples = soxr.resample(recording.samples, recording.rate_hz, RATE_HZ * warp, quality="LQ")
            level = np.float32(rng.uniform(0.4, 1.0)) / (np.abs(samples).max(initial=0.0) + 1e-9)
            alone = len(recording.digits) == 1
            whole = ((0.01, len(samples) / RATE_HZ - 0.01),) if alone else None
            return _Piece(samples=samples * level, digits=recording.digits, spans_s=whole)
        speech = self._espeak.speak(_text(rng, language, digits), manner)
        samples = soxr.resample(speech.samples, speech.rate_hz, RATE_HZ * warp, quality="LQ")
        samples = samples / (np.abs(samples).max(initial=0.0) + 1e-9) * np.float32(rng.uniform(0.4, 1.0))
        scale = RATE_HZ * warp / speech.rate_hz
        starts = [int(start * scale) for start in speech.word_starts]
        if len(starts) != len(digits):
            return _Piece(samples=samples, digits=digits, spans_s=None)
        spans = _spans(samples, starts)
        first, last = int(spans[0][0] * RATE_HZ), int(spans[-1][1] * RATE_HZ)
        keep_to = min(len(samples), last + int(rng.uniform(0.01, 0.3) * RATE_HZ))
        shift = first / RATE_HZ
        return _Piece(
            samples=samples[first:keep_to], digits=digits, spans_s=tuple((a - shift, b - shift) for a, b in spans)
        )

    def _with_tones(self, rng: random.Random, noise_rng: np.random.Generator, clip: Clip) -> npt.NDArray[np.float32]:
        """Sometimes a beep or key tones before or behind the words, where there is room for them."""
        samples = clip.samples.copy()
        if rng.random() > 0.06 or not clip.spans_s:
            return samples
        first, last = int(clip.spans_s[0][0] * RATE_HZ), int(clip.spans_s[-1][1] * RATE_HZ)
        make = augment.tone if rng.random() < 0.6 else augment.dtmf
        level = np.float32(rng.uniform(0.05, 0.7))
        for begin, stop in ((0, first - 800), (last + 800, len(samples))):
            if stop - begin > 1600:
                samples[begin:stop] += level * make(noise_rng, stop - begin)
        return samples


def draw_digits(rng: random.Random, count: int) -> tuple[int, ...]:
    """Random digits; every third string repeats its digits often ("nine nine nine")."""
    repeat = rng.choice((0.0, 0.0, rng.uniform(0.1, 0.7)))
    digits: list[int] = []
    for _ in range(count):
        again = digits and rng.random() < repeat
        digits.append(digits[-1] if again else rng.randrange(10))
    return tuple(digits)


def _silence(rng: random.Random, max_s: float) -> float:
    """Seconds of silence at an end: nearly always under 0.7, now and then much."""
    return rng.uniform(0.7, max(0.7, max_s * 0.6)) if rng.random() < 0.05 else rng.uniform(0, 0.7)


def _text(rng: random.Random, language: str, digits: tuple[int, ...]) -> str:
    """The words with one separator throughout, or one of two at random (groups)."""
    words = [(ENGLISH_DIGITS if language == "English" else CHINESE_DIGITS)[digit] for digit in digits]
    choices = _ENGLISH_SEPARATORS if language == "English" else _CHINESE_SEPARATORS
    usual, other = rng.choice(choices), rng.choice(choices)
    share = rng.choice((0.0, 0.0, 0.3))
    text = words[0]
    for word in words[1:]:
        text += (other if rng.random() < share else usual) + word
    return text


def _spans(samples: npt.NDArray[np.float32], starts: list[int]) -> tuple[tuple[float, float], ...]:
    """Where each word is heard: from its start to the last loud sample before the next one starts."""
    spans = []
    for start, stop in zip(starts, [*starts[1:], len(samples)], strict=True):
        loud = np.abs(samples[start:stop])
        heard = np.flatnonzero(loud > _END_FLOOR * float(loud.max(initial=1e-9)))
        first, last = (int(heard[0]), int(heard[-1])) if len(heard) else (0, stop - start)
        spans.append(((start + first) / RATE_HZ, (start + last) / RATE_HZ))
    return tuple(spans)


def _cut(piece: _Piece, max_s: float) -> _Piece:
    """`piece` up to its last digit that ends before `max_s`; empty when none does."""
    if piece.seconds <= max_s:
        return piece
    spans = piece.spans_s or ()
    fitting = sum(end < max_s - 0.02 for _, end in spans)
    stop = int(spans[fitting - 1][1] * RATE_HZ) + 1 if fitting else 0
    return _Piece(samples=piece.samples[:stop], digits=piece.digits[:fitting], spans_s=spans[:fitting])


def _concatenated(pieces: list[_Piece], language: str) -> Clip:
    spans: list[tuple[float, float]] | None = []
    offset_s = 0.0
    for piece in pieces:
        if piece.spans_s is None or spans is None:
            spans = None
        else:
            spans += [(start + offset_s, end + offset_s) for start, end in piece.spans_s]
        offset_s += piece.seconds
    samples = np.concatenate([piece.samples for piece in pieces]).astype(np.float32)
    digits = tuple(digit for piece in pieces for digit in piece.digits)
    return Clip(samples=samples, digits=digits, language=language, spans_s=None if spans is None else tuple(spans))
