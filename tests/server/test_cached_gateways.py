"""Two gateways as processes, with a Redis between them."""

from __future__ import annotations

import asyncio
import io
import shutil
from collections import Counter
from pathlib import Path

import httpx
import pytest
import soundfile

from harken.testing.sounds import speech_like
from tests.cluster import running_cluster
from tests.transcribe.cache.redis_server import running_redis

pytest.importorskip("redis")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed"),
]


def clip(seed: int) -> bytes:
    """A recording of its own."""
    file = io.BytesIO()
    soundfile.write(file, speech_like(1.0, seed=seed), 16_000, format="WAV")
    return file.getvalue()


async def ask_all(
    urls: list[str], clips: list[bytes], times: int, headers: dict[str, str] | None = None
) -> list[httpx.Response]:
    """Send every clip so many times to each gateway, all at once."""
    async with httpx.AsyncClient(timeout=60, headers=headers) as client:
        return await asyncio.gather(
            *(
                client.post(f"{url}/asr", files={"audio": ("a.wav", one)})
                for _ in range(times)
                for one in clips
                for url in urls
            )
        )


def test_two_gateways_have_ten_recordings_recognised_ten_times(tmp_path: Path) -> None:
    """All of them asked at once; and when Redis dies, every request is still answered, with the same texts."""
    flags = ("--model", "stub:rtfx=4", "--instances", "1")
    clips = [clip(seed) for seed in range(10)]
    with running_redis(tmp_path) as redis:
        env = {"HARKEN_CACHE_BYTES": "1000000", "HARKEN_CACHE_URL": f"unix://{tmp_path / 'redis.sock'}"}
        with running_cluster(*flags, env=env) as one, running_cluster(*flags, env=env) as other:
            for cluster in (one, other):
                cluster.wait_ready(1)
            urls = [one.url, other.url]
            answers = asyncio.run(ask_all(urls, clips, 5))
            assert {answer.status_code for answer in answers} == {200}
            assert Counter(answer.headers["x-harken-cache"] for answer in answers) == {"miss": 10, "hit": 90}
            redis.kill()
            fresh = [clip(seed) for seed in range(8, 14)]
            later = asyncio.run(ask_all(urls, fresh, 2))
            assert {answer.status_code for answer in later} == {200}
            texts = {answer.json()["text"] for answer in answers}
            assert len(texts) == 10
            assert len(texts | {answer.json()["text"] for answer in later}) == 14
