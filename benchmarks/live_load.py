"""N clients that speak at the same time: delays, updates, CPU; for `benchmarks.live`."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import aiohttp
import numpy as np

from benchmarks.live_cpu import Cpu
from benchmarks.live_world import SILENCE_MS, Wanted, cluster_of, connections, play_of, quantile, with_pauses
from harken.bench.load.live import Play, Result
from harken.bench.load.texts import errors_of
from harken.cli.bench_stream import LiveStream, Pause
from harken.cli.live_wish import LiveWish
from harken.clock import SystemClock

RECORDINGS = 48
LATE_S = 1.0
_RAMP_S = 3.0
_REST_S = 5.0


async def load(wanted: Wanted) -> dict[str, Any]:
    """Measure level by level."""
    plays = [play_of(one) for one in await asyncio.to_thread(with_pauses, RECORDINGS, "live-load")]
    levels: list[dict[str, Any]] = []
    async with cluster_of(wanted) as cluster, connections() as http:
        cpu = await asyncio.to_thread(Cpu, cluster)
        await asyncio.sleep(2.0)
        before = cpu.now()
        await asyncio.sleep(_REST_S)
        rest = {name: round((value - before[name]) / _REST_S, 4) for name, value in cpu.now().items()}
        for count in wanted.levels:
            levels.append(await _level(http, cluster.url, plays, count=count, seconds=wanted.seconds, cpu=cpu))
            print(levels[-1], flush=True)
            if len(levels) > 1 and not any(one["holds"] for one in levels[-2:]):
                break
    held = [one["streams"] for one in levels if one["holds"]]
    return {
        "seconds": wanted.seconds,
        "silence_ms": SILENCE_MS,
        "cpu_at_rest": rest,
        "levels": levels,
        "largest": max(held, default=0),
    }


async def _level(
    http: aiohttp.ClientSession, url: str, plays: list[Play], *, count: int, seconds: float, cpu: Cpu
) -> dict[str, Any]:
    clock = SystemClock()
    end = clock.now() + _RAMP_S + seconds

    def own(number: int) -> Iterator[Play]:
        order = np.random.default_rng((1, number)).permutation(len(plays))
        for place in itertools.cycle(order.tolist()):
            if clock.now() >= end:
                return
            yield plays[place]

    async def one(number: int) -> LiveStream:
        random = np.random.default_rng((2, number))
        await asyncio.sleep(random.uniform(0, _RAMP_S))
        wish = LiveWish(server=url, silence_ms=SILENCE_MS)
        stream = LiveStream(http, wish, own(number), pause=Pause(), random=random, clock=clock)
        await stream.run()
        return stream

    before, began = cpu.now(), clock.now()
    streams = await asyncio.gather(*(one(number) for number in range(count)))
    elapsed_s = clock.now() - began
    taken = {name: round((value - before[name]) / elapsed_s / count, 4) for name, value in cpu.now().items()}
    results = [result for stream in streams for result in stream.results]
    return {"streams": count, **_figures(results, streams), "cpu_per_stream": taken, "elapsed_s": round(elapsed_s, 1)}


def _figures(results: list[Result], streams: list[LiveStream]) -> dict[str, Any]:
    good = [one for one in results if not one.code]
    first = [one.first_text_s for one in good if one.first_text_s is not None]
    final = [one.final_s for one in good if one.final_s is not None]
    commit = [one.after_commit_s for one in good if one.after_commit_s is not None]
    speech_s = sum(one.play.speech_to_s - one.play.speech_from_s for one in good)
    errors = [errors_of(one.play.text, one.text) for one in good if one.play.text]
    words = sum(one.words for one in errors)
    p95 = quantile(final, 0.95)
    refusals = Counter(stream.refusal.code for stream in streams if stream.refusal)
    return {
        "recordings": len(results),
        "failed": dict(Counter(one.code for one in results if one.code)),
        "refused_or_ended": dict(refusals),
        "reconnects": sum(stream.reconnects for stream in streams),
        "client_late_s": round(max(stream.late_s for stream in streams), 3),
        "first_text_p50_s": quantile(first, 0.5), "first_text_p95_s": quantile(first, 0.95),
        "final_after_end_p50_s": quantile(final, 0.5), "final_after_end_p95_s": p95,
        "after_commit_p50_s": quantile(commit, 0.5), "after_commit_p95_s": quantile(commit, 0.95),
        "updates_per_s": round(sum(one.updates for one in good) / speech_s, 2) if speech_s else None,
        "word_error_rate": round(sum(one.word_errors for one in errors) / words, 4) if words else None,
        "holds": p95 is not None and p95 < LATE_S and len(good) == len(results) and not refusals,
    }  # fmt: skip
