"""When a sequence ends: the model says so, it repeats itself, or its token cap is reached.

Pure. Repetition is told by `harken.engine.loops`; the cap is for all else that does not end. It grows with the audio,
because people speak at a bounded rate: without a cap, a model that never says "done" would hold its slot until its
whole context is full.
"""

from __future__ import annotations

import math

from harken.types import Finish

_BASE_TOKENS = 32
_TOKENS_PER_S = 12


def token_cap(audio_s: float) -> int:
    """The most tokens that a segment of `audio_s` seconds may write, its header included: 32 + 12 per second."""
    return _BASE_TOKENS + math.ceil(_TOKENS_PER_S * audio_s)


def finish_of(token: int, written: int, *, cap: int, stop_ids: frozenset[int], is_loop: bool = False) -> Finish | None:
    """Decide whether a sequence ends with its newest token.

    Args:
        token: the newest token.
        written: tokens written including this one, if it is text.
        cap: the most that it may write.
        stop_ids: tokens that mean "done"; they are no text.
        is_loop: its tail is a repetition that nobody can have spoken.

    Returns:
        STOP, LOOP (the text ends in a repetition), LENGTH (the text may be incomplete), or None to go on.
    """
    if token in stop_ids:
        return Finish.STOP
    if is_loop:
        return Finish.LOOP
    return Finish.LENGTH if written >= cap else None
