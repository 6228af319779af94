"""How the tokens of one segment are chosen, and what is told about each: plain data between an engine and a network.

The engine knows which segment asked for what, the network holds the scores; this is all that passes between the two.
A plain segment, which takes the likeliest token every time and wants to know nothing more, has no manner and costs
nothing. The invariant: what is chosen depends on the segment's own scores, tokens and samples alone. The draws of
a temperature are numbered by the token's place and seeded by the samples, so that batch, instance, stream and time
of day make no difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harken.types import Options

_BITS = 24
"""Of a draw: as many as a float32 holds exactly."""


NO_TOKEN = -1
"""In place of a token: the model's arithmetic overflowed for this sequence, so that nothing can be chosen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How all tokens of one segment are chosen.

    Attributes:
        temperature: 0 takes the likeliest token; above, scores are divided by it and tokens are drawn.
        penalty: 1 changes nothing; see `Options.repetition_penalty`.
        seed: of the draws.
        wants_logprobs: a `Note` with every token.
        is_forced: the prompt has named the language, so that the first token is text already.
    """

    temperature: float = 0.0
    penalty: float = 1.0
    seed: bytes = b""
    wants_logprobs: bool = False
    is_forced: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One token to be chosen: in which manner, and what stands in the segment's answer before it, a prefix included."""

    manner: Manner
    written: tuple[int, ...] = ()

    @property
    def draw(self) -> float:
        """A number in (0, 1], always the same one for this place of this segment."""
        place = len(self.written).to_bytes(4, "little")
        number = int.from_bytes(hashlib.blake2b(place, key=self.manner.seed, digest_size=8).digest(), "little")
        return ((number >> (64 - _BITS)) + 1) / (1 << _BITS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """What is told about one chosen token.

    Attributes:
        logprob: natural logarithm of its probability, at temperature 1 and before any penalty.
        no_speech: probability of the token that would go on towards "language None" here; None where the answer has
            left that path, or never was on it.
    """

    logprob: float
    no_speech: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """What one step chose.

    Attributes:
        tokens: one per sequence, in order; `NO_TOKEN` where its scores were no numbers.
        notes: by the sequence's place in the step, for those who wanted them.
    """

    tokens: list[int]
    notes: Mapping[int, Note] = field(default_factory=dict)


def manner_of(options: Options, samples: NDArray[np.float32]) -> Manner | None:
    """What options ask for; None where that is nothing but the likeliest tokens.

    Args:
        options: of the segment.
        samples: float32 [n]; the seed of its draws is made of them and of nothing else.
    """
    if options.temperature <= 0 and options.repetition_penalty == 1 and not options.wants_logprobs:
        return None
    is_drawn = options.temperature > 0
    return Manner(
        temperature=max(options.temperature, 0.0),
        penalty=options.repetition_penalty,
        seed=hashlib.blake2b(samples.tobytes(), digest_size=16).digest() if is_drawn else b"",
        wants_logprobs=options.wants_logprobs,
        is_forced=options.language is not None,
    )
