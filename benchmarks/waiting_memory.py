"""The second part of `benchmarks.overhead`: what a clip that waits costs in memory."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import httpx

from benchmarks.dispatch.client import Reply, post
from benchmarks.dispatch.nginx import GUIDE_TIMEOUT_S, Balancing
from benchmarks.dispatch.servers import House, Server
from benchmarks.dispatch.tape import Tape
from harken.config import CacheConfig

CLIP_S = 6.0
PLAIN = Balancing()
_FIRST = 10
"""Clips that wait before memory is first looked at."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Memory of clips that wait for an instance; MiB."""

    way: str
    clips: int
    before_mib: float
    after_mib: float
    mib_per_1000: float


async def pile_up(house: House, tape: Tape, clips: int, *, is_nginx: bool) -> Waiting:
    """Let clips wait in the gateway, or behind nginx, for an instance of one slot that takes 12 s for each."""
    instance = house.instance("asr-1", rtfx=0.5, slots=1, in_flight=8)
    front = (
        house.nginx([instance], PLAIN, timeout_s=GUIDE_TIMEOUT_S)
        if is_nginx
        # Half an audio-second per second: what would wait for hours is refused unless it may.
        else house.gateway([instance], cache_bytes=str(CacheConfig().bytes), limits_queue_timeout_s="100000")
    )
    counted = [front, instance] if is_nginx else [front]
    tasks = [asyncio.create_task(_post(front.url, tape, number)) for number in range(_FIRST)]
    await asyncio.sleep(2)  # libraries that load with the first clip are no clip's memory
    before = sum(server.memory_mib() for server in counted)
    for number in range(_FIRST, _FIRST + clips):
        tasks.append(asyncio.create_task(_post(front.url, tape, number)))
        await asyncio.sleep(0.03)  # so that they queue for the instance and not for decoding
    inside = await asyncio.to_thread(_settled, instance if is_nginx else front)
    after = sum(server.memory_mib() for server in counted)
    failed = [task.result() for task in tasks if task.done() and task.result().status != 200]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for server in (front, instance):
        await asyncio.to_thread(house.end, server)
    if failed:
        raise RuntimeError(f"{len(failed)} did not wait: {failed[0]}")
    return Waiting(
        way="nginx + instance" if is_nginx else "gateway",
        clips=inside - _FIRST,
        before_mib=round(before, 1),
        after_mib=round(after, 1),
        mib_per_1000=round((after - before) / (inside - _FIRST) * 1000, 1),
    )


async def _post(url: str, tape: Tape, number: int) -> Reply:
    clip = tape.cut(number, CLIP_S, number)
    return await post(url, clip.wav(), clip.size, timeout_s=600)


def _settled(server: Server) -> int:
    """The clips inside, running or waiting, once their number grows no more."""
    inside, before = 0, -1
    while inside > before:
        time.sleep(1)  # decoding takes far less than that
        health = httpx.get(f"{server.url}/health", timeout=10).json()
        queued = health["queued_audio_s"] / CLIP_S if server.name == "gateway" else 0
        before, inside = inside, round(queued) + sum(one["in_flight"] for one in health["instances"])
    return inside
