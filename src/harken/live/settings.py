"""What a client wants of a live session. Plain data; whoever reads a protocol makes one."""

from __future__ import annotations

from dataclasses import dataclass, field

from harken.types import Options


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnRule:
    """How the server finds turns, with OpenAI's names and defaults of its realtime API.

    Attributes:
        threshold: probability from which a sound counts as speech, in [0, 1].
        prefix_padding_s: sound that is kept before speech, in seconds.
        silence_s: a pause of this length ends a turn, in seconds.
    """

    threshold: float = 0.5
    prefix_padding_s: float = 0.3
    silence_s: float = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveSettings:
    """Of one session; may be changed between turns, and then counts for turns that begin later.

    Attributes:
        options: of the recognition; the language may be a name or a code in any case, or None to detect it.
        turns: how turns are found; None where the client commits by hand.
    """

    options: Options = field(default_factory=Options)
    turns: TurnRule | None = field(default_factory=TurnRule)
