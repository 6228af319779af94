"""What the engine asks of a network, and all that it knows of one.

The engine never looks inside a prompt or a cache; it counts tokens and hands both back. The invariant that a network
owes: the token chosen for one slot depends on that slot's prompt and tokens alone, not on what else is in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harken.choice import Choice, Chosen
from harken.types import ModelInfo, Options


class Pending(Protocol):
    """A decode step that is being computed."""

    def result(self) -> Chosen:
        """Wait for it."""
        ...


class Prompt(Protocol):
    """One segment made ready for prefill."""

    @property
    def length(self) -> int:
        """Tokens it takes in the cache, audio and prefix included."""
        ...

    @property
    def prefix(self) -> tuple[int, ...]:
        """Tokens of the answer that it ends with, because the client gave them (`Options.prefix`)."""
        ...


class Reader(Protocol):
    """Reads one raw text that is still being written."""

    def read(self, piece: str) -> str:
        """Take more of it; return the text that this settles: without header, and nothing can change it any more.

        All of it together is the beginning of the text that `Model.parse` makes of the whole, but for white space
        around it.
        """
        ...


class Model(Protocol):
    """A speech recogniser with a cache that is divided into slots.

    Everything that takes a cache runs in the one thread that owns the model; all else is pure and may run in any.
    """

    @property
    def info(self) -> ModelInfo:
        """Its name, revision, longest segment and languages."""
        ...

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens that say that it is done."""
        ...

    @property
    def prefill_audio_s(self) -> float:
        """The most audio, in seconds, that is worth reading at once: everybody else waits meanwhile."""
        ...

    @property
    def looks_ahead(self) -> bool:
        """Whether `launch` returns before its step is done, so that the next one can be prepared meanwhile."""
        ...

    def open_cache(self, *, slots: int, max_tokens: int) -> Any:
        """Reserve room for `slots` sequences of at most `max_tokens` tokens each, prompts included.

        Raises:
            MemoryError: there is not so much; `prefill` raises it, too.
        """
        ...

    def prompt(self, samples: NDArray[np.float32], options: Options) -> Prompt:
        """Make a segment's samples (float32 [n], 16 kHz) and options into a prompt."""
        ...

    def prefill(
        self, cache: Any, prompts: Sequence[Any], slots: Sequence[int], choices: Sequence[Choice | None] = ()
    ) -> Chosen:
        """Fill each slot's cache from its first place with one prompt; choose each one's first token.

        Args:
            cache: what `open_cache` returned.
            prompts: what `prompt` returned.
            slots: one for each.
            choices: one for each, None for the likeliest token; or none at all for all of them.
        """
        ...

    def decode(
        self,
        cache: Any,
        slots: Sequence[int],
        tokens: Sequence[int],
        lengths: Sequence[int],
        choices: Sequence[Choice | None] = (),
    ) -> Chosen:
        """Append one token to each of these slots and choose each one's next.

        Args:
            cache: what `open_cache` returned.
            slots: any subset of the slots, each once.
            tokens: the newest token of each, not in the cache yet.
            lengths: tokens already in the cache for each.
            choices: as for `prefill`.
        """
        ...

    def launch(self, cache: Any, slots: Sequence[int], lengths: Sequence[int]) -> Pending:
        """Start a decode step whose tokens need not be known: for each slot the likeliest one of its last step.

        Steps are computed in the order in which they were started. Only for a model that looks ahead.

        Args:
            cache: what `open_cache` returned.
            slots: any subset of the slots, each once.
            lengths: tokens in the cache for each, when all steps before this one are done.
        """
        ...

    def detokenize(self, ids: Sequence[int]) -> str:
        """The raw text of tokens, header included; an unfinished character shows as U+FFFD at the end."""
        ...

    def parse(self, raw: str, options: Options) -> tuple[str, str]:
        """Split raw text into what was said and the language's name."""
        ...

    def reader(self, options: Options) -> Reader:
        """What reads one raw text of these options while it is written."""
        ...

    def bytes_of(self, token: int) -> bytes:
        """The bytes of one token; those of an answer, decoded as UTF-8 with replacement, are `detokenize` of it."""
        ...

    def text_start(self, ids: Sequence[int]) -> int:
        """How many tokens at the beginning of an answer are its header."""
        ...
