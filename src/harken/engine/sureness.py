"""How sure the model was of an answer: from the notes of its tokens to what a transcript says.

Pure. Only the text's own tokens are listed; header and end are not text, but the end counts in the mean, because an
answer that ends where the model was not done is as doubtful as a doubtful word.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harken.engine.messages import Ended
from harken.engine.model import Model
from harken.types import TokenLogprob


@dataclass(frozen=True, kw_only=True, slots=True)
class Sureness:
    """The fields of a `Transcript` that carry these names."""

    logprobs: tuple[TokenLogprob, ...] | None = None
    avg_logprob: float | None = None
    no_speech_prob: float | None = None


def sureness(model: Model, ended: Ended, *, text: str, is_forced: bool) -> Sureness:
    """Sum up the notes of one answer.

    Args:
        model: for the bytes of its tokens.
        ended: the answer, with or without notes.
        text: what was parsed from it.
        is_forced: the language was, so that there was no header in which to say "None".
    """
    if not ended.notes:
        return Sureness()
    start = model.text_start(ended.tokens) if text else len(ended.tokens)
    logprobs = tuple(
        _told(model.bytes_of(token), note.logprob)
        for token, note in zip(ended.tokens[start:], ended.notes[start:], strict=False)
    )
    counted = [note.logprob for note in ended.notes[start:]]
    towards = [note.no_speech for note in ended.notes if note.no_speech is not None]
    return Sureness(
        logprobs=logprobs,
        avg_logprob=sum(counted) / len(counted) if counted else None,
        no_speech_prob=None if is_forced else math.prod(towards),
    )


def _told(spelled: bytes, logprob: float) -> TokenLogprob:
    return TokenLogprob(token=spelled.decode(errors="replace"), logprob=logprob, bytes=tuple(spelled))
