"""Rules of harken.engine.load, with the packaged checkpoint and the real network."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from harken.config import InstanceConfig
from harken.engine.engine import Engine
from harken.engine.load import Loaded, _load_network, choose_device, load
from harken.engine.resolve import resolve_model
from harken.errors import CheckpointError, ConfigError
from harken.qwen3_asr.model import Qwen3ASR
from harken.testing import Gate, segment, silence
from harken.types import Options, Segment
from tests.engine.equality_table import GatedModel, recordings, table


@pytest.fixture(scope="module")
def model() -> Qwen3ASR:
    """The packaged checkpoint."""
    return Qwen3ASR.load(resolve_model("digits"))


def test_nothing_here_imports_torch_before_a_model_is_loaded() -> None:
    """Tests and benchmarks with a stub, and the error of a wrong name, need no torch."""
    program = """
import sys
import harken.engine.stub, harken.engine.load, harken.engine.engine, harken.engine.canary, harken.testing
from harken.config import InstanceConfig
from harken.errors import ConfigError
try:
    harken.engine.load.load(InstanceConfig(model="digit"))
except ConfigError:
    print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"


@pytest.mark.slow
def test_the_packaged_model_recognises_its_canary() -> None:
    """From configuration to text, as an instance starts; two threads at most here."""

    async def main() -> None:
        loaded = await asyncio.to_thread(load, InstanceConfig(model="digits", threads=1, name="asr-7"))
        assert isinstance(loaded, Loaded)
        async with loaded.engine as engine:
            await loaded.canary.check(engine)
            quiet = await engine.recognize(Segment(samples=silence(2), request_id="r"), Options())
            assert (quiet.text, quiet.language, quiet.instance) == ("", "", "asr-7")
            assert (await engine.model()).slots == 8
        assert engine.in_flight == 0

    asyncio.run(main())


@pytest.mark.slow
@pytest.mark.parametrize("language", [None, "English", "Chinese"])
def test_a_text_does_not_depend_on_what_else_is_in_the_batch(model: Qwen3ASR, language: str | None) -> None:
    """Alone, in a batch of eight of mixed lengths, joining in the middle, streamed: text, tokens and end are equal."""
    assert model.canary is not None
    canary = load(InstanceConfig(model="digits", threads=1)).canary.samples
    rows, seen = table(model, canary, Options(language=language))
    assert max(seen.prefilled) == 8
    assert max(seen.decoded) >= 7
    assert [row for row in rows if not row.is_equal] == []


@pytest.mark.slow
def test_the_real_network_frees_the_slot_of_one_who_left(model: Qwen3ASR) -> None:
    """The one that waited for the only slot gets it, and its text is as if nothing had been there."""
    gated = GatedModel(model=model, gate=Gate())

    async def main() -> None:
        long = Segment(samples=recordings(segment(2).samples, model.info.max_segment_s)[2], request_id="long")
        async with Engine(gated, slots=1, waiting=1, is_strict=True) as engine:
            first = asyncio.create_task(engine.recognize(long, Options()))
            await asyncio.to_thread(gated.gate.wait_until_used_up)
            second = asyncio.create_task(engine.recognize(Segment(samples=silence(1), request_id="r"), Options()))
            while engine._inbox.empty():
                await asyncio.sleep(0.001)
            first.cancel()
            gated.gate.open()
            assert (await second).text == ""
        assert len(gated.prefilled) == 2
        assert len(gated.decoded) < 20

    asyncio.run(main())


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    """By the network, by name."""
    with pytest.raises(CheckpointError):
        load(InstanceConfig(model=str(tmp_path)))


def test_a_device_that_is_not_there_is_refused() -> None:
    """A name that torch does not know, here; "auto" always finds one."""
    assert choose_device("auto") in ("cpu", "cuda")
    assert choose_device("mps") == "mps"
    with pytest.raises(ConfigError, match="abacus"):
        load(InstanceConfig(model="digits", device="abacus", threads=1))


@pytest.mark.parametrize("room", [0, 1000])
def test_a_model_gets_the_encoder_cache_that_is_configured(room: int) -> None:
    """The network that is loaded, not the aligner's: nothing is aligned twice."""
    config = InstanceConfig(model="digits", threads=1, encoder_cache_bytes=room)
    assert _load_network(config, resolve_model("digits"), "cpu").network.encoder_cache.max_bytes == room
