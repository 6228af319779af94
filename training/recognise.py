"""Greedy recognition of many clips through Harken's own network, outside the engine.

Owns one loop: clips in bunches, each bunch prefilled together and decoded in step until every one of
them has finished by the engine's own rules (`harken.engine.stopping`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harken.engine.loops import LoopWatch
from harken.engine.stopping import finish_of, token_cap
from harken.qwen3_asr.model import Qwen3ASR
from harken.types import SAMPLE_RATE, Options
from training.vocabulary import unspell

_BUNCH = 8


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One answer: the text, its digits (-1 for a word that is none), the language ("" for no speech)."""

    text: str
    language: str

    @property
    def digits(self) -> tuple[int, ...]:
        """The text as digits."""
        return unspell(self.text)


def recognise(model: Qwen3ASR, clips: Sequence[npt.NDArray[np.float32]], options: Options | None = None) -> list[Heard]:
    """Recognise float32 clips [n] at 16 kHz, each as if it were alone; answers in the order of the clips."""
    asked = options or Options()
    order = sorted(range(len(clips)), key=lambda index: len(clips[index]))
    answers: dict[int, Heard] = {}
    for begin in range(0, len(order), _BUNCH):
        bunch = order[begin : begin + _BUNCH]
        texts = _bunch(model, [clips[index] for index in bunch], asked)
        answers.update(zip(bunch, texts, strict=True))
    return [answers[index] for index in range(len(clips))]


def _bunch(model: Qwen3ASR, clips: Sequence[npt.NDArray[np.float32]], options: Options) -> list[Heard]:
    prompts = [model.prompt(clip, options) for clip in clips]
    caps = [token_cap(len(clip) / SAMPLE_RATE) for clip in clips]
    room = max(prompt.length + cap for prompt, cap in zip(prompts, caps, strict=True)) + 1
    cache = model.open_cache(slots=len(clips), max_tokens=room)
    written: list[list[int]] = [[] for _ in clips]
    watches = [LoopWatch() for _ in clips]
    running = list(range(len(clips)))
    tokens = model.prefill(cache, prompts, running).tokens
    while running:
        still: list[int] = []
        for slot, token in zip(running, tokens, strict=True):
            if token not in model.stop_ids:
                written[slot].append(token)
                watches[slot].see(token)
            is_loop = watches[slot].is_loop(len(clips[slot]) / SAMPLE_RATE)
            finish = finish_of(token, len(written[slot]), cap=caps[slot], stop_ids=model.stop_ids, is_loop=is_loop)
            if finish is None:
                still.append(slot)
        running = still
        if running:
            lengths = [prompts[slot].length + len(written[slot]) - 1 for slot in running]
            tokens = model.decode(cache, running, [written[slot][-1] for slot in running], lengths).tokens
    parsed = (model.parse(model.detokenize(ids), options) for ids in written)
    return [Heard(text=text, language=language) for text, language in parsed]
