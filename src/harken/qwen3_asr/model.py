"""`Qwen3ASR`: everything the engine asks of this network.

Owns the wiring of clip, prompt, network, chooser and tokenizer. It refuses to know which segments run together and
when one has said enough: the engine passes slots, lengths and choices, and stops on `stop_ids`. `prompt` is pure CPU
work and safe in any thread; everything that touches a cache belongs to the one thread that owns the model. The
invariant: a token never depends on the other segments of a call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from harken.choice import Choice, Chosen
from harken.errors import CheckpointError
from harken.languages import NAMES
from harken.qwen3_asr.answer import TEXT_MARK
from harken.qwen3_asr.cache import KVCache
from harken.qwen3_asr.card import Canary, check_languages, read_card
from harken.qwen3_asr.choosing import Chooser
from harken.qwen3_asr.clip import make_clip
from harken.qwen3_asr.config import read_config
from harken.qwen3_asr.cuda.fuse import fuse
from harken.qwen3_asr.cuda.graphs import CudaRecorder, DecodeGraphs, Launched, Recorder
from harken.qwen3_asr.encoder_cache import EncoderCache
from harken.qwen3_asr.fields import read_json
from harken.qwen3_asr.memory import memory_errors, slots_on_cpu, slots_on_gpu
from harken.qwen3_asr.native.decoder import NativeDecoder
from harken.qwen3_asr.native.pack import can_pack, pack
from harken.qwen3_asr.network import Network
from harken.qwen3_asr.placement import check_front_end, check_tokenizer, resolve_placement
from harken.qwen3_asr.prompt import Prompt, PromptWriter
from harken.qwen3_asr.tokenizer import TextTokenizer, load_tokenizer
from harken.qwen3_asr.weights import fingerprint, holds_bfloat16, load_network
from harken.qwen3_asr.windows import tokens_of
from harken.qwen3_asr.wording import Wording
from harken.types import SAMPLE_RATE, ModelInfo, Options

_STOP_TOKENS = ("<|im_end|>", "<|endoftext|>")


class Qwen3ASR(Wording):
    """A loaded checkpoint.

    Attributes:
        info: what a server may say about it; the engine fills in the slots.
        stop_ids: ids that end an answer and are not part of it.
        canary: a recording whose text it must know, where its folder has one.
        network: the parameters.

    Args:
        recorder: makes what records decode steps (see `harken.qwen3_asr.cuda.graphs`), for a device that works on while
            the next step is prepared; None where a step is done when its call returns.
        threads: of torch, in the thread that opens the cache; 0 leaves them as they are.
    """

    def __init__(
        self,
        network: Network,
        tokenizer: TextTokenizer,
        *,
        info: ModelInfo,
        stop_ids: frozenset[int],
        canary: Canary | None = None,
        recorder: Callable[[], Recorder] | None = None,
        threads: int = 0,
    ) -> None:
        super().__init__(tokenizer)
        self.network = network
        self.info = info
        self.stop_ids = stop_ids
        self.canary = canary
        self._recorder = recorder
        self._threads = threads
        self._graphs: DecodeGraphs | None = None
        self._writer = PromptWriter(tokenizer)
        self._chooser = Chooser(mark=tokenizer.id_of(TEXT_MARK), none=tokenizer.encode("language None"))

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        device: str = "cpu",
        dtype: str = "auto",
        quantize: str = "none",
        encoder_cache_bytes: int = 0,
        threads: int = 0,
    ) -> Qwen3ASR:
        """Load a checkpoint of either published layout.

        Args:
            folder: config.json, safetensors, the tokenizer's files; optionally generation_config.json, harken.json.
            device: where to compute, in torch's words: "cpu", "cuda", "cuda:1", …
            dtype: "float32", "bfloat16", "float16" (the decoder was not trained for its narrow range), or "auto"; see
                `resolve_placement`.
            quantize: "none", or what the weights are rounded to: "int8", "int4", on a GPU also "fp8".
            encoder_cache_bytes: encoded windows that are kept, on the device, in case they come again; 0 for none.
            threads: CPU threads of the thread that opens the cache; 0 leaves them as they are.

        Raises:
            CheckpointError: the folder is incomplete, or its parts contradict one another.
            ConfigError: the device, dtype or quantization is unknown, or cannot be had here.
        """
        config = read_config(folder)
        placement = resolve_placement(
            device, dtype, quantize, can_pack=can_pack(config), is_bfloat16=holds_bfloat16(folder)
        )
        tokenizer = load_tokenizer(folder)
        check_tokenizer(tokenizer, config)
        check_front_end(folder, config.encoder)
        card = read_card(folder)
        stop_ids = _stop_ids(folder, tokenizer)
        network = load_network(folder, config, device=placement.device, dtype=placement.dtype)
        if placement.packed:
            pack(network, placement.packed)
        is_cuda = placement.device.type == "cuda"
        if is_cuda:
            torch.cuda.set_device(placement.device)  # Triton asks nobody else
            fuse(network, quantize)
        network.encoder_cache = EncoderCache(encoder_cache_bytes)
        info = ModelInfo(
            name=card.name,
            revision=card.revision or fingerprint(folder),
            max_segment_s=card.max_segment_s,
            pause_s=card.pause_s,
            languages=card.languages or check_languages(config.languages or NAMES, "config.json"),
        )
        return cls(
            network,
            tokenizer,
            info=info,
            stop_ids=stop_ids,
            canary=card.canary,
            recorder=CudaRecorder if is_cuda else None,
            threads=threads,
        )

    @property
    def name(self) -> str:
        """Public name of the model."""
        return self.info.name

    @property
    def prefill_audio_s(self) -> float:
        """See `harken.engine.model.Model`: four full segments fill a GPU; a CPU is as fast with one after another."""
        segments = 1 if self.network.device.type == "cpu" else 4
        return segments * self.info.max_segment_s

    @property
    def looks_ahead(self) -> bool:
        """See `harken.engine.model.Model`."""
        return self._graphs is not None

    def open_cache(self, *, slots: int, max_tokens: int) -> KVCache:
        """Allocate room for so many running segments of so many tokens each, prompt and answer together.

        Where decode steps are recorded, all of them are, for this cache; the thread that calls it must be the one that
        uses it.

        Raises:
            MemoryError: the device has no room for it.
        """
        self._graphs = None
        if isinstance(self.network.language_model, NativeDecoder):
            # The kernels have threads of their own; torch's would fight with them over the same CPUs.
            torch.set_num_threads(1)
        elif self._threads:
            torch.set_num_threads(self._threads)
        with memory_errors():
            if self._recorder is None:
                return self.network.open_cache(slots=slots, max_tokens=max_tokens)
            if self.network.device.type == "cuda":
                torch.cuda.set_device(self.network.device)
            cache = self.network.open_cache(slots=slots + 1, max_tokens=max_tokens)
            self._graphs = DecodeGraphs(self.network, cache, self._recorder())
            return cache

    def fitting_slots(self, *, max_tokens: int, share: float, available_bytes: int | None) -> int:
        """How many slots of so many tokens there is memory for, with no cache open and nothing running.

        Args:
            max_tokens: of one slot.
            share: of the device's memory that this process may use.
            available_bytes: of RAM, for a model on the CPU; None where the system does not say.
        """
        text, place = self.network.config.decoder, self.network.device
        each = self.network.language_model.cache_dtype.itemsize
        slot_bytes = 2 * text.layers * text.kv_heads * max_tokens * text.head_dim * each
        if place.type != "cuda":
            return slots_on_cpu(slot_bytes, share, available_bytes)

        def largest_prefill() -> None:
            longest = np.zeros(round(self.info.max_segment_s * SAMPLE_RATE), dtype=np.float32)
            prompts = [self.prompt(longest, Options())] * math.ceil(self.prefill_audio_s / self.info.max_segment_s)
            with memory_errors():
                cache = self.network.open_cache(slots=len(prompts), max_tokens=prompts[0].length)
                self.prefill(cache, prompts, range(len(prompts)))

        try:
            return slots_on_gpu(place, slot_bytes, share, self.network.encoder_cache.max_bytes, largest_prefill)
        except MemoryError:
            return 1

    def prompt(self, samples: NDArray[np.float32], options: Options) -> Prompt:
        """Make a segment ready, from any thread; no parallel work of torch, whose pools would fight over the cores.

        Args:
            samples: [n] float32, mono, 16 kHz, in [-1, 1]. Shorter than 0.5 s is padded with silence.
            options: language, context and prefix.

        Raises:
            UndecodableAudio: a sample is not a finite number.
        """
        encoder = self.network.config.encoder
        clip = make_clip(samples, window_frames=encoder.window_frames if self.network.encoder_cache.is_on else 0)
        prefix = self._writer.prefix(options)
        ids = self._writer.write(tokens_of(clip.frames, encoder.chunk_frames), options, prefix)
        return Prompt(clip=clip, token_ids=ids, length=len(ids), prefix=prefix)

    def prefill(
        self,
        cache: KVCache,
        prompts: Sequence[Prompt],
        slots: Sequence[int],
        choices: Sequence[Choice | None] = (),
    ) -> Chosen:
        """Run whole prompts into their slots and choose the first token of each answer.

        Args:
            cache: from `open_cache`.
            prompts: one or more.
            slots: a slot for each.
            choices: how each token is chosen; none at all, or None for one, means the likeliest.

        Returns:
            One token per prompt. Afterwards `cache` holds `prompt.length` tokens in its slot, the new one not yet.

        Raises:
            ValueError: a slot is unknown or named twice, or a prompt does not fit.
            MemoryError: the device has no room for what is computed on the way.
        """
        clips = [prompt.clip for prompt in prompts]
        with memory_errors():
            hidden = self.network.prefill(cache, clips, [prompt.token_ids for prompt in prompts], slots)
            return self._noted(slots, self._chooser.choose(self.network.scores(hidden), choices))

    def decode(
        self,
        cache: KVCache,
        slots: Sequence[int],
        tokens: Sequence[int],
        lengths: Sequence[int],
        choices: Sequence[Choice | None] = (),
    ) -> Chosen:
        """Run one step of any set of slots.

        Args:
            cache: the cache that the slots were prefilled in.
            slots: which ones, in any order.
            tokens: the last chosen token of each.
            lengths: tokens in the cache for each; the step adds one.
            choices: as for `prefill`.

        Returns:
            The next token for each.

        Raises:
            ValueError: a slot is unknown, named twice or full.
        """
        scores = self.network.scores(self.network.decode(cache, tokens, slots, lengths))
        return self._noted(slots, self._chooser.choose(scores, choices))

    def launch(self, cache: KVCache, slots: Sequence[int], lengths: Sequence[int]) -> Launched:
        """See `harken.engine.model.Model`."""
        assert self._graphs is not None, "this model does not look ahead"
        assert self._graphs.cache is cache, "steps are recorded for the cache that was opened last"
        return self._graphs.launch(slots, lengths)

    def _noted(self, slots: Sequence[int], chosen: Chosen) -> Chosen:
        if self._graphs is not None:
            self._graphs.note(slots, chosen.tokens)
        return chosen


def _stop_ids(folder: Path, tokenizer: TextTokenizer) -> frozenset[int]:
    """Collect the end tokens of the template and those that generation_config.json adds."""
    ids = {tokenizer.id_of(content) for content in _STOP_TOKENS}
    path = folder / "generation_config.json"
    found = read_json(path).get("eos_token_id") if path.is_file() else None
    listed = found if isinstance(found, list) else [] if found is None else [found]
    if not all(isinstance(i, int) for i in listed):
        raise CheckpointError(f"{path.name}: eos_token_id must be ids, not {found!r}.")
    return frozenset(ids | set(listed))
