"""Our engine under a steady load: so many segments in flight, all of one length.

Goes through the engine's door alone (`Engine.recognize`), so it measures what a server gets. Some of the clients read
along (all of them up to eight): they tell when the first token came. The invariant: a segment counts only when its
model wrote as many tokens as it was told to.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.arithmetic import Clip, forced_tokens
from benchmarks.engine.busy import Busy, busy_of
from benchmarks.engine.forced import Forced
from benchmarks.engine.rounds import Pace, Rounds
from benchmarks.quantile import quantile
from harken.engine.engine import Engine
from harken.testing import speech_like
from harken.types import Options, Segment

_READERS = 8


@dataclass(frozen=True, kw_only=True)
class Row:
    """One level; `rtfx` is of the median round, latencies are of all rounds.

    Attributes:
        kind: what the weights are kept in.
        audio_s: of each clip.
        tokens: written for each clip.
        at_a_time: clips in flight.
        rounds_rtfx: of every round.
        first_token_p50_s: from `recognize` to the first piece of a stream.
        busy: share of the time in which the device computed; None where nobody knows.
        segments: measured.
    """

    kind: str
    audio_s: float
    tokens: int
    at_a_time: int
    rtfx: float
    rounds_rtfx: list[float]
    segments_per_s: float
    tokens_per_s: float
    latency_p50_s: float
    latency_p95_s: float
    first_token_p50_s: float
    busy: float | None
    segments: int


@dataclass(kw_only=True)
class _Seen:
    """What clients saw after the warm-up."""

    latencies_s: list[float] = field(default_factory=list)
    first_tokens_s: list[float] = field(default_factory=list)


def measure(model: Forced, kind: str, clip: Clip, at_a_time: int, *, device: str, pace: Pace) -> Row:
    """Measure one level."""
    with busy_of(device) as busy:
        rounds = Rounds(at_a_time, pace)
        seen = asyncio.run(_watch(model, clip, at_a_time, rounds, busy))
        share = busy.share(*rounds.span())
    per_s = rounds.median_per_s()
    return Row(
        kind=kind,
        audio_s=clip.audio_s,
        tokens=clip.tokens,
        at_a_time=at_a_time,
        rtfx=round(per_s * clip.audio_s, 2),
        rounds_rtfx=[round(one * clip.audio_s, 2) for one in rounds.segments_per_s()],
        segments_per_s=round(per_s, 3),
        tokens_per_s=round(per_s * clip.tokens, 1),
        latency_p50_s=round(quantile(seen.latencies_s, 0.5), 4),
        latency_p95_s=round(quantile(seen.latencies_s, 0.95), 4),
        first_token_p50_s=round(quantile(seen.first_tokens_s, 0.5), 4),
        busy=None if share is None else round(share, 3),
        segments=len(seen.latencies_s),
    )


async def _watch(model: Forced, clip: Clip, at_a_time: int, rounds: Rounds, busy: Busy) -> _Seen:
    """Keep so many segments in flight until all rounds are done."""
    seen, is_over = _Seen(), asyncio.Event()
    sound = speech_like(clip.audio_s)
    every = max(1, at_a_time // _READERS)

    async def client(number: int) -> None:
        while True:
            latency_s, first_s = await _recognise(engine, sound, clip, number, reads=number % every == 0)
            was_warm = rounds.has_begun
            rounds.see(time.perf_counter())
            if was_warm:
                seen.latencies_s.append(latency_s)
                if first_s is not None:
                    seen.first_tokens_s.append(first_s)
            elif rounds.has_begun:
                busy.look()
            if rounds.is_over:
                busy.look()
                is_over.set()

    async with Engine(model, slots=at_a_time, waiting=0, cap=forced_tokens) as engine, asyncio.TaskGroup() as group:
        clients = [group.create_task(client(number)) for number in range(at_a_time)]
        await is_over.wait()
        for one in clients:
            one.cancel()
    return seen


async def _recognise(
    engine: Engine, sound: NDArray[np.float32], clip: Clip, number: int, *, reads: bool
) -> tuple[float, float | None]:
    """One segment: how long it took, and how long until its first token was there for those who read along."""
    first: list[float] = []

    def send(_: str) -> None:
        if not first:
            first.append(time.perf_counter() - began)

    segment = Segment(samples=sound, request_id="benchmark", index=number)
    began = time.perf_counter()
    transcript = await engine.recognize(segment, Options(), send if reads else None)
    latency_s = time.perf_counter() - began
    if transcript.tokens != clip.tokens:
        raise RuntimeError(f"a segment of {clip.tokens} tokens has {transcript.tokens}: {transcript.finish}")
    return latency_s, first[0] if first else None
