"""Tells the context that came back from speech. Pure.

Given little to hear, the model likes to answer with the names it was told beforehand. An answer made only of the
context, word for word, counts as a leak where voice activity heard hardly any speech, or where nobody could have said
so much in the time. A clearly spoken hot word ("Kubernetes") is neither, and stays. A soft one may be suspected (a
quarter of soft single words is below the bound), so whoever asks should listen again without the context, and believe
that answer.
"""

from __future__ import annotations

import unicodedata

from harken.languages import is_unspaced
from harken.transcribe.pace import least_s

CLEAR_SPEECH = 0.5
"""Probability of speech from which an answer is believed even if it is made of the context."""


def is_leak(text: str, context: str, *, speech_prob: float, audio_s: float) -> bool:
    """Say whether a piece's text is the context and not speech.

    Args:
        text: of the piece.
        context: what the model was told beforehand.
        speech_prob: the highest probability of speech in the piece.
        audio_s: its length in seconds.
    """
    if speech_prob >= CLEAR_SPEECH and least_s(text) <= audio_s:
        return False
    return is_run_of(text, context)


def is_run_of(text: str, context: str) -> bool:
    """Say whether a text is made of words of the context that follow each other there; case and marks do not count."""
    wanted, offered = _words(text), _words(context)
    if not wanted:
        return False
    return any(offered[at : at + len(wanted)] == wanted for at in range(len(offered) - len(wanted) + 1))


def _words(text: str) -> list[str]:
    """Words without case and marks; each character of a script without spaces is a word."""
    spaced = []
    for character in unicodedata.normalize("NFKC", text).casefold():
        if is_unspaced(character):
            spaced.append(f" {character} ")
        elif character.isalnum() or unicodedata.category(character).startswith("M"):
            spaced.append(character)
        else:
            spaced.append("" if character in "'’" else " ")
    return "".join(spaced).split()
