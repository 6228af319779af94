"""What rounding the weights costs in accuracy and gives in memory and speed.

Two measures of accuracy. Of the model itself: it reads the tokens that bfloat16 wrote and says at each what it would
have written; told is how often that is the same. Of the digits model, which recognises: the digits that it gets wrong
of held-out recordings (`training.evaluate`'s clean strings of 1 to 10 digits by voices that were never trained on, in
both languages), and how many texts are those of bfloat16. The recordings are synthesised, so they need espeak-ng and
the packages of training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.arithmetic import Clip
from benchmarks.engine.forced import placement
from harken.engine.resolve import resolve_model
from harken.qwen3_asr.model import Qwen3ASR
from harken.testing import speech_like
from harken.types import Options

SEED = "2027"
"""Of the held-out recordings, as in `training.evaluate`."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind of weights.

    Attributes:
        weight_bytes: of the loaded model.
        rtfx_1, rtfx_8: with one clip and with eight in flight.
        agreement: share of tokens that are those of bfloat16, after bfloat16's tokens; None for bfloat16 itself.
        digit_error_rate: of the digits model; None where nothing could be synthesised.
        same_texts: share of its texts that are those of bfloat16.
    """

    kind: str
    weight_bytes: int
    rtfx_1: float | None
    rtfx_8: float | None
    agreement: float | None
    digit_error_rate: float | None
    same_texts: float | None


@dataclass(frozen=True, kw_only=True)
class Digits:
    """What the digits model made of the held-out recordings."""

    error_rate: float
    texts: tuple[str, ...]


def sounds_of(clip: Clip, count: int) -> list[NDArray[np.float32]]:
    """Different clips of one length."""
    return [speech_like(clip.audio_s, seed=seed) for seed in range(count)]


def follow(
    model: Qwen3ASR, sounds: Sequence[NDArray[np.float32]], tokens: int, told: Sequence[Sequence[int]] = ()
) -> list[list[int]]:
    """The likeliest tokens for each sound, after its own tokens or, where some are told, after those."""
    prompts = [model.prompt(sound, Options()) for sound in sounds]
    slots = list(range(len(prompts)))
    cache = model.open_cache(slots=len(prompts), max_tokens=max(prompt.length for prompt in prompts) + tokens)
    chosen = [[token] for token in model.prefill(cache, prompts, slots).tokens]
    for place in range(tokens - 1):
        newest = [(told or chosen)[slot][place] for slot in slots]
        lengths = [prompt.length + place for prompt in prompts]
        for slot, token in enumerate(model.decode(cache, slots, newest, lengths).tokens):
            chosen[slot].append(token)
    return chosen


def agreement(ones: Sequence[Sequence[int]], others: Sequence[Sequence[int]]) -> float:
    """The share of places with the same token."""
    pairs = [pair for one, other in zip(ones, others, strict=True) for pair in zip(one, other, strict=True)]
    return sum(one == other for one, other in pairs) / len(pairs)


def same_share(ones: Sequence[str], others: Sequence[str]) -> float:
    """The share of texts that are equal."""
    return sum(one == other for one, other in zip(ones, others, strict=True)) / len(ones)


class Exam:
    """The held-out recordings, synthesised once.

    Args:
        strings: per language.

    Raises:
        ImportError, EspeakError: something that speaks them is not installed.
    """

    def __init__(self, strings: int) -> None:
        from training.espeak import Espeak
        from training.test_sets import strings as spoken
        from training.vocabulary import LANGUAGES

        espeak = Espeak()
        self._spoken = [one for language in LANGUAGES for one in spoken(espeak, SEED, language, strings, (1, 10))]

    def take(self, kind: str, device: str) -> Digits:
        """Let the digits model with weights of a kind recognise all of them."""
        from training.recognise import recognise
        from training.score import score

        model = Qwen3ASR.load(resolve_model("digits"), device=device, **placement(kind))
        heard = recognise(model, [one.samples for one in self._spoken])
        result = score(
            (said.digits, found.digits, found.language == said.language)
            for said, found in zip(self._spoken, heard, strict=True)
        )
        return Digits(error_rate=result.rate, texts=tuple(found.text for found in heard))
