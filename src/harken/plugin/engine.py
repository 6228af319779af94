"""The interface of an engine, and the data that passes through it.

Knows nothing of threads, HTTP or how engines are found. The invariant is in the defaults: what an engine does not say
that it can do, it cannot, and a client who asks for it is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from harken.types import Options, TokenLogprob, Wish, Word


class Unwanted(BaseException):  # no Exception: an engine that goes on after any of those must still stop for this one
    """Nobody waits for this segment any more. Raised by `Report`; let it through."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """How an engine is started.

    Attributes:
        argument: what stands behind the colon in `--model name:argument`; "" where there is nothing.
        device: `instance.device`, "auto" where the engine may choose.
        threads: CPU threads that all its calls together should use; at least 1.
        slots: calls at the same time that the operator wants; 0 leaves it to the engine.
    """

    argument: str = ""
    device: str = "auto"
    threads: int = 1
    slots: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """A recording whose text is known; the engine must recognise it before it serves, and whenever it is doubted.

    Attributes:
        samples: float32 [n], mono, 16 kHz, in [-1, 1]; not longer than the engine's longest segment.
        text: what is said; case, marks and the spelling of digits are no matter.
        tolerance: share of the words that may be wrong, missing or too many, 0 to 1.
    """

    samples: NDArray[np.float32]
    text: str
    tolerance: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineInfo:
    """What an engine says of itself, once it is loaded.

    Attributes:
        name: of the model, as clients see it.
        languages: names of `harken.languages` that it recognises; at least one.
        revision: changes whenever its answers may; caches go by it. "" for the version of its distribution.
        max_segment_s: the longest segment that it takes, in seconds; longer recordings are cut at pauses.
        slots: calls of `recognize` that may run at the same time.
        honours: which of the wishes that not every model can fulfil it fulfils.
        times_words: it tells when each word is spoken, where `options.wants_words`.
        proof: with what it proves itself; None for the packaged recording of English digits, of whose words a third may
            be wrong.
        device: what it computes on.
    """

    name: str
    languages: tuple[str, ...]
    revision: str = ""
    max_segment_s: float = 30.0
    slots: int = 1
    honours: frozenset[Wish] = frozenset()
    times_words: bool = False
    proof: Proof | None = None
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What an engine recognised in one segment.

    Attributes:
        text: what was said; "" for nothing.
        language: a name of `EngineInfo.languages`; "" where it has only one, or the client named it.
        words: with their times, where they were wanted; what overlaps is put in order by Harken.
        logprobs: of the tokens, where they were wanted; together they spell the text.
        is_cut: the text may lack its end. Harken then tries the halves of the segment.
    """

    text: str
    language: str = ""
    words: tuple[Word, ...] | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    is_cut: bool = False


class Report(Protocol):
    """What an engine may say while it works; both are cheap, and call them as often as you like."""

    def progress(self) -> None:
        """Something was done. An engine slower than half of real time must say so, or it is taken for stuck.

        Raises:
            Unwanted: nobody waits any more.
        """
        ...

    def write(self, text: str) -> None:
        """Give the next piece of text to those who read along; all pieces together must be how `Heard.text` begins.

        Raises:
            Unwanted: nobody waits any more.
        """
        ...


class SpeechEngine(Protocol):
    """A speech recogniser. `info` does not change; what `recognize` raises costs its segment, not the instance."""

    @property
    def info(self) -> EngineInfo:
        """What it is and what it can do."""
        ...

    def recognize(self, samples: NDArray[np.float32], options: Options, report: Report) -> Heard:
        """Recognise one segment; blocks. Called in up to `info.slots` threads at the same time.

        Args:
            samples: float32 [n], mono, 16 kHz, in [-1, 1]; read-only.
            options: language (one of its own, or None to find it out), and what it honours; all else has its default.
            report: for progress, and for text that comes before the end.
        """
        ...


Factory = Callable[[Setup], SpeechEngine]
"""Loads an engine; blocks as long as it takes. Raises `ConfigError` for an argument that makes no sense."""
