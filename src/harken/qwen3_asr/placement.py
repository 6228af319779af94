"""What every checkpoint is held against before its weights are read: this machine, its own tokenizer, our front end.

Owns the words for devices and types of numbers, and the checks that hold for recognisers and forced aligners alike. Its
invariant: a checkpoint that would compute nonsense without any error is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from harken.errors import CheckpointError, ConfigError
from harken.qwen3_asr.clip import FFT, HOP
from harken.qwen3_asr.config import EncoderConfig, NetworkConfig
from harken.qwen3_asr.fields import read_json
from harken.qwen3_asr.prompt import AUDIO_PAD
from harken.qwen3_asr.tokenizer import TextTokenizer
from harken.types import SAMPLE_RATE

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_QUANTIZED = ("int8", "int4", "fp8")


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """Where a network computes, and with what.

    Attributes:
        device: where.
        dtype: what its weights are loaded as.
        packed: what they are packed as for the CPU's kernels (see `harken.qwen3_asr.native`); "" where torch's own
            kernels take them as they are.
    """

    device: torch.device
    dtype: torch.dtype
    packed: str = ""


def resolve_placement(device: str, dtype: str, quantize: str, *, can_pack: bool, is_bfloat16: bool) -> Placement:
    """Turn the words of a configuration into what is loaded.

    "auto" is bfloat16. On a CPU that is done by packed weights, which hold what bfloat16 holds, with arithmetic in
    float32; where there are no kernels for them, or the checkpoint holds more than bfloat16 does, it is float32.

    Args:
        device: "cpu", "cuda", "cuda:1", "mps".
        dtype: "auto" or a type's name.
        quantize: "none", "int8", "int4", or on a GPU "fp8".
        can_pack: whether this machine has the CPU's kernels for this network.
        is_bfloat16: whether bfloat16 holds all the checkpoint's weights exactly.

    Raises:
        ConfigError: an unknown word, a device that is not there, or weights of a kind that it cannot use.
    """
    place = _device(device)
    if dtype != "auto" and dtype not in _DTYPES:
        raise ConfigError(f"dtype {dtype!r} is not one of auto, {', '.join(_DTYPES)}.")
    if quantize != "none":
        return _quantized(place, dtype, quantize, can_pack)
    if place.type != "cpu":
        return Placement(device=place, dtype=_DTYPES.get(dtype, torch.bfloat16))
    if dtype == "bfloat16" or (dtype == "auto" and is_bfloat16):
        if can_pack:
            return Placement(device=place, dtype=torch.bfloat16, packed="bfloat16")
        return Placement(device=place, dtype=torch.bfloat16 if dtype == "bfloat16" else torch.float32)
    return Placement(device=place, dtype=_DTYPES.get(dtype, torch.float32))


def _quantized(place: torch.device, dtype: str, quantize: str, can_pack: bool) -> Placement:
    if quantize not in _QUANTIZED:
        raise ConfigError(f"quantize {quantize!r} is not one of none, {', '.join(_QUANTIZED)}.")
    if dtype not in ("auto", "bfloat16"):
        raise ConfigError(f"quantize {quantize} replaces dtype {dtype}; leave dtype at auto.")
    if place.type == "cuda":
        return Placement(device=place, dtype=torch.bfloat16)  # rounded later, on the device
    if place.type != "cpu" or quantize == "fp8":
        raise ConfigError(f"quantize {quantize} cannot be had on device {place}.")
    if not can_pack:
        raise ConfigError(
            f"quantize {quantize} needs the CPU kernels: x86-64 Linux, AVX-512 with VNNI, and a wheel that was built "
            "with a C compiler. This machine or this installation lacks one of them."
        )
    return Placement(device=place, dtype=torch.bfloat16, packed=quantize)


def _device(device: str) -> torch.device:
    try:
        place = torch.device(device.lower())
    except RuntimeError as error:
        raise ConfigError(f"Device {device!r} is not known; say auto, cpu, cuda, cuda:1 or mps.") from error
    if place.type not in ("cpu", "cuda", "mps") or (place.type != "cuda" and place.index):
        raise ConfigError(f"Device {device!r} is not supported; say auto, cpu, cuda, cuda:1 or mps.")
    if place.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("Device 'mps' was asked for, but torch finds no Apple GPU.")
    if place.type == "cuda" and (place.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"Device {device!r} was asked for, but torch finds {torch.cuda.device_count()} CUDA devices.")
    return place


def check_tokenizer(tokenizer: TextTokenizer, config: NetworkConfig) -> None:
    """Hold the tokenizer against the network; a wrong pair would write nonsense without any error."""
    if tokenizer.id_of(AUDIO_PAD) != config.audio_token:
        found = tokenizer.id_of(AUDIO_PAD)
        raise CheckpointError(f"{AUDIO_PAD} is {found} in the tokenizer, {config.audio_token} in config.json.")
    if tokenizer.size > config.decoder.vocabulary:
        rows = config.decoder.vocabulary
        raise CheckpointError(f"The tokenizer has {tokenizer.size} tokens, the embedding table {rows} rows.")


def check_front_end(folder: Path, encoder: EncoderConfig) -> None:
    """Refuse a checkpoint that was trained on other features than ours; files without such a field say nothing."""
    computed = {"feature_size": encoder.mels, "sampling_rate": SAMPLE_RATE, "n_fft": FFT, "hop_length": HOP}
    for name in ("preprocessor_config.json", "processor_config.json"):
        content = read_json(folder / name) if (folder / name).is_file() else {}
        section = content.get("feature_extractor", content)
        for key, ours in computed.items():
            stated = section.get(key, ours) if isinstance(section, Mapping) else ours
            if stated != ours:
                raise CheckpointError(f"{name}: {key} is {stated!r}; this program computes {ours}.")
