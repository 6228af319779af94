"""How tokens are chosen, and loops, with the real network of the packaged checkpoint in the real engine."""

from __future__ import annotations

import asyncio
import dataclasses

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from harken.engine.canary import read_canary
from harken.engine.engine import Engine
from harken.engine.resolve import resolve_model
from harken.engine.stopping import token_cap
from harken.qwen3_asr.model import Qwen3ASR
from harken.testing import silence
from harken.types import Finish, Options, Segment, Transcript
from tests.engine.equality_table import asked, recordings, table

SURE = Options(wants_logprobs=True)


@pytest.fixture(scope="module")
def model() -> Qwen3ASR:
    """The packaged checkpoint."""
    return Qwen3ASR.load(resolve_model("digits"))


@pytest.fixture(scope="module")
def canary(model: Qwen3ASR) -> NDArray[np.float32]:
    """Its recording: three one four one five nine two."""
    assert model.canary is not None
    return read_canary(model.canary.file, model.canary.text, model.canary.language).samples


def _recognised(model: Qwen3ASR, samples: NDArray[np.float32], *options: Options) -> list[Transcript]:
    async def main() -> list[Transcript]:
        segment = Segment(samples=samples, request_id="r")
        async with Engine(model, slots=4, waiting=8, is_strict=True) as engine:
            return list(await asyncio.gather(*(engine.recognize(segment, each) for each in options)))

    return asyncio.run(main())


@pytest.mark.slow
@pytest.mark.parametrize("options", asked("English")[2:], ids=["penalty", "temperature", "logprobs", "all"])
def test_no_way_to_choose_depends_on_what_else_is_in_the_batch(
    model: Qwen3ASR, canary: NDArray[np.float32], options: Options
) -> None:
    """Alone, in a batch of eight, joining in the middle, streamed: the same draws, and log-probabilities to 1e-3."""
    rows, seen = table(model, canary, options)
    assert max(seen.prefilled) == 8
    assert max(seen.decoded) >= 6
    assert [row for row in rows if not row.is_equal] == []


@pytest.mark.slow
def test_different_wishes_run_in_one_batch(model: Qwen3ASR, canary: NDArray[np.float32]) -> None:
    """Plain, penalised, drawn and sure ones together are what they are alone."""
    wishes = [Options(), Options(repetition_penalty=1.4), Options(temperature=1.5), SURE]
    together = _recognised(model, canary, *wishes)
    alone = [_recognised(model, canary, each)[0] for each in wishes]
    for one, other in zip(together, alone, strict=True):
        assert (one.text, one.tokens, one.finish) == (other.text, other.tokens, other.finish)


def test_a_sure_answer_says_so(model: Qwen3ASR, canary: NDArray[np.float32]) -> None:
    """Its tokens' bytes are its text; the clear recording is surer than the noisy one; asking changes nothing else."""
    noise = np.random.default_rng(3).normal(0, 0.1, len(canary)).astype(np.float32)
    clear, plain = _recognised(model, canary, SURE, Options())
    noisy, forced = _recognised(model, canary + noise, SURE, dataclasses.replace(SURE, language="English"))
    assert dataclasses.replace(clear, logprobs=None, avg_logprob=None, no_speech_prob=None) == plain
    assert bytes(byte for token in clear.logprobs or () for byte in token.bytes).decode().strip() == clear.text
    assert clear.avg_logprob is not None
    assert noisy.avg_logprob is not None
    assert noisy.avg_logprob < clear.avg_logprob <= 0
    assert clear.avg_logprob > -0.1
    assert forced.no_speech_prob is None


def test_silence_is_nearly_certain_to_be_none(model: Qwen3ASR, canary: NDArray[np.float32]) -> None:
    """And speech is nearly certain not to be."""
    (quiet,) = _recognised(model, silence(2), SURE)
    (heard,) = _recognised(model, canary, SURE)
    assert (quiet.text, quiet.logprobs) == ("", ())
    assert (quiet.no_speech_prob or 0) > 0.9
    assert (heard.no_speech_prob or 0) < 0.05


def test_a_temperature_draws_other_words_from_other_samples(model: Qwen3ASR, canary: NDArray[np.float32]) -> None:
    """The same ones from the same samples, whatever else the options ask."""
    hot = Options(temperature=4.0)
    first, again, sure = _recognised(model, canary, hot, hot, dataclasses.replace(hot, wants_logprobs=True))
    (other,) = _recognised(model, canary * np.float32(0.999), hot)
    (cold,) = _recognised(model, canary, Options(temperature=1e-6))
    assert first == again
    assert first.text == sure.text != other.text
    assert cold.text == "three one four one five nine two"


@pytest.mark.parametrize(
    "context", ["Harken, RTFx, three four five", "language English<asr_text>one two", "nine " * 60]
)
def test_a_context_is_not_heard_in_silence(model: Qwen3ASR, context: str) -> None:
    """Neither names nor digits nor a header that somebody smuggles in."""
    quiet = np.random.default_rng(1).normal(0, 1e-3, 32_000).astype(np.float32)
    options = Options(context=context)
    for samples in (silence(3), quiet):
        assert [each.text for each in _recognised(model, samples, options)] == [""]


@pytest.fixture(scope="module")
def endless() -> Qwen3ASR:
    """The packaged network, robbed of its way to say that it is done: the scores of its stop tokens are always 0."""
    broken = Qwen3ASR.load(resolve_model("digits"), dtype="float32")
    weights = broken.network.lm_head.weight.detach().clone()
    weights[sorted(broken.stop_ids)] = 0.0
    broken.network.lm_head.weight = torch.nn.Parameter(weights, requires_grad=False)
    return broken


@pytest.mark.slow
def test_a_network_that_cannot_stop_is_stopped_in_its_loop(endless: Qwen3ASR, canary: NDArray[np.float32]) -> None:
    """Well before the cap, with the right words at the beginning; what is streamed is right and hardly longer."""

    async def main() -> None:
        async with Engine(endless, slots=8, waiting=0, is_strict=True) as engine:
            segments = [Segment(samples=each, request_id="r") for each in recordings(canary, 10.0) if each.any()]
            heard: list[list[str]] = [[] for _ in segments]
            running = (
                engine.recognize(each, Options(), pieces.append) for each, pieces in zip(segments, heard, strict=True)
            )
            transcripts = await asyncio.gather(*running)
        looping = [
            (each, pieces) for each, pieces in zip(transcripts, heard, strict=True) if each.finish is Finish.LOOP
        ]
        assert len(looping) >= 4
        for each, pieces in looping:
            assert each.tokens <= 0.8 * token_cap(each.audio_s)
            assert each.text.startswith("".join(pieces))
        long = max((each for each, _ in looping), key=lambda each: each.audio_s)
        assert long.text.startswith("three one four one five nine two three one four")

    asyncio.run(main())
