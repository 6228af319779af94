"""The text of a sequence as it comes: what may be shown already, and nothing that later tokens could change.

Three things are held back: the header (`language English<asr_text>`), a character of which only some bytes have come,
and white space at the end (the final text is stripped). The invariant: all pieces together are exactly the final text.
"""

from __future__ import annotations

from harken.engine.model import Model
from harken.types import Options, Send

_HEADER_END = "<asr_text>"
_HEADER_BEGIN = "language "
_HEADER_CHARS_MAX = 80
_UNFINISHED = "\ufffd"


def settled(raw: str, *, is_forced: bool) -> str | None:
    """The part of raw output that is final, or None while the header may still be coming.

    Args:
        raw: all that was written so far, header included.
        is_forced: the language was forced, so that there should be no header. A model may write one all the same;
            text that could be the beginning of one is held back until it is too long for that.
    """
    if _HEADER_END not in raw:
        begin = raw.lstrip()
        could_be_header = begin.startswith(_HEADER_BEGIN) or _HEADER_BEGIN.startswith(begin)
        if not is_forced or (could_be_header and len(begin) < _HEADER_CHARS_MAX):
            return None
    return without_half_character(raw)


def without_half_character(raw: str) -> str:
    """Raw output without the character at its end of which some bytes are missing, if there is one.

    Tokens are bytes, and a sequence may also end at its cap in the middle of a character.
    """
    return raw.rstrip(_UNFINISHED)


class Writer:
    """Sends one sequence's text piece by piece.

    Args:
        model: for its `detokenize` and `parse`.
        options: of the segment.
        send: takes each piece.
    """

    def __init__(self, model: Model, options: Options, send: Send) -> None:
        self._model = model
        self._options = options
        self._send = send
        self._tokens: list[int] = []
        self._sent = ""

    def write(self, token: int) -> None:
        """Take the next token; send what it settles."""
        self._tokens.append(token)
        raw = settled(self._model.detokenize(self._tokens), is_forced=self._options.language is not None)
        if raw is not None:
            text, _ = self._model.parse(raw, self._options)
            self._send_rest(text.rstrip())

    def close(self, text: str) -> bool:
        """Send what is left of the final text; False when earlier pieces do not fit it."""
        self._send_rest(text)
        return self._sent == text

    def _send_rest(self, text: str) -> None:
        if len(text) > len(self._sent) and text.startswith(self._sent):
            piece = text[len(self._sent) :]
            self._sent = text
            self._send(piece)
