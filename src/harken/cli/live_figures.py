"""Live sessions in `harken logs --summary`: as JSON, and as a few lines for people.

What the figures mean is in `harken.ops.log_live`; that a terminal obeys nothing of them is for who prints. The
invariant: both forms hold the same figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from harken.ops.log_live import LiveWork


def as_dict(live: LiveWork) -> dict[str, Any]:
    """All figures as JSON has them."""
    return {
        "sessions": live.sessions,
        "audio_s": round(live.audio_s, 3),
        "turns": live.turns,
        "resumed": live.resumed,
        "finished": live.finished,
        "ended": dict(live.ended.most_common()),
        "left": dict(live.left.most_common()),
        "refused": dict(live.refused.most_common()),
    }


def lines(live: LiveWork, counts: Callable[[Counter[str]], str]) -> list[str]:
    """The same for people; none where nobody spoke.

    Args:
        live: of one day.
        counts: writes a counter, harmlessly.
    """
    if not live.is_any:
        return []
    audio = timedelta(seconds=round(live.audio_s))
    told = [f"live: {live.sessions:,} sessions ended, {audio} of sound, {live.turns:,} turns"]
    closed = [f"with everything told {live.finished:,}"] if live.finished else []
    closed += [f"by the server: {counts(live.ended)}"] if live.ended else []
    closed += [f"by the client or a break: {counts(live.left)}"] if live.left else []
    if closed:
        told.append(f"  live connections closed {'; '.join(closed)}")
    if live.resumed:
        told.append(f"  live connections that came back: {live.resumed:,}")
    if live.refused:
        told.append(f"  live handshakes refused: {counts(live.refused)}")
    return told
