"""Which segments are aligned together.

Pure. They go in the order in which they came, as many as wait already; nobody waits for company. A batch is bounded in
two ways, since every segment of it is padded to the longest: in segments, and in audio-seconds with the padding.
"""

from __future__ import annotations

from collections.abc import Sequence

BATCH_SEGMENTS = 8
BATCH_AUDIO_S = 120.0


def batch_size(audio_s: Sequence[float]) -> int:
    """Count how many of the segments that wait, from the first on, are aligned in one pass; at least one.

    Args:
        audio_s: the seconds of each, in order; not empty.
    """
    longest = 0.0
    for count, seconds in enumerate(audio_s[:BATCH_SEGMENTS]):
        longest = max(longest, seconds)
        if count and longest * (count + 1) > BATCH_AUDIO_S:
            return count
    return min(len(audio_s), BATCH_SEGMENTS)
