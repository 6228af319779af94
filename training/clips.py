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
from training.script import Limits, draw_script, draw_silence, draw_text
from training.voices import trained_manner

_END_FLOOR = 0.04


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
        """Pieces one after the other with pauses until the drawn digits are said, or time is up."""
        plan = draw_script(rng, language, limits)
        pieces = [_quiet(plan.lead_s)]
        used_s, said, long_pauses, manner = plan.lead_s, 0, plan.long_pauses, plan.manner
        while said < len(plan.digits):
            if not plan.one_voice:
                manner = trained_manner(rng, language)
            spoken = self._piece(rng, language, plan.digits[said : said + plan.group], manner)
            piece = _cut(spoken, plan.max_s - used_s)
            if not piece.digits:
                break
            gap_s = rng.uniform(0, plan.pause_s) if plan.group < len(plan.digits) else 0.0
            if long_pauses and rng.random() < 0.6:
                long_pauses -= 1
                room_s = max(0.0, plan.max_s - used_s - piece.seconds - 1.0)
                gap_s = min(rng.uniform(0.8, rng.choice((3.0, 12.0))), room_s)
            pieces += [piece, _quiet(gap_s)]
            used_s += piece.seconds + pieces[-1].seconds
            said += len(piece.digits)
            if used_s > plan.max_s - 0.8:
                break
        pieces.append(_quiet(min(draw_silence(rng, plan.max_s), plan.max_s - used_s)))
        return _concatenated(pieces, language)

    def _piece(self, rng: random.Random, language: str, digits: tuple[int, ...], manner: Manner) -> _Piece:
        """One utterance, by espeak-ng or out of the bank, trimmed and at 16 kHz, slightly warped."""
        warp = rng.uniform(0.88, 1.14) if rng.random() < 0.6 else 1.0
        if language == "English" and self._bank and rng.random() < 0.15:
            pool = self._single if len(digits) == 1 else self._bank
            recording = rng.choice(pool)
            samples = soxr.resample(recording.samples, recording.rate_hz, RATE_HZ * warp, quality="LQ")
            level = np.float32(rng.uniform(0.4, 1.0)) / (np.abs(samples).max(initial=0.0) + 1e-9)
            spans = _banked_spans(recording, warp, len(samples) / RATE_HZ)
            return _Piece(samples=samples * level, digits=recording.digits, spans_s=spans)
        speech = self._espeak.speak(draw_text(rng, language, digits), manner)
        samples = soxr.resample(speech.samples, speech.rate_hz, RATE_HZ * warp, quality="LQ")
        samples = samples / (np.abs(samples).max(initial=0.0) + 1e-9) * np.float32(rng.uniform(0.4, 1.0))
        scale = RATE_HZ * warp / speech.rate_hz
        starts = [int(start * scale) for start in speech.word_starts]
        if len(starts) != len(digits):
            return _Piece(samples=samples, digits=digits, spans_s=None)
        spans = word_spans(samples, starts)
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


def _quiet(seconds: float) -> _Piece:
    return _Piece(samples=np.zeros(max(0, int(seconds * RATE_HZ)), np.float32), digits=(), spans_s=())


def _banked_spans(recording: Recording, warp: float, seconds: float) -> tuple[tuple[float, float], ...] | None:
    """The recording's own word times, or nearly all of it for a digit alone, or None."""
    if recording.spans_s is not None:
        return tuple((start * warp, end * warp) for start, end in recording.spans_s)
    return ((0.01, seconds - 0.01),) if len(recording.digits) == 1 else None


def word_spans(samples: npt.NDArray[np.float32], starts: list[int]) -> tuple[tuple[float, float], ...]:
    """Where each word is heard, in seconds at 16 kHz, given the samples at which the words begin.

    From the first to the last sample above 4 % (-28 dB) of the word's peak, searched from its beginning to
    the next word's: so a pause belongs to no word, and words spoken without one share a moment.
    """
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
