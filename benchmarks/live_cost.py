"""What an update of one long turn costs, early and late; for `benchmarks.live`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.live_cpu import Cpu
from benchmarks.live_world import Wanted, cluster_of, connections, int16, metrics, quantile, talk
from training.aligner_test_sets import long_strings
from training.espeak import Espeak

TURN_S = (72.0, 78.0)
WINDOWS = {"second 5": (2.0, 8.0), "second 15": (12.0, 18.0), "second 30": (27.0, 33.0), "second 60": (57.0, 63.0)}
"""Of a turn, in seconds: about a dozen updates each."""

_REST_S = 8.0
_METRICS = {
    "drafts": "harken_live_draft_seconds_count",
    "wall_s": "harken_live_draft_seconds_sum",
    "audio_s": "harken_engine_audio_seconds_total",
    "tokens": "harken_engine_tokens_total",
    "busy_s": "harken_engine_busy_seconds_total",
}


@dataclass(frozen=True, kw_only=True)
class _Reading:
    at: float
    cpu_s: float
    gateway_s: float
    figures: dict[str, float]


async def cost(wanted: Wanted) -> dict[str, Any]:
    """Measure the same turn several times, each by another voice."""
    turns = await asyncio.to_thread(_turns, wanted.repeats)
    async with cluster_of(wanted, instances=1) as cluster, connections() as http:
        cpu = await asyncio.to_thread(Cpu, cluster)

        async def read() -> _Reading:
            values = await asyncio.to_thread(metrics, cluster.url, list(_METRICS.values()))
            taken, figures = cpu.now(), dict(zip(_METRICS, values, strict=True))
            return _Reading(at=time.monotonic(), cpu_s=taken["instances"], gateway_s=taken["gateway"], figures=figures)

        await asyncio.sleep(2.0)
        before = await read()
        await asyncio.sleep(_REST_S)
        rest = _difference(before, await read())
        rows = []
        for samples in turns:
            rows.append(await _measured(http, cluster.url, samples, read))
            print(rows[-1], flush=True)
    at_rest = {name: rest[name] / rest["elapsed_s"] for name in ("cpu_s", "gateway_s")}
    per_draft = {name: [_per_draft(row[name], at_rest) for row in rows] for name in WINDOWS}
    return {
        "instances": 1,
        "turns_s": [round(len(samples) / 16_000, 1) for samples in turns],
        "cpu_at_rest_per_s": {name: round(value, 4) for name, value in at_rest.items()},
        "per_draft": per_draft,
        "median": {
            name: {key: quantile([one[key] for one in each], 0.5) for key in each[0]}
            for name, each in per_draft.items()
        },
    }


def _turns(count: int) -> list[NDArray[np.int16]]:
    espeak = Espeak()
    languages = ["English" if number % 2 == 0 else "Chinese" for number in range(count)]
    return [
        int16(long_strings(espeak, f"live-cost{number}", language, 1, TURN_S, repeats=False)[0].samples)
        for number, language in enumerate(languages)
    ]


async def _measured(http: Any, url: str, samples: NDArray[np.int16], read: Any) -> dict[str, dict[str, float]]:
    """The differences of all figures over each window."""
    marks = {edge: asyncio.Event() for window in WINDOWS.values() for edge in window}

    def on_packet(said_s: float) -> None:
        for edge, event in marks.items():
            if said_s >= edge:
                event.set()

    async def watch() -> dict[str, dict[str, float]]:
        found = {}
        for name, (begin, end) in WINDOWS.items():
            await marks[begin].wait()
            first = await read()
            await marks[end].wait()
            found[name] = _difference(first, await read())
        return found

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        await talk(http, url, samples, finds_turns=False, on_packet=on_packet)
        for event in marks.values():
            event.set()
    return watching.result()


def _difference(first: _Reading, second: _Reading) -> dict[str, float]:
    figures = {name: second.figures[name] - first.figures[name] for name in _METRICS}
    return {
        "elapsed_s": second.at - first.at,
        "cpu_s": second.cpu_s - first.cpu_s,
        "gateway_s": second.gateway_s - first.gateway_s,
        **figures,
    }


def _per_draft(row: dict[str, float], at_rest: dict[str, float]) -> dict[str, float]:
    count = max(1.0, row["drafts"])
    own_s, gateway_s = (row[name] - at_rest[name] * row["elapsed_s"] for name in ("cpu_s", "gateway_s"))
    return {
        "drafts": row["drafts"],
        "instance_cpu_ms": round(1000 * own_s / count, 1),
        "gateway_cpu_ms": round(1000 * gateway_s / count, 1),
        "wall_ms": round(1000 * row["wall_s"] / count, 1),
        "busy_ms": round(1000 * row["busy_s"] / count, 1),
        "audio_s": round(row["audio_s"] / count, 2),
        "instance_cpu_ms_per_audio_s": round(1000 * own_s / max(0.1, row["audio_s"]), 2),
        "tokens": round(row["tokens"] / count, 1),
    }
