"""What the engine asks of a network, and all that it knows of one.

The engine never looks inside a prompt or a cache; it counts tokens and hands both back. The invariant that a network
owes: the token chosen for one slot depends on that slot's prompt and tokens alone, not on what else is in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harken.types import ModelInfo, Options


class Prompt(Protocol):
    """One segment made ready for prefill."""

    @property
    def length(self) -> int:
        """Tokens it takes in the cache, audio included."""
        ...


class Model(Protocol):
    """A greedy speech recogniser with a cache that is divided into slots.

    `prompt`, `detokenize` and `parse` are pure and may run in any thread; everything that takes a cache runs in the one
    thread that owns the model.
    """

    @property
    def info(self) -> ModelInfo:
        """Its name, revision, longest segment and languages."""
        ...

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens that say that it is done."""
        ...

    def open_cache(self, *, slots: int, max_tokens: int) -> Any:
        """Reserve room for `slots` sequences of at most `max_tokens` tokens each, prompts included."""
        ...

    def prompt(self, samples: NDArray[np.float32], options: Options) -> Prompt:
        """Make a segment's samples (float32 [n], 16 kHz) and options into a prompt."""
        ...

    def prefill(self, cache: Any, prompts: Sequence[Any], slots: Sequence[int]) -> list[int]:
        """Fill each slot's cache from its first place with one prompt; return each one's first token."""
        ...

    def decode(self, cache: Any, slots: Sequence[int], tokens: Sequence[int], lengths: Sequence[int]) -> list[int]:
        """Append one token to each of these slots and return each one's next.

        Args:
            cache: what `open_cache` returned.
            slots: any subset of the slots, each once.
            tokens: the newest token of each, not in the cache yet.
            lengths: tokens already in the cache for each.
        """
        ...

    def detokenize(self, ids: Sequence[int]) -> str:
        """The raw text of tokens, header included; an unfinished character shows as U+FFFD at the end."""
        ...

    def parse(self, raw: str, options: Options) -> tuple[str, str]:
        """Split raw text into what was said and the language's name."""
        ...
