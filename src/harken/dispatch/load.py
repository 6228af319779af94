"""How much a dispatcher has to do at one moment, in plain numbers, for whoever decides how many instances there are.

Plain data; it decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What waits, what runs, and how fast it goes.

    Attributes:
        waiting: segments that wait for a slot.
        asking: requests that wait for the first instance, because nobody knows yet what is served.
        queued_audio_s: seconds of audio that wait.
        oldest_wait_s: how long the segment has waited that came first.
        in_flight: segments on the targets that were asked about.
        ready: targets that are ready, whichever.
        slots: segments that the ready ones of those that were asked about can have at once: as their throughput has
            shown, and before it has, as they say.
        rtfx: audio-seconds finished per second in which something ran; None before anything was.
        full_rtfx: the same while somebody waited, which is what the targets can do; None before that was seen.
        idle_s: seconds since the last segment ended, or somebody asked; since the start, where none did. 0 while any is
            open.
    """

    waiting: int
    asking: int
    queued_audio_s: float
    oldest_wait_s: float
    in_flight: int
    ready: int
    slots: int
    rtfx: float | None
    full_rtfx: float | None
    idle_s: float
