"""`X-Harken-Cache`."""

from __future__ import annotations

import asyncio

import httpx

from harken.api.app import create_app
from harken.api.service import Service
from harken.config import CacheConfig
from harken.transcribe.cache import make_cache
from harken.transcribe.transcriber import Transcriber
from tests.api.world import CLIP, LIMITS, READY, World, ask, serving
from tests.transcribe.fakes import FakeReader, FakeRecognizer, file, silence, speech


def test_the_header_says_what_was_known() -> None:
    """Nothing at first, all of it at the second time, a part of a recording that goes on differently."""
    begins, other = speech(0.5), speech(0.5, 0.25)

    async def scene() -> list[str | None]:
        recognizer = FakeRecognizer()
        async with make_cache(CacheConfig()).over(recognizer) as cached:
            service = Service(
                name="asr-1",
                transcriber=Transcriber(cached, FakeReader(), LIMITS),
                recognizer=cached,
                health=lambda: READY,
                limits=LIMITS,
            )
            async with serving(create_app(lambda: service)) as url, httpx.AsyncClient(base_url=url) as client:
                told = []
                for audio in (CLIP, CLIP, file(begins, silence(0.5), begins, silence(0.5), other)):
                    answer = await client.post("/asr", files={"audio": audio})
                    assert answer.status_code == 200
                    told.append(answer.headers.get("x-harken-cache"))
        return told

    assert asyncio.run(scene()) == ["miss", "hit", "partial"]


def test_without_a_cache_there_is_no_header() -> None:
    """It would say nothing."""
    assert "x-harken-cache" not in ask(World(), "POST", "/asr", files={"audio": CLIP}).headers
