"""Times of words on their way from a real instance over the wire."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

from harken.config import Config, FleetConfig, InstanceConfig, LimitsConfig
from harken.dispatch.dispatcher import Dispatcher
from harken.engine.load import load
from harken.errors import NoWordTimes
from harken.server.instance import Instance
from harken.testing import segment
from harken.types import ModelInfo, Options, Segment, Transcript
from tests.cluster import running_cluster
from tests.server.running import running

_WORDS = Options(wants_words=True)


async def _told(config: InstanceConfig, one: Segment, options: Options = _WORDS) -> tuple[ModelInfo, Transcript]:
    """What a dispatcher says of an instance behind a socket, and what it brings from there."""
    instance = Instance(Config(instance=config), load, url="http://here")
    async with running(instance) as server, Dispatcher(LimitsConfig(), FleetConfig()) as dispatcher:
        dispatcher.add_target("asr-1", server.url)
        await dispatcher.wait_ready(60.0)
        return await dispatcher.model(), await dispatcher.recognize(one, options)


@pytest.mark.slow
def test_words_travel_with_the_transcript_and_the_aligner_with_the_model() -> None:
    """So a gateway can refuse what none of its instances can do, and needs no aligner of its own."""
    model, found = asyncio.run(_told(InstanceConfig(model="stub", drain_timeout_s=10), segment(2)))
    assert model.aligner is not None
    assert model.aligner.name == "stub-aligner"
    assert "English" in model.aligner.languages
    assert found.words is not None
    assert [word.text for word in found.words] == found.text.replace(".", "").split()
    assert found.words[-1].end_s == 2.0


@pytest.mark.slow
def test_the_refusal_of_words_travels_too() -> None:
    """By its code, from an instance without an aligner and from one that does not know the language."""
    without = InstanceConfig(model="stub", aligner="none", drain_timeout_s=10)
    with pytest.raises(NoWordTimes, match="no aligner"):
        asyncio.run(_told(without, segment(2)))
    with pytest.raises(NoWordTimes, match="Arabic"):
        asyncio.run(_told(InstanceConfig(model="stub"), segment(2), Options(wants_words=True, language="Arabic")))


@pytest.mark.slow
def test_the_packaged_pair_times_words_behind_a_socket() -> None:
    """Every digit of the canary, in order, within the recording."""
    spoken = load(InstanceConfig(model="digits", threads=1)).canary
    config = InstanceConfig(model="digits", threads=1, drain_timeout_s=10)
    model, found = asyncio.run(_told(config, Segment(samples=spoken.samples, request_id="r")))
    assert model.aligner is not None
    assert model.aligner.name == "digits-aligner"
    assert found.words is not None
    assert [word.text for word in found.words] == spoken.text.split()
    flat = [time for word in found.words for time in (word.start_s, word.end_s)]
    assert flat == sorted(flat)
    assert 0 <= flat[0] <= 0.4
    assert found.audio_s - 0.4 <= flat[-1] <= found.audio_s


@pytest.mark.slow
def test_words_of_a_long_recording_come_out_of_a_gateway_where_they_are_in_it(tmp_path: Path) -> None:
    """The canary five times with pauses, cut into several segments: each time the same words, at their own time."""
    spoken, rate = soundfile.read(str(files("harken") / "checkpoints" / "digits" / "canary.flac"), dtype="float32")
    pause_s = 1.2
    period_s = len(spoken) / rate + pause_s
    soundfile.write(tmp_path / "long.wav", np.tile(np.append(spoken, np.zeros(round(pause_s * rate))), 5), rate)
    with running_cluster("--model", "digits", "--instances", "1") as cluster:
        cluster.wait_ready(1)
        answer = httpx.post(
            f"{cluster.url}/v1/audio/transcriptions",
            files={"file": (tmp_path / "long.wav").read_bytes()},
            data={"response_format": "verbose_json", "timestamp_granularities[]": "word"},
            timeout=60,
        ).json()
    words = answer["words"]
    assert answer["text"] == " ".join(5 * ["three one four one five nine two"])
    assert [word["word"] for word in words] == answer["text"].split()
    flat = [time for word in words for time in (word["start"], word["end"])]
    assert flat == sorted(flat)
    for index, word in enumerate(words):
        late_s = word["start"] - words[index % 7]["start"] - index // 7 * period_s
        assert abs(late_s) <= 0.17, (index, word)
