"""What a dispatcher tells of each segment that a target recognised, to whoever wants to know.

Plain data. It holds what a client sent and what was heard in it, so it is for the memory of this process alone: never
for a log, a file or a metric. The invariant: told is what one target did in one try, never an answer from a cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harken.types import Transcript
from harken.wire import Job


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognized:
    """One segment that was recognised.

    Attributes:
        target: name of the target that did it.
        job: the segment that it was given, with its options.
        transcript: what it heard.
        took_s: from the claim of its slot to its end, in seconds.
    """

    target: str
    job: Job
    transcript: Transcript
    took_s: float


OnRecognized = Callable[[Recognized], None]
"""Called for each recognised segment, before its client gets the text. It must neither block nor raise."""
