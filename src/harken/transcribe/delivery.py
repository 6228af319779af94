"""Text on its way to whoever watches: in the order of the recording, however the pieces end.

The first piece that is not done yet, the head, may pass text on while it is written; what comes behind it waits and
then comes whole. Owns the spaces between pieces, by the same rule as the stitched text. The invariant: everything told
is the beginning of the final text, as long as no piece contradicts what it had told itself; such a piece tells nothing
more.
"""

from __future__ import annotations

from collections.abc import Callable

from harken.transcribe.result import PlacedTranscript
from harken.transcribe.stitch import needs_space, space_between, space_by_characters, spaced_tokens
from harken.types import TokenLogprob

Tell = Callable[[str, tuple[TokenLogprob, ...]], None]
"""Takes the next text and its tokens, as `Watch.text`."""


class Delivery:
    """Orders the text of one recording's pieces, which are numbered from 0.

    Args:
        tell: takes the text.
        language: the forced language's name; None where each piece has its own, known only at its end.
        done: is told of each piece in order, when its text was told.
    """

    def __init__(
        self, tell: Tell, language: str | None, done: Callable[[PlacedTranscript], None] = lambda _: None
    ) -> None:
        self._tell = tell
        self._piece_done = done
        self._language = language
        self._head = 0
        self._done: dict[int, PlacedTranscript] = {}
        self._before: PlacedTranscript | None = None
        self._written = ""
        self._told = ""

    def is_head(self, index: int) -> bool:
        """Say whether nothing before this piece is missing, so that it may tell its text as it comes."""
        return index == self._head

    def write(self, delta: str) -> None:
        """Take the next text of the head piece, and tell what of it is certain.

        White space at its edges is kept back, because the final text has none; all of it is kept back where only the
        piece's language could say whether a space comes first.
        """
        self._written += delta
        text = self._written.strip()
        if text and self._separator(text) is not None:
            self._tell_until(text, self._separator(text) or "")

    def finish(self, index: int, piece: PlacedTranscript) -> None:
        """Take a piece's final text, and tell whatever has its turn now."""
        self._done[index] = piece
        while (ready := self._done.pop(self._head, None)) is not None:
            self._close(ready)
            self._head += 1
            self._piece_done(ready)

    def _close(self, piece: PlacedTranscript) -> None:
        if piece.text.startswith(self._told) and piece.text:
            space = space_between(self._before, piece)
            self._tell_until(piece.text, space, spaced_tokens(piece.logprobs or (), space))
        if piece.text:
            self._before = piece
        self._written = self._told = ""

    def _separator(self, text: str) -> str | None:
        """What stands before the head piece's text; None while only its language could tell."""
        if self._before is None:
            return ""
        is_needed = space_by_characters(self._before.text, text)
        if is_needed is None and self._language is not None:
            is_needed = needs_space(self._before.text, text, {self._language})
        return None if is_needed is None else " " if is_needed else ""

    def _tell_until(self, text: str, separator: str, tokens: tuple[TokenLogprob, ...] = ()) -> None:
        if not text.startswith(self._told) or text == self._told:
            return
        delta = text[len(self._told) :]
        if not self._told:
            delta = separator + delta
        self._told = text
        self._tell(delta, tokens)
