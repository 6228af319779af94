"""A segment as a form of OpenAI's audio API. Pure.

Servers differ in what they take: vLLM times no words for this model, a whisper server knows no penalty. What a server
may be asked for is its `Abilities`; each begins as granted and is taken away when the server refuses it. The invariant:
what was said and what was forced is always sent; only what may be left out without changing the question is optional.
"""

from __future__ import annotations

import dataclasses
import struct
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from harken.languages import CODES
from harken.types import SAMPLE_RATE
from harken.wire import Job

_FULL_SCALE = 32_768


class Option(StrEnum):
    """What may be left out of a request.

    In the order in which it is given up where a server does not say what it refuses.
    """

    PENALTY = "repetition_penalty"
    LOGPROBS = "include"
    STREAM = "stream"
    PROMPT = "prompt"
    WORDS = "timestamp_granularities"


OF_ONE_REQUEST = frozenset({Option.PROMPT})
"""What a server may refuse for what it says (a prompt that is too long), so that it is asked for it again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Abilities:
    """What a server may be asked for.

    Attributes:
        refused: what it has refused.
        is_terse: without a stream it keeps the detected language to itself (vLLM), so that all answers are streamed.
    """

    refused: frozenset[Option] = frozenset()
    is_terse: bool = False

    def without(self, option: Option) -> Abilities:
        """The same, but for one option."""
        return dataclasses.replace(self, refused=self.refused | {option})


def options_of(job: Job, abilities: Abilities) -> frozenset[Option]:
    """The optional things that a request for this segment asks for."""
    options = job.options
    wanted = {
        Option.PENALTY: options.repetition_penalty != 1,
        # A verbose answer carries the means; the tokens come with a plain one only.
        Option.LOGPROBS: options.wants_logprobs and not options.wants_words,
        Option.STREAM: (job.wants_deltas or (abilities.is_terse and options.language is None))
        and not options.wants_words,
        Option.PROMPT: bool(options.context),
        Option.WORDS: options.wants_words,
    }
    return frozenset(option for option, is_wanted in wanted.items() if is_wanted) - abilities.refused


def fields_of(job: Job, model: str, asked: frozenset[Option]) -> list[tuple[str, str]]:
    """The text fields of the form.

    Args:
        job: the segment and its options.
        model: the server's name for it; "" leaves the field out.
        asked: from `options_of`.
    """
    options = job.options
    fields = [("model", model)] if model else []
    if options.language is not None:
        fields.append(("language", CODES.get(options.language, options.language)))
    if options.temperature > 0:
        fields.append(("temperature", f"{options.temperature:g}"))
    fields.append(("response_format", "verbose_json" if Option.WORDS in asked else "json"))
    if Option.PROMPT in asked:
        fields.append(("prompt", options.context))
    if Option.PENALTY in asked:
        fields.append(("repetition_penalty", f"{options.repetition_penalty:g}"))
    if Option.LOGPROBS in asked:
        fields.append(("include[]", "logprobs"))
    if Option.STREAM in asked:
        fields.append(("stream", "true"))
    if Option.WORDS in asked:
        fields.append(("timestamp_granularities[]", "word"))
    return fields


def wav_of(samples: NDArray[np.float32]) -> bytes:
    """Write samples as a WAV file: mono, 16 kHz, 16 bits; what is beyond [-1, 1] is clipped.

    Samples that came from 16 bits come back bit for bit.
    """
    rounded = np.rint(samples * np.float32(_FULL_SCALE))
    pcm: bytes = np.clip(rounded, -_FULL_SCALE, _FULL_SCALE - 1).astype("<i2").tobytes()
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + len(pcm), b"WAVE",
        b"fmt ", 16, 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16,
        b"data", len(pcm),
    )  # fmt: skip
    return head + pcm
