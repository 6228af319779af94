"""What the autoscaler looks at: one moment of a fleet, in numbers.

Plain data; whoever owns the fleet fills it in. Invariant: what is not known is None, never a guess, because a guess of
0 means "nothing is waiting" or "no memory is left" to whoever decides by it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One moment of a fleet.

    Attributes:
        now: monotonic seconds.
        wanted: instances that the fleet is to have, those that still start included.
        ready: instances that take segments.
        starting: instances that load or wait for their turn to load.
        slots: segments that the ready instances run at the same time, together.
        in_flight: segments that run.
        queued_audio_s: audio-seconds of the segments that wait.
        oldest_wait_s: how long the oldest of them has waited.
        held: requests that wait though there is no instance.
        pace: audio-seconds per second that one ready instance does when its slots are full, as measured.
        start_s: how long the start of an instance takes, as measured.
        cpu_share: busy part of the machine's CPU, 0 to 1.
        gpu_share: busy part of the busiest GPU, 0 to 1.
        room: instances beyond `wanted` for which memory has room.
        last_request_s: seconds since the last request came.
        cores: CPU cores that the instances share, where they compute on the CPU; None where they do not.
    """

    now: float
    wanted: int
    ready: int
    starting: int = 0
    slots: int = 0
    in_flight: int = 0
    queued_audio_s: float = 0.0
    oldest_wait_s: float = 0.0
    held: int = 0
    pace: float | None = None
    start_s: float | None = None
    cpu_share: float | None = None
    gpu_share: float | None = None
    room: int | None = None
    last_request_s: float | None = None
    cores: int | None = None
