"""The same recordings live and as files: whether the texts are the same; for `benchmarks.live`."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import aiohttp

from benchmarks.live_world import (
    Wanted,
    at_odds,
    cluster_of,
    connections,
    int16,
    spoken,
    talk,
    transcribed,
    wav,
    with_silence,
)
from training.aligner_test_sets import Timed

AGAINST = {"by hand": "plain", "server_vad": "cut", "server_vad against the plain file": "plain"}


async def equal(wanted: Wanted) -> dict[str, Any]:
    """Compare them, some at a time."""
    recordings = (await asyncio.to_thread(spoken, wanted.recordings, "live-equal"))[: wanted.recordings]
    room = asyncio.Semaphore(wanted.at_once)
    counts: Counter[str] = Counter()
    differing: list[dict[str, str]] = []

    async with cluster_of(wanted) as cluster, connections() as http:

        async def one(timed: Timed) -> None:
            async with room:
                found = await _texts(http, cluster.url, timed)
            for name, offline in AGAINST.items():
                live = found["live by hand" if name == "by hand" else "live server_vad"]
                counts[name] += live == found[offline]
                if live != found[offline] and name in ("by hand", "server_vad"):
                    differing.append({"how": name, "voice": timed.voice, "live": live, "file": found[offline]})
            counts["turns"] += int(found["turns"])
            counts["said"] += found["plain"] == timed.text

        await asyncio.gather(*(one(timed) for timed in recordings))
        odd = await asyncio.to_thread(at_odds, cluster.url)
    return {
        "recordings": len(recordings),
        "audio_s": round(sum(len(one.samples) for one in recordings) / 16_000),
        "equal": {name: counts[name] for name in AGAINST},
        "files_as_said": counts["said"],
        "turns": counts["turns"],
        "turns_at_odds": odd,
        "differing": differing,
        "is_good": not differing,
    }


async def _texts(http: aiohttp.ClientSession, url: str, timed: Timed) -> dict[str, str]:
    samples = int16(timed.samples)
    data = wav(samples)
    plain = await transcribed(http, url, data)
    cut = await transcribed(http, url, wav(with_silence(samples)), finds_turns=True)
    by_hand = await talk(http, url, samples, finds_turns=False)
    found = await talk(http, url, samples, finds_turns=True)
    return {
        "plain": plain,
        "cut": cut,
        "live by hand": _text(by_hand.text(timed.language), by_hand.failures),
        "live server_vad": _text(found.text(timed.language), found.failures),
        "turns": str(len(by_hand.texts) + len(found.texts)),
    }


def _text(text: str, failures: list[str]) -> str:
    return f"{text} failed: {', '.join(failures)}" if failures else text
