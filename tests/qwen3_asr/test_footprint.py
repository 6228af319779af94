"""How many bytes an instance takes: held against real tensors, to the byte, and against transformers' own count."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.engine.memory import tensor_bytes
from harken.engine.resolve import resolve_model
from harken.engine.stepper import CONTEXT_TOKENS, slot_tokens
from harken.engine.stopping import token_cap
from harken.qwen3_asr import footprint as counted
from harken.qwen3_asr.aligner import ForcedAligner
from harken.qwen3_asr.aligner_config import AlignerConfig, read_aligner_config
from harken.qwen3_asr.config import NetworkConfig, read_config
from harken.qwen3_asr.footprint import Footprint, fitting_instances, fitting_slots, footprint
from harken.qwen3_asr.held import held_as, held_bytes
from harken.qwen3_asr.memory import MOST_ON_CPU
from harken.qwen3_asr.model import Qwen3ASR
from harken.qwen3_asr.native.library import library
from harken.qwen3_asr.products import weights_of
from harken.qwen3_asr.published import published
from tests.qwen3_asr import reference
from tests.qwen3_asr.reference import transformers

GB = 1_000_000_000
has_kernels = pytest.mark.skipif(library() is None, reason="needs the CPU kernels")


def _stored_bytes(folder: Path) -> int:
    """Add up the tensors of a folder by its file's header alone."""
    content = (folder / "model.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])
    header.pop("__metadata__", None)
    return sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in header.values())


def test_the_parameters_are_those_that_the_packaged_checkpoint_stores() -> None:
    """Two bytes each; the head is tied and not stored."""
    folder = resolve_model("digits")
    assert weights_of(read_config(folder)).parameters * 2 == _stored_bytes(folder)


def test_an_aligner_has_a_head_of_its_own() -> None:
    """Also counted as its checkpoint stores it."""
    folder = resolve_model("digits").with_name("digits-aligner")
    assert weights_of(read_aligner_config(folder)).parameters * 2 == _stored_bytes(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "audio", "text"),
    [
        ("Qwen/Qwen3-ASR-0.6B", (18, 896, 14, 3584, 1024), (1024, 3072)),
        ("Qwen/Qwen3-ASR-1.7B", (24, 1024, 16, 4096, 2048), (2048, 6144)),
    ],
)
def test_the_published_sizes_are_counted_as_transformers_counts(
    name: str, audio: tuple[int, ...], text: tuple[int, int]
) -> None:
    """Its own network of these sizes, built without memory."""
    keys = ("encoder_layers", "d_model", "encoder_attention_heads", "encoder_ffn_dim", "output_dim")
    shape: dict[str, Any] = {
        **reference.TINY,
        "audio_config": reference.TINY["audio_config"]
        | dict(zip(keys, audio, strict=True))
        | {"downsample_hidden_size": 480},
        "text_config": reference.TINY["text_config"]
        | {"hidden_size": text[0], "intermediate_size": text[1], "num_hidden_layers": 28, "num_attention_heads": 16}
        | {"num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151_936, "max_position_embeddings": 65_536},
        "audio_token_id": 151_676,
    }
    with torch.device("meta"):
        network = transformers.Qwen3ASRForConditionalGeneration(transformers.Qwen3ASRConfig(**shape))
    known = published(name)
    assert known is not None
    network.tie_weights()
    theirs = sum(parameter.numel() for parameter in network.parameters())
    assert weights_of(known.config).parameters == theirs


@pytest.mark.slow
@has_kernels
@pytest.mark.parametrize("quantize", ["none", "int8", "int4"])
def test_packed_weights_take_what_is_counted(quantize: str) -> None:
    """To the byte: panels, scales, the table beside codes, norms in float32."""
    folder = resolve_model("digits")
    model = Qwen3ASR.load(folder, quantize=quantize)
    counted_bytes = footprint(read_config(folder), quantize=quantize).weights_bytes
    assert counted_bytes == tensor_bytes(model.network)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_plain_weights_take_what_is_counted(dtype: str, hf_folder: Path) -> None:
    """To the byte, but for a table of frequencies and positions that is kept in float32."""
    model = Qwen3ASR.load(hf_folder, dtype=dtype)
    assert footprint(read_config(hf_folder), dtype=dtype).weights_bytes == tensor_bytes(model.network)


@pytest.mark.slow
@has_kernels
def test_an_aligner_takes_what_is_counted() -> None:
    """It is never rounded, whatever the model is."""
    folder = resolve_model("digits").with_name("digits-aligner")
    config = read_aligner_config(folder)
    one = footprint(read_config(resolve_model("digits")), quantize="int4", aligner=config)
    assert one.aligner_bytes == tensor_bytes(ForcedAligner.load(folder).network)


def test_rounded_weights_of_a_gpu_take_what_is_counted() -> None:
    """A layer in codes or in 8-bit floats, made here as on the device."""
    from harken.qwen3_asr.cuda.quantised import CodedLinear, Float8Linear
    from harken.qwen3_asr.held import _coded
    from harken.qwen3_asr.products import Product

    weight = torch.randn(96, 300).bfloat16()
    product = Product(outputs=96, inputs=300)
    for kind in ("int8", "int4"):
        assert _coded(product, kind) == tensor_bytes(CodedLinear(weight, kind))
    assert _coded(product, "fp8") == tensor_bytes(Float8Linear(weight))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["auto", "float32"])
def test_a_slot_takes_what_the_cache_takes(dtype: str) -> None:
    """Of the packaged model; the frame's tokens are those of the published vocabulary, which writes it shorter."""
    folder = resolve_model("digits")
    model = Qwen3ASR.load(folder, dtype=dtype)
    tokens = slot_tokens(model, token_cap(model.info.max_segment_s))
    config = read_config(folder)
    ours = counted.slot_tokens(config, model.info.max_segment_s)
    assert 0 <= tokens - ours <= 40
    cache = model.open_cache(slots=1, max_tokens=ours)
    one = footprint(config, dtype=dtype, max_segment_s=model.info.max_segment_s, can_pack=library() is not None)
    assert one.slot_bytes == tensor_bytes(cache)


def test_the_engine_and_the_count_agree_on_a_slot() -> None:
    """The same room for context and answer; the documented 150 MB for both published sizes."""
    assert counted.CONTEXT_TOKENS == CONTEXT_TOKENS
    for name in ("Qwen/Qwen3-ASR-0.6B", "Qwen/Qwen3-ASR-1.7B-hf"):
        config = _recogniser(name)
        for seconds in (0.3, 10.0, 29.97, 30.0):
            sound = counted.slot_tokens(config, seconds) - counted.FRAME_TOKENS - CONTEXT_TOKENS - token_cap(seconds)
            assert 0 < sound <= 390
        assert footprint(config).slot_bytes == pytest.approx(150e6, rel=0.01)


@pytest.mark.slow
def test_the_frame_is_as_long_as_the_published_vocabulary_writes_it(qwen_tokenizer: Any) -> None:
    """Tokens of the prompt that are no sound."""
    from harken.qwen3_asr.prompt import PromptWriter
    from harken.types import Options

    assert len(PromptWriter(qwen_tokenizer).write(390, Options())) - 390 == counted.FRAME_TOKENS


@pytest.mark.parametrize(("quantize", "mebibytes"), [("none", 1493), ("int8", 1091), ("int4", 764), ("float32", 2985)])
def test_the_documented_figures_are_the_counted_ones(quantize: str, mebibytes: int) -> None:
    """docs/engine.md says what the 0.6B takes, as it was measured."""
    dtype, codes = ("float32", "none") if quantize == "float32" else ("auto", quantize)
    assert footprint(_recogniser("Qwen/Qwen3-ASR-0.6B"), dtype=dtype, quantize=codes).weights_bytes == pytest.approx(
        mebibytes * 1024**2, rel=0.001
    )


def test_only_published_names_have_built_in_figures() -> None:
    """With and without -hf, in any case of letters."""
    for name in ("Qwen/Qwen3-ASR-1.7B", "qwen/qwen3-asr-0.6b-hf", "Qwen/Qwen3-ForcedAligner-0.6B-hf"):
        assert published(name) is not None
    for name in ("digits", "", "Qwen/Qwen3-ASR", "Qwen/Qwen3-ASR-1.7B-int4", "me/Qwen3-ASR-1.7B"):
        assert published(name) is None


def test_the_stored_size_of_a_published_checkpoint_is_its_weights_with_the_tied_head_once_more() -> None:
    """What is downloaded, within a percent."""
    for name in ("Qwen/Qwen3-ASR-1.7B", "Qwen/Qwen3-ASR-0.6B", "Qwen/Qwen3-ForcedAligner-0.6B"):
        known = published(name)
        assert known is not None
        weights = weights_of(known.config)
        again = weights.head.count if weights.is_tied else 0
        assert known.stored_bytes == pytest.approx(2 * (weights.parameters + again), rel=0.01)


def test_what_is_held_follows_the_words_of_the_configuration() -> None:
    """As `resolve_placement` decides, without torch."""
    kernels, none = {"can_pack": True, "is_bfloat16": True}, {"can_pack": False, "is_bfloat16": True}
    weights = weights_of(read_config(resolve_model("digits")))
    assert held_as("cpu", "auto", "none", **kernels).kind == "packed"
    assert held_as("cpu", "auto", "none", **none).each == 4
    assert held_as("cpu", "auto", "none", can_pack=True, is_bfloat16=False).each == 4
    assert held_as("cpu", "bfloat16", "none", **none).each == 2
    assert held_as("cuda:1", "auto", "none", **none).each == 2
    assert held_as("cuda", "float32", "none", **none).each == 4
    sizes = [held_bytes(weights, held_as("cuda", "auto", q, **none)) for q in ("none", "int8", "int4")]
    assert sizes == sorted(sizes, reverse=True)


def test_a_1_7b_fits_twice_on_a_card_of_24_gb() -> None:
    """With sixteen slots each; once on 12 GB, and not on 6."""
    one = footprint(_recogniser("Qwen/Qwen3-ASR-1.7B"), device="cuda")
    assert fitting_instances(24 * GB, one, 16, 0.9) == 2
    assert fitting_instances(12 * GB, one, 16, 0.9) == 1
    assert fitting_instances(6 * GB, one, 1, 0.9) == 0


def test_rounding_needs_room_while_it_loads() -> None:
    """The head goes through float32: int4 serves in less memory than it loads in."""
    one = footprint(_recogniser("Qwen/Qwen3-ASR-1.7B"), device="cuda", quantize="int4")
    assert one.loading_bytes > one.total_bytes(8)
    assert fitting_instances(one.loading_bytes - 1, one, 8) == 0
    assert fitting_instances(one.loading_bytes, one, 8) == 1


ONE = Footprint(
    parameters=1, weights_bytes=100, aligner_bytes=10, slot_bytes=5, work_bytes=20, loading_bytes=150, is_builtin=True
)


@given(st.integers(0, 10_000), st.integers(1, 64), st.floats(0.1, 1.0))
def test_what_is_said_to_fit_fits_and_one_more_does_not(free: int, slots: int, share: float) -> None:
    """For any memory: the last to load needs its peak, the others by then what they serve with."""
    count = fitting_instances(free, ONE, slots, share)
    room = int(free * share)

    def needed(instances: int) -> int:
        return (instances - 1) * ONE.total_bytes(slots) + ONE.peak_bytes(slots) if instances else 0

    assert needed(count) <= room < needed(count + 1)


@given(st.integers(0, 10_000), st.floats(0.1, 1.0))
def test_as_many_slots_as_fit(free: int, share: float) -> None:
    """And no more than are worth it."""
    slots = fitting_slots(free, ONE, share, most=MOST_ON_CPU)
    assert 0 <= slots <= MOST_ON_CPU
    if slots:
        assert ONE.peak_bytes(slots) <= int(free * share)


def _recogniser(name: str) -> NetworkConfig:
    known = published(name)
    assert known is not None and not isinstance(known.config, AlignerConfig)
    return known.config
