"""`Qwen3ASR`: everything the engine asks of this network.

Owns the wiring of features, prompt, network and tokenizer, and greedy choice of the next token. It refuses to know
which segments run together and when one has said enough: the engine passes slots and lengths, and stops on `stop_ids`.
`prompt` is pure CPU work and safe in any thread; everything that touches a cache belongs to the one thread that owns
the model. The invariant: an id never depends on the other segments of a call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harken.errors import CheckpointError, ConfigError
from harken.languages import NAMES
from harken.qwen3_asr.answer import parse_answer
from harken.qwen3_asr.cache import KVCache
from harken.qwen3_asr.card import Canary, check_languages, read_card
from harken.qwen3_asr.config import NetworkConfig, read_config, read_json
from harken.qwen3_asr.features import FFT, HOP, log_mel
from harken.qwen3_asr.network import Network
from harken.qwen3_asr.prompt import AUDIO_PAD, Prompt, PromptWriter
from harken.qwen3_asr.tokenizer import TextTokenizer, load_tokenizer
from harken.qwen3_asr.weights import fingerprint, load_network
from harken.qwen3_asr.windows import tokens_of
from harken.types import SAMPLE_RATE, ModelInfo, Options

_STOP_TOKENS = ("<|im_end|>", "<|endoftext|>")
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Qwen3ASR:
    """A loaded checkpoint.

    Attributes:
        info: what a server may say about it; the engine fills in the slots.
        stop_ids: ids that end an answer and are not part of it.
        canary: a recording whose text it must know, where its folder has one.
        network: the parameters.
    """

    def __init__(
        self,
        network: Network,
        tokenizer: TextTokenizer,
        *,
        info: ModelInfo,
        stop_ids: frozenset[int],
        canary: Canary | None = None,
    ) -> None:
        self.network = network
        self.info = info
        self.stop_ids = stop_ids
        self.canary = canary
        self._tokenizer = tokenizer
        self._writer = PromptWriter(tokenizer)

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu", dtype: str = "auto") -> Qwen3ASR:
        """Load a checkpoint of either published layout.

        Args:
            folder: config.json, safetensors, the tokenizer's files; optionally generation_config.json, harken.json.
            device: where to compute, in torch's words: "cpu", "cuda", "cuda:1", …
            dtype: "float32", "bfloat16", "float16" (the decoder was not trained for its narrow range), or "auto":
                bfloat16, which the published weights are in, except on the CPU, where float32 is.

        Raises:
            CheckpointError: the folder is incomplete, or its parts contradict one another.
            ConfigError: the device or dtype is unknown.
        """
        place, kind = _resolve(device, dtype)
        config = read_config(folder)
        tokenizer = load_tokenizer(folder)
        _check_tokenizer(tokenizer, config)
        _check_front_end(folder, config)
        card = read_card(folder)
        stop_ids = _stop_ids(folder, tokenizer)
        network = load_network(folder, config, device=place, dtype=kind)
        info = ModelInfo(
            name=card.name,
            revision=card.revision or fingerprint(folder),
            max_segment_s=card.max_segment_s,
            languages=card.languages or check_languages(config.languages or NAMES, "config.json"),
        )
        return cls(network, tokenizer, info=info, stop_ids=stop_ids, canary=card.canary)

    @property
    def name(self) -> str:
        """Public name of the model."""
        return self.info.name

    def open_cache(self, *, slots: int, max_tokens: int) -> KVCache:
        """Allocate room for so many running segments of so many tokens each, prompt and answer together."""
        return self.network.open_cache(slots=slots, max_tokens=max_tokens)

    def prompt(self, samples: NDArray[np.float32], options: Options) -> Prompt:
        """Make a segment ready; pure CPU work, from any thread.

        Args:
            samples: [n] float32, mono, 16 kHz, in [-1, 1]. Shorter than 0.5 s is padded with silence.
            options: language and context.

        Raises:
            UndecodableAudio: a sample is not a finite number.
        """
        encoder = self.network.config.encoder
        features = log_mel(samples, encoder.mels)
        ids = self._writer.write(tokens_of(features.shape[-1], encoder.chunk_frames), options)
        return Prompt(features=features, token_ids=ids, length=len(ids))

    def prefill(self, cache: KVCache, prompts: Sequence[Prompt], slots: Sequence[int]) -> list[int]:
        """Run whole prompts into their slots and choose the first token of each answer.

        Returns:
            One id per prompt. Afterwards `cache` holds `prompt.length` tokens in its slot, the new one not yet.

        Raises:
            ValueError: a slot is unknown or named twice, or a prompt does not fit.
        """
        features = [prompt.features for prompt in prompts]
        hidden = self.network.prefill(cache, features, [prompt.token_ids for prompt in prompts], slots)
        rows = torch.arange(len(prompts), device=hidden.device)
        last = torch.tensor([prompt.length - 1 for prompt in prompts], device=hidden.device)
        return self._choose(hidden[rows, last])

    def decode(self, cache: KVCache, slots: Sequence[int], tokens: Sequence[int], lengths: Sequence[int]) -> list[int]:
        """Run one step of any set of slots.

        Args:
            cache: the cache that the slots were prefilled in.
            slots: which ones, in any order.
            tokens: the last chosen token of each.
            lengths: tokens in the cache for each; the step adds one.

        Returns:
            The next id for each.

        Raises:
            ValueError: a slot is unknown, named twice or full.
        """
        return self._choose(self.network.decode(cache, tokens, slots, lengths))

    def detokenize(self, ids: Sequence[int]) -> str:
        """Decode an answer, header and `<asr_text>` included; a character that is cut off at the end is U+FFFD."""
        return self._tokenizer.decode(ids)

    def parse(self, raw: str, options: Options) -> tuple[str, str]:
        """Separate a decoded answer, finished or not, into text and language ("" for none)."""
        return parse_answer(raw, forced=options.language)

    def _choose(self, hidden: Tensor) -> list[int]:
        """Take the best token of every row, [batch, width]."""
        ids: list[int] = self.network.scores(hidden).argmax(-1).tolist()
        return ids


def _resolve(device: str, dtype: str) -> tuple[torch.device, torch.dtype]:
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


def _check_tokenizer(tokenizer: TextTokenizer, config: NetworkConfig) -> None:
    """Hold the tokenizer against the network; a wrong pair would write nonsense without any error."""
    if tokenizer.id_of(AUDIO_PAD) != config.audio_token:
        found = tokenizer.id_of(AUDIO_PAD)
        raise CheckpointError(f"{AUDIO_PAD} is {found} in the tokenizer, {config.audio_token} in config.json.")
    if tokenizer.size > config.decoder.vocabulary:
        rows = config.decoder.vocabulary
        raise CheckpointError(f"The tokenizer has {tokenizer.size} tokens, the embedding table {rows} rows.")


def _check_front_end(folder: Path, config: NetworkConfig) -> None:
    """Refuse a checkpoint that was trained on other features than ours; files without such a field say nothing."""
    computed = {"feature_size": config.encoder.mels, "sampling_rate": SAMPLE_RATE, "n_fft": FFT, "hop_length": HOP}
    for name in ("preprocessor_config.json", "processor_config.json"):
        content = read_json(folder / name) if (folder / name).is_file() else {}
        section = content.get("feature_extractor", content)
        for key, ours in computed.items():
            stated = section.get(key, ours) if isinstance(section, Mapping) else ours
            if stated != ours:
                raise CheckpointError(f"{name}: {key} is {stated!r}; this program computes {ours}.")


def _stop_ids(folder: Path, tokenizer: TextTokenizer) -> frozenset[int]:
    """Collect the end tokens of the template and those that generation_config.json adds."""
    ids = {tokenizer.id_of(content) for content in _STOP_TOKENS}
    path = folder / "generation_config.json"
    found = read_json(path).get("eos_token_id") if path.is_file() else None
    listed = found if isinstance(found, list) else [] if found is None else [found]
    if not all(isinstance(i, int) for i in listed):
        raise CheckpointError(f"{path.name}: eos_token_id must be ids, not {found!r}.")
    return frozenset(ids | set(listed))
