"""Somebody speaks through a gateway to an instance of this process: what is told of it, and of whom nobody tells."""

from __future__ import annotations

import asyncio
import wave
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harken.audio import AudioReader
from harken.config import Config, LimitsConfig, LiveConfig
from harken.samples import packaged_samples
from harken.server.live import look_at, running_live
from harken.testing.recognizer import MisbehavingRecognizer
from harken.transcribe.transcriber import Transcriber
from tests.api.live.speaking import all_told, dial, say, told
from tests.server.test_gateway import FakeFleet, gateway, instance, until

SPOKEN = next(sample.path for sample in packaged_samples() if sample.path.name == "english-01.wav")


async def speak(url: str) -> str:
    """Say something, read a draft of it, and the end; returns the name of the session's request."""
    with wave.open(str(SPOKEN)) as file:
        rate, sound = file.getframerate(), file.readframes(file.getnframes())
    address = f"{url.replace('http', 'ws', 1)}/v1/listen?turn_detection=none&sample_rate={rate}"
    async with dial(address) as client:
        assert client.response is not None
        name: str = client.response.headers["X-Request-Id"]
        await client.send(sound)
        while (await told(client))["type"] != "text":
            pass
        await say(client, "finish")
        messages, code = await all_told(client)
        assert (messages[-1]["type"], code) == ("completed", 1000)
    return name


def values(metrics: str) -> dict[str, float]:
    """What of live sessions is scraped, buckets left out."""
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name.startswith("harken_live_") and "le" not in sample.labels
    }


@pytest.mark.slow
def test_a_turn_is_told_as_a_request_and_its_drafts_are_not() -> None:
    """In the document, in the metrics; and what is counted of the session itself."""

    async def story() -> tuple[str, dict[str, Any], dict[str, float], str]:
        async with instance() as url, gateway(FakeFleet([url])) as server:
            await until(server, lambda answer: answer.status_code == 200)
            name = await speak(server.url)
            cluster = (await server.client.get("/cluster")).json()
            metrics = (await server.client.get("/metrics")).text
        return name, cluster, values(metrics), metrics

    name, cluster, live, metrics = asyncio.run(story())
    (request,) = cluster["requests"]
    assert (request["id"], request["route"], request["class"]) == (f"{name}-1", "/v1/listen", "live")
    assert (request["outcome"], request["segments_in_all"]) == ("done", 1)
    assert len(request["segments"][0]["tries"]) == 1
    assert 1 < request["audio_s"] < 2
    assert cluster["live"]["drafts"] == live["harken_live_draft_seconds_count"] >= 1
    assert cluster["live"]["final_p95_s"] is not None
    for shown, counted in (("opened", "opened_total"), ("turns", "turns_total"), ("sessions", "sessions")):
        assert cluster["live"][shown] == live[f"harken_live_{counted}"] == (0 if shown == "sessions" else 1)
    assert live["harken_live_final_seconds_count"] == 1
    assert live["harken_live_sessions_limit"] == LiveConfig().sessions
    assert 'harken_requests_total{class="live",outcome="done",route="/v1/listen"} 1.0' in metrics
    assert 'harken_segments_total{class="live",outcome="done"} 1.0' in metrics, "drafts are no segments of a recording"
    assert cluster["now"]["requests"] == 1


def test_where_live_transcription_is_not_offered_nothing_is_told_of_it() -> None:
    """`live.sessions = 0`: no sessions, no figures."""

    async def story() -> None:
        config = Config(live=LiveConfig(sessions=0)).live
        async with AudioReader() as reader:
            recognizer = MisbehavingRecognizer()
            transcriber = Transcriber(recognizer, reader, LimitsConfig())
            async with running_live(config, recognizer, recognizer, transcriber, reader, tell=lambda _: None) as live:
                assert live is None
                assert look_at(live) is None

    asyncio.run(story())
