"""What every checkpoint is held against before its weights are read: this machine, its own tokenizer, our front end.

Owns the words for devices and types of numbers, and the checks that hold for recognisers and forced aligners alike. Its
invariant: a checkpoint that would compute nonsense without any error is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from harken.errors import CheckpointError, ConfigError
from harken.qwen3_asr.config import EncoderConfig, NetworkConfig
from harken.qwen3_asr.features import FFT, HOP
from harken.qwen3_asr.fields import read_json
from harken.qwen3_asr.prompt import AUDIO_PAD
from harken.qwen3_asr.tokenizer import TextTokenizer
from harken.types import SAMPLE_RATE

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def resolve_placement(device: str, dtype: str) -> tuple[torch.device, torch.dtype]:
    """Turn the words of a configuration into torch's; `dtype` "auto" is bfloat16, but float32 on the CPU.

    Raises:
        ConfigError: an unknown word, or a device that is not there.
    """
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
    if dtype == "auto":
        return place, torch.float32 if place.type == "cpu" else torch.bfloat16
    if dtype not in _DTYPES:
        raise ConfigError(f"dtype {dtype!r} is not one of auto, {', '.join(_DTYPES)}.")
    return place, _DTYPES[dtype]


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
