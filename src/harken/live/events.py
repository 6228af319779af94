"""What happens in a live session, in the order in which it is told. Plain data.

Doors translate it into their protocols. The invariants: texts of a turn come between its beginning and its one end
(`Completed` or `Failed`); final text is only ever added to; and it is the beginning of what is completed.
"""

from __future__ import annotations

from dataclasses import dataclass

from harken.errors import HarkenError
from harken.transcribe.result import Flag
from harken.types import TokenLogprob, Word


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechStarted:
    """Somebody begins to speak; only where the server finds the turns.

    Attributes:
        turn: its number, from 1.
        at_s: where its sound begins, padding included, in seconds from the start of the session.
    """

    turn: int
    at_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechStopped:
    """The same speech has ended.

    Attributes:
        turn: its number.
        at_s: where its sound ends, padding included.
    """

    turn: int
    at_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Committed:
    """A turn's sound is complete; what is said of it from now on is its text alone.

    Attributes:
        turn: its number.
        start_s: where its sound begins, in seconds from the start of the session.
        end_s: where it ends.
        before: number of the turn that was committed before it; None for the first. One that was cleared is left out.
    """

    turn: int
    start_s: float
    end_s: float
    before: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """More is known of a turn's text.

    Attributes:
        turn: its number.
        delta: what is added to the final text; "" for nothing. It brings its own space.
        tentative: what seems to follow, spaced likewise; it replaces what was tentative before.
        stable: so many characters of it are agreed on by several drafts, and will hardly change.
    """

    turn: int
    delta: str
    tentative: str
    stable: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """A turn's text is final.

    Attributes:
        turn: its number.
        text: all of it; the deltas before, joined, are its beginning.
        language: name of the language, "" where nothing was spoken.
        start_s: where its sound begins, in seconds from the start of the session.
        end_s: where it ends.
        words: with times from the start of the session; None where they were not asked for.
        logprobs: of the tokens of the text; None where they were not asked for.
        warnings: stretches that its reader should not trust, with times from the start of the session.
    """

    turn: int
    text: str
    language: str
    start_s: float
    end_s: float
    words: tuple[Word, ...] | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    warnings: tuple[Flag, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """A turn has no final text; the session goes on.

    Attributes:
        turn: its number.
        error: why.
    """

    turn: int
    error: HarkenError


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """The session is over; nothing follows.

    Attributes:
        error: why the server ended it; None where the client finished and everything was told.
    """

    error: HarkenError | None = None


LiveEvent = SpeechStarted | SpeechStopped | Committed | Text | Completed | Failed | Ended
