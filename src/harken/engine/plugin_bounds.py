"""How much an engine of another package may say of a segment: by the length of its audio, and by what can travel. Pure.

Nobody speaks ten words a second; an engine that returns a million has a fault, and looking at each of them would keep
the instance from answering its fleet. It knows numbers, not what an engine returns. The invariant: what is within these
bounds fits into one line of the wire, or is refused here with the reason.
"""

from __future__ import annotations

from harken.errors import EngineFailed
from harken.types import Transcript
from harken.wire import Done, pack_message

_WORDS_PER_S, _WORDS_MORE = 50, 200
_TOKENS_PER_S, _TOKENS_MORE = 100, 400
"""An engine's token may be a byte of a character."""
_CHARACTERS_PER_S, _CHARACTERS_MORE = 500, 2000
_CHARACTERS_MOST = 100_000
"""A piece of text is a line of the wire, and JSON may need six bytes for a character."""

LINE_BYTES_MAX = 1_000_000
"""A gateway refuses lines above 1 MiB as broken; this leaves room for what the instance itself adds."""


def words_max(audio_s: float) -> int:
    """How many words it may time."""
    return _WORDS_MORE + int(_WORDS_PER_S * audio_s)


def tokens_max(audio_s: float) -> int:
    """How many log-probabilities it may tell."""
    return _TOKENS_MORE + int(_TOKENS_PER_S * audio_s)


def characters_max(audio_s: float) -> int:
    """How long its text may be, and all its words or tokens together."""
    return min(_CHARACTERS_MORE + int(_CHARACTERS_PER_S * audio_s), _CHARACTERS_MOST)


def refuse_more(count: int, most: int, what: str, audio_s: float) -> None:
    """Refuse what is too much.

    Args:
        count: how much it is.
        most: how much it may be.
        what: what is counted.
        audio_s: seconds of audio of the segment.

    Raises:
        EngineFailed: it is.
    """
    if count > most:
        raise EngineFailed(f"The engine returned {count} {what} for {audio_s:.1f} s of audio; at most {most} can be.")


def refuse_what_cannot_travel(transcript: Transcript) -> None:
    """Refuse a transcript that is too long for a line of the wire.

    Raises:
        EngineFailed: it is.
    """
    size = len(pack_message(Done(transcript=transcript)))
    if size > LINE_BYTES_MAX:
        raise EngineFailed(f"The engine returned {size} bytes for one segment; an instance can send {LINE_BYTES_MAX}.")
