"""An instance that is killed in the middle of many sessions; for `benchmarks.live`."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

import aiohttp
import numpy as np
from numpy.typing import NDArray

from benchmarks.live_world import (
    LANGUAGES,
    Talked,
    Wanted,
    at_odds,
    cluster_of,
    connections,
    int16,
    metric,
    quantile,
    talk,
    transcribed,
    wav,
    with_silence,
)
from tests.cluster import Cluster
from training.aligner_test_sets import Timed, long_strings
from training.espeak import Espeak

KILL_AT_S = 10.0
LONG_S = (20.0, 28.0)
PATIENCE_S = 3.0
HELD_S = 0.5
"""How long it is held before it is killed."""


async def kill(wanted: Wanted) -> dict[str, Any]:
    """Kill one of two in the middle; half of the sessions commit by hand, of the others the server finds the turns.

    The same is said before, while nobody is killed: a voice that the voice activity does not hear makes pauses too.
    """
    recordings = await asyncio.to_thread(_spoken, wanted.sessions)
    sounds = [int16(one.samples) for one in recordings]
    finds = [number % 2 == 1 for number in range(len(sounds))]
    async with cluster_of(wanted, instances=2) as cluster, connections() as http:
        calm = await asyncio.gather(*_talking(http, cluster, sounds, finds))
        replays_before = await asyncio.to_thread(metric, cluster.url, "harken_replays_total")
        began = time.monotonic()
        talking = [asyncio.create_task(talk) for talk in _talking(http, cluster, sounds, finds)]
        await asyncio.sleep(KILL_AT_S)
        victim = await asyncio.to_thread(_killed, cluster)
        killed_s = time.monotonic() - began
        talked = await asyncio.gather(*talking)
        await asyncio.to_thread(cluster.wait_ready, 2)
        expected = [
            await transcribed(http, cluster.url, wav(with_silence(sound) if is_found else sound), finds_turns=is_found)
            for sound, is_found in zip(sounds, finds, strict=True)
        ]
        odd = await asyncio.to_thread(at_odds, cluster.url)
        replays = await asyncio.to_thread(metric, cluster.url, "harken_replays_total")
    texts = [one.text(timed.language) for one, timed in zip(talked, recordings, strict=True)]
    same = [text == offline for text, offline in zip(texts, expected, strict=True)]
    pauses, calm_pauses = _pauses(talked), _pauses(calm)
    more = [pause - usual for pause, usual in zip(pauses, calm_pauses, strict=True)]
    return {
        "sessions": len(talked),
        "killed": victim["name"], "in_flight": victim["in_flight"], "killed_at_s": round(killed_s, 1),
        "complete": sum(bool(one.texts) and not one.failures for one in talked),
        "failures": [code for one in talked for code in one.failures],
        "reconnects": sum(one.reconnects for one in talked),
        "equal_to_files": sum(same),
        "differing": [{"live": a, "file": b} for a, b in zip(texts, expected, strict=True) if a != b],
        "replays": replays - replays_before,
        "longest_pause_p50_s": quantile(pauses, 0.5), "longest_pause_max_s": quantile(pauses, 1.0),
        "longest_pause_calm_p50_s": quantile(calm_pauses, 0.5), "longest_pause_calm_max_s": quantile(calm_pauses, 1.0),
        "longer_by_p50_s": quantile(more, 0.5), "longer_by_max_s": quantile(more, 1.0),
        "turns_at_odds": odd,
        "is_good": all(same) and not any(one.failures for one in talked),
    }  # fmt: skip


def _talking(
    http: aiohttp.ClientSession, cluster: Cluster, sounds: list[NDArray[np.int16]], finds: list[bool]
) -> list[Coroutine[Any, Any, Talked]]:
    return [talk(http, cluster.url, sound, finds_turns=is_found) for sound, is_found in zip(sounds, finds, strict=True)]


def _pauses(talked: list[Talked]) -> list[float]:
    """Of each session the longest time between two texts."""
    return [max((b - a for a, b in pairwise(one.told_at)), default=0.0) for one in talked]


def _killed(cluster: Cluster) -> dict[str, Any]:
    """Kill an instance that has something to do: it is held for a moment, so that work comes to it and stays."""
    pid = _busy(cluster)["pid"]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(HELD_S)
    (victim,) = (one for one in cluster.health()["instances"] if one["pid"] == pid)
    os.kill(pid, signal.SIGKILL)
    found: dict[str, Any] = victim
    return found


def _busy(cluster: Cluster) -> dict[str, Any]:
    """Wait until an instance has something to do, and return it."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        victim: dict[str, Any] = max(cluster.health()["instances"], key=lambda one: one["in_flight"])
        if victim["in_flight"] or time.monotonic() > deadline:
            return victim


def _spoken(count: int) -> list[Timed]:
    espeak = Espeak()
    made = [
        long_strings(espeak, "live-kill", language, -(-count // 2), LONG_S, repeats=False) for language in LANGUAGES
    ]
    return [one for pair in zip(*made, strict=True) for one in pair][:count]
