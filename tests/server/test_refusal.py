"""A gateway whose queue is full refuses by the head of a request."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from harken.config import CacheConfig, Config, LimitsConfig
from harken.server.gateway import Gateway
from harken.testing.sounds import speech_like
from tests.server.running import running
from tests.server.test_gateway import FAST, FakeFleet, instance, is_ready, until, wav


@pytest.mark.slow
def test_an_upload_that_could_not_be_queued_is_not_read() -> None:
    """The answer comes while the client still has everything to send; who waits already is served."""
    config = Config(fleet=FAST, limits=LimitsConfig(queue_audio_s=3.0), cache=CacheConfig(bytes=0))

    async def refused(url: httpx.URL) -> bytes:
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(
            b"POST /asr HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        return answer.lower()

    async def story() -> None:
        async with instance("stub:rtfx=2") as url:
            fleet = FakeFleet([url])
            async with running(Gateway(config, fleet.opened)) as server:
                await until(server, is_ready)
                accepted = [
                    asyncio.create_task(
                        server.client.post("/asr", files={"audio": ("a.wav", wav(speech_like(3.0, seed=seed)))})
                    )
                    for seed in range(20)
                ]
                await until(server, lambda answer: answer.json()["queued_audio_s"] >= 3.0)
                answer = await refused(server.client.base_url)
                assert answer.startswith(b"http/1.1 503")
                assert b"retry-after: " in answer
                codes = [answer.status_code for answer in await asyncio.gather(*accepted)]
                assert 200 in codes
                assert set(codes) <= {200, 503}

    asyncio.run(story())
