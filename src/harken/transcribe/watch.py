"""Who looks on while a recording is transcribed, and what he is told.

Owns the interface alone. A watch is called on the event loop, between two pieces or two tokens, so it must not block;
what it raises ends the transcription. The invariant of `text`: all deltas together, in the order of the calls, are the
beginning of the final text, and all of it unless a second recognition contradicted what had been told already.
"""

from __future__ import annotations

import time
from typing import Protocol

from harken.types import TokenLogprob


class Watch(Protocol):
    """Is told about the text and the progress of one recording."""

    def text(self, delta: str, logprobs: tuple[TokenLogprob, ...]) -> None:
        """Take the next part of the text, in the order of the recording; spaces between pieces are part of it.

        `logprobs` are its tokens, which spell it; () where they were not asked for. Where they were, text comes piece
        by piece, because they are known at a piece's end only.

        What was told cannot be taken back. Where a piece was recognised a second time (a loop, a lost instance) and
        its text does not begin with what was told, nothing more of that piece comes; the result has its true text.
        """
        ...

    def progress(self, done_s: float, total_s: float | None) -> None:
        """Hear how far it is; called after each piece, in the order in which they end.

        Args:
            done_s: seconds of audio that are done, wherever they lie: recognised, recalled or found to be silent. It
                never goes down. Pieces end in any order, so it is not a place in the recording.
            total_s: length of the recording: what its head promises, then, once all is decoded, what it really is;
                None before that where the head promises nothing. Never less than `done_s`; equal at the last call.
        """
        ...


class Heard:
    """Passes everything on to another watch, and knows how many seconds are done.

    Attributes:
        done_s: as `Watch.progress` has it; 0 before the first piece.
        first_text_at: when the first text came, in seconds of the monotonic clock; None before.
    """

    def __init__(self, watch: Watch) -> None:
        self.done_s = 0.0
        self.first_text_at: float | None = None
        self._watch = watch

    def text(self, delta: str, logprobs: tuple[TokenLogprob, ...]) -> None:
        """Pass it on."""
        if self.first_text_at is None and delta:
            self.first_text_at = time.monotonic()
        self._watch.text(delta, logprobs)

    def progress(self, done_s: float, total_s: float | None) -> None:
        """Keep it, and pass it on."""
        self.done_s = done_s
        self._watch.progress(done_s, total_s)


class NoWatch:
    """Nobody looks on."""

    def text(self, delta: str, logprobs: tuple[TokenLogprob, ...]) -> None:
        """Say nothing."""

    def progress(self, done_s: float, total_s: float | None) -> None:
        """Say nothing."""
