"""The engine on a CUDA device: what it must not change. Skipped where there is none."""

from __future__ import annotations

import asyncio

import pytest
import torch

from harken.engine.engine import Engine
from harken.engine.resolve import resolve_model
from harken.qwen3_asr.model import Qwen3ASR
from harken.testing import segment
from harken.types import Options, Segment, Transcript

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def test_the_digits_model_hears_on_a_gpu_what_it_hears_on_the_cpu() -> None:
    """The canary, alone and among others."""
    folder = resolve_model("digits")
    models = [Qwen3ASR.load(folder, device=device, dtype="float32") for device in ("cpu", "cuda")]
    cpu, cuda = (asyncio.run(_recognised(model)) for model in models)
    assert [one.text for one in cuda] == [one.text for one in cpu]
    assert cpu[0].text


async def _recognised(model: Qwen3ASR) -> list[Transcript]:
    from harken.engine.canary import read_canary

    assert model.canary is not None
    samples = read_canary(model.canary.file, model.canary.text, model.canary.language).samples
    spoken = Segment(samples=samples, request_id="canary")
    async with Engine(model, slots=2, waiting=4, is_strict=True) as engine:
        first = await engine.recognize(spoken, Options())
        others = (spoken, segment(2.0, seed=1), Segment(samples=samples[: len(samples) // 2], request_id="half"))
        return [first, *await asyncio.gather(*(engine.recognize(one, Options()) for one in others))]
