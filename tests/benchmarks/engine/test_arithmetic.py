"""What a clip costs, beside what torch counts of the network itself."""

from __future__ import annotations

import json

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.engine.arithmetic import (
    Clip,
    Machine,
    cache_bytes,
    decode_flops,
    encoder_flops,
    forced_tokens,
    limit_rtfx,
    prefill_flops,
    step_bytes,
)
from benchmarks.engine.checkpoint import SIZES, reshaped
from harken.engine.resolve import resolve_model
from harken.qwen3_asr.config import NetworkConfig, parse_config
from harken.qwen3_asr.network import Network


def config_of(name: str) -> NetworkConfig:
    """The configuration of a size."""
    digits = json.loads((resolve_model("digits") / "config.json").read_text())
    return parse_config(reshaped(digits, SIZES[name]))


def empty(config: NetworkConfig) -> Network:
    """A network without numbers."""
    with torch.device("meta"):
        return Network(config)


@pytest.mark.parametrize("name", SIZES)
def test_a_step_multiplies_and_reads_every_weight_of_the_decoder_once(name: str) -> None:
    """All matrices of its layers, and the head, which is the embedding table."""
    config = config_of(name)
    state = empty(config).state_dict()
    weights = sum(
        tensor.numel()
        for key, tensor in state.items()
        if tensor.ndim == 2 and key.startswith(("language_model.layers", "lm_head"))
    )
    assert decode_flops(config.decoder, 0) == 2 * weights
    assert step_bytes(config.decoder, "bfloat16") == 2 * weights
    assert step_bytes(config.decoder, "int4") == weights / 2


@pytest.mark.parametrize("seconds", [0.75, 8.0, 9.5, 30.0])
def test_the_encoder_costs_what_torch_counts(seconds: float) -> None:
    """Convolutions over whole chunks, layers, attention inside full windows and the shorter last one, projector."""
    config = config_of("tiny")
    network = Network(config)
    clip = torch.zeros(config.encoder.mels, round(seconds * 100))
    with FlopCounterMode(display=False) as counted, sdpa_kernel(SDPBackend.MATH):
        network.encode([clip])
    assert encoder_flops(config.encoder, clip.shape[1]) == counted.get_total_flops()


def test_a_prompt_of_one_token_is_a_step() -> None:
    """Two formulae for the same work."""
    decoder = config_of("1.7b").decoder
    assert prefill_flops(decoder, 1) == decode_flops(decoder, 1)


def test_behind_the_last_keys_only_one_token_goes_on() -> None:
    """So a long prompt costs less than as many steps."""
    decoder = config_of("1.7b").decoder
    head = 2 * decoder.width * decoder.vocabulary
    steps = sum(decode_flops(decoder, context) - head for context in range(1, 101)) + head
    assert 0.95 * steps < prefill_flops(decoder, 100) < steps


def test_four_tokens_for_each_second_begun() -> None:
    """As fast as people speak."""
    assert [forced_tokens(seconds) for seconds in (1.0, 7.9, 30.0)] == [4, 32, 120]


def test_the_limit_of_a_machine_that_computes_at_once_is_its_memory() -> None:
    """One step reads the weights once, and the keys and values of every clip: worked out by hand."""
    config = config_of("0.6b")
    clip = Clip(audio_s=8.0, tokens=2)
    machine = Machine(read_bytes_per_s=1e9, flops_per_s={"bfloat16": 1e30})
    step_s = (step_bytes(config.decoder, "bfloat16") + 4 * cache_bytes(config.decoder, 104 + 15 + 1, "bfloat16")) / 1e9
    assert limit_rtfx(config, clip, 4, "bfloat16", machine) == pytest.approx(4 * 8.0 / step_s)


def test_the_limit_of_a_machine_with_instant_memory_is_its_arithmetic() -> None:
    """There it makes no difference how many clips are recognised together."""
    config, clip = config_of("0.6b"), Clip.of(10.0)
    machine = Machine(read_bytes_per_s=1e30, flops_per_s={"int8": 1e12})
    alone, together = (limit_rtfx(config, clip, count, "int8", machine) for count in (1, 64))
    assert alone == pytest.approx(together)


def test_the_cache_of_float32_weights_is_twice_as_large() -> None:
    """Two numbers for each head's channel, in every layer."""
    decoder = config_of("0.6b").decoder
    assert cache_bytes(decoder, 1, "bfloat16") == 28 * 2 * 8 * 128 * 2
    assert cache_bytes(decoder, 1, "float32") == 2 * cache_bytes(decoder, 1, "int8")
