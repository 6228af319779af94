"""An instance that is killed in the middle of many sessions; for `benchmarks.live`."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from itertools import pairwise
from typing import Any

from benchmarks.live_world import (
    LANGUAGES,
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


async def kill(wanted: Wanted) -> dict[str, Any]:
    """Kill one of two in the middle; half of the sessions commit by hand, of the others the server finds the turns."""
    recordings = await asyncio.to_thread(_spoken, wanted.sessions)
    sounds = [int16(one.samples) for one in recordings]
    async with cluster_of(wanted, instances=2) as cluster, connections() as http:
        finds = [number % 2 == 1 for number in range(len(sounds))]
        began = time.monotonic()
        talking = [
            asyncio.create_task(talk(http, cluster.url, sound, finds_turns=is_found))
            for sound, is_found in zip(sounds, finds, strict=True)
        ]
        await asyncio.sleep(KILL_AT_S)
        victim = await asyncio.to_thread(_busy, cluster)
        os.kill(victim["pid"], signal.SIGKILL)
        killed_s = time.monotonic() - began
        talked = await asyncio.gather(*talking)
        await asyncio.to_thread(cluster.wait_ready, 2)
        expected = [
            await transcribed(http, cluster.url, wav(with_silence(sound) if is_found else sound), finds_turns=is_found)
            for sound, is_found in zip(sounds, finds, strict=True)
        ]
        odd = await asyncio.to_thread(at_odds, cluster.url)
        retries = await asyncio.to_thread(metric, cluster.url, "harken_retries_total")
    texts = [one.text(timed.language) for one, timed in zip(talked, recordings, strict=True)]
    same = [text == offline for text, offline in zip(texts, expected, strict=True)]
    before = [max((b - a for a, b in pairwise(one.told_at) if b <= killed_s), default=0.0) for one in talked]
    after = [max((b - a for a, b in pairwise(one.told_at) if b > killed_s), default=0.0) for one in talked]
    return {
        "sessions": len(talked),
        "killed": victim["name"], "in_flight": victim["in_flight"], "killed_at_s": round(killed_s, 1),
        "complete": sum(bool(one.texts) and not one.failures for one in talked),
        "failures": [code for one in talked for code in one.failures],
        "reconnects": sum(one.reconnects for one in talked),
        "equal_to_files": sum(same),
        "differing": [{"live": a, "file": b} for a, b in zip(texts, expected, strict=True) if a != b],
        "retries": retries,
        "longest_pause_before_p50_s": quantile(before, 0.5), "longest_pause_before_max_s": quantile(before, 1.0),
        "longest_pause_after_p50_s": quantile(after, 0.5), "longest_pause_after_max_s": quantile(after, 1.0),
        "turns_at_odds": odd,
        "is_good": all(same) and not any(one.failures for one in talked),
    }  # fmt: skip


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
