"""What `--model stub:key=value,…` may say: how fast a stub is, and how it misbehaves.

Pure. A key that does not exist is an error which says which one was probably meant.
"""

from __future__ import annotations

import difflib
import typing
from dataclasses import dataclass
from typing import Any

from harken.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class StubOptions:
    """The values of one stub.

    Segments are counted from 1 as they come; the canary (request id "canary") is not counted, and is never answered
    with a loop, a cut or a leak. A loop is a right text with a word again and again behind it; it is streamed, too.

    Attributes:
        rtfx: audio-seconds per second of one segment alone.
        start_s: seconds that loading takes.
        max_segment_s: the longest segment.
        fail_every: each so many-th segment fails; 0 for none.
        hang_on: the so many-th segment begins, and makes no progress for ever; 0 for none.
        exit_on: the process dies when the so many-th segment comes; 0 for never.
        exit_at_start: the process leaves with this code instead of loading; 0 for not.
        wrong_canary: 1 for text that differs from what the canary expects.
        wrong_after: 1 and more: once the canary was heard so often, all text is as with `wrong_canary`. An instance
            that starts hears it twice.
        loop_every: about one of so many segments loops, by its samples: 1 for all of them, 0 for none.
        loop_longer_than_s: only segments that are longer loop; alone, all of those do.
        loop_until_penalty: 1 for a loop that any repetition penalty above 1 cures; alone, all segments have it.
        length_longer_than_s: segments that are longer end at the token cap, without their last word; 0 for none.
        leaks_context: 1 for a stub that answers everything with the context, where there is one.
    """

    rtfx: float = 100.0
    start_s: float = 0.0
    max_segment_s: float = 30.0
    fail_every: int = 0
    hang_on: int = 0
    exit_on: int = 0
    exit_at_start: int = 0
    wrong_canary: int = 0
    wrong_after: int = 0
    loop_every: int = 0
    loop_longer_than_s: float = 0.0
    loop_until_penalty: int = 0
    length_longer_than_s: float = 0.0
    leaks_context: int = 0


def parse_stub(spec: str) -> StubOptions:
    """Read "stub" or "stub:rtfx=50,start_s=2".

    Raises:
        ConfigError: an unknown key, or a value that is no number.
    """
    _, _, listed = spec.partition(":")
    known = typing.get_type_hints(StubOptions)
    values: dict[str, Any] = {}
    for part in filter(None, listed.split(",")):
        key, _, value = (piece.strip() for piece in part.partition("="))
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(known)}."
            raise ConfigError(f"Unknown option of the stub: {key!r}; {hint}")
        try:
            values[key] = known[key](value)
        except ValueError as error:
            raise ConfigError(f"stub:{key} must be a number, not {value!r}.") from error
    return StubOptions(**values)
