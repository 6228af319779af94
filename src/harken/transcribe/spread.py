"""How wide a recording is spread: how many of its pieces are recognised at the same time. Pure.

A long file is done sooner the more of its pieces run at once, and so are those behind it: in the simulator, at 90 %
load, sixteen instead of eight take a quarter off the 95th percentile of files of 10 to 20 minutes. But each piece holds
2 MB from its decoding to its end, and where nothing keeps slots free for others, one file should not take them all.
"""

from __future__ import annotations

from typing import Final

LEAST: Final = 8
"""Even where an instance has fewer slots: there may be several, and so many pieces are no burden."""


def pieces_at_once(most: int, slots: int) -> int:
    """Return how many pieces of one recording may be with the recognizer at a time.

    Args:
        most: the configured bound, `limits.segments_in_flight`.
        slots: segments that one instance runs at the same time.
    """
    return min(most, max(LEAST, slots))
