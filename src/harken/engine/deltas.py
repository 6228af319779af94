"""The text of a sequence as it comes: what may be shown already, and nothing that later tokens could change.

Held back are a character of which only some bytes have come, what may belong to a header or a mark (the model's own
reader knows), white space at the end (the final text is stripped), and a tail that repeats itself, until it stops
doing so: should it turn out to be a loop, nobody has seen it. The work for a token does not grow with the text. The
invariant: all pieces together are exactly the final text; in a loop they are its beginning.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from harken.engine.loops import LoopWatch
from harken.engine.model import Model
from harken.types import Finish, Options, Send

_UNFINISHED = "\ufffd"


def without_half_character(raw: str) -> str:
    """Raw output without the character at its end of which some bytes are missing, if there is one.

    Tokens are bytes, and a sequence may also end at its cap in the middle of a character.
    """
    return raw.rstrip(_UNFINISHED)


class Writer:
    """Sends one sequence's text piece by piece.

    Args:
        model: for its `bytes_of` and `reader`.
        options: of the segment.
        send: takes each piece.
        prefix: tokens of its text that were given; they are sent with the first that is written, so that nothing has
            reached anybody before the model has worked.
    """

    def __init__(self, model: Model, options: Options, send: Send, prefix: Sequence[int] = ()) -> None:
        self._model = model
        self._send = send
        self._reader = model.reader(options)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._watch = LoopWatch()
        self._held = ""
        self._sent: list[str] = []
        for token in prefix:
            self._take(token)

    def write(self, token: int) -> None:
        """Take the next token; send what it settles."""
        self._take(token)
        if not self._sent:
            self._held = self._held.lstrip()
        if self._watch.is_repeating:
            return
        end = len(_without_open_end(self._held))
        self._put(self._held[:end])
        self._held = self._held[end:]

    def close(self, text: str, finish: Finish = Finish.STOP) -> bool:
        """Send what is left of the final text, unless it is a loop; False when earlier pieces do not fit it."""
        sent = "".join(self._sent)
        if text.startswith(sent) and finish is not Finish.LOOP:
            self._put(text[len(sent) :])
        return text.startswith(sent)

    def _take(self, token: int) -> None:
        self._watch.see(token)
        self._held += self._reader.read(self._decoder.decode(self._model.bytes_of(token)))

    def _put(self, piece: str) -> None:
        if piece:
            self._sent.append(piece)
            self._send(piece)


def _without_open_end(text: str) -> str:
    """Text without what may yet be stripped from its end: white space, and a character that will not be finished."""
    before = ""
    while before != text:
        before, text = text, text.rstrip().rstrip(_UNFINISHED)
    return text
