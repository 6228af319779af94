"""`ForcedAligner`: when each word of a known text is spoken.

Owns the wiring of words, prompt, network, repair and widening, for the architecture of Qwen/Qwen3-ForcedAligner-0.6B
(facts, sections 1.2 and 1.9): the sound, then every word with two timestamp tokens behind it; one pass; the likeliest
class at each of these tokens is the time at which the word starts or ends. It refuses to know threads and batches'
sizes. The invariant: a word's times do not depend on the other texts of a call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harken.errors import CheckpointError
from harken.qwen3_asr.aligner_config import read_aligner_config
from harken.qwen3_asr.aligner_network import AlignerNetwork
from harken.qwen3_asr.card import check_languages, read_card
from harken.qwen3_asr.clip import Clip, make_clip
from harken.qwen3_asr.native.pack import can_pack, pack
from harken.qwen3_asr.placement import check_front_end, check_tokenizer, resolve_placement
from harken.qwen3_asr.prompt import AUDIO_PAD
from harken.qwen3_asr.timestamps import longest_rising, repair
from harken.qwen3_asr.tokenizer import TextTokenizer, load_tokenizer
from harken.qwen3_asr.weights import fingerprint, holds_bfloat16, load_aligner_network
from harken.qwen3_asr.windows import tokens_of
from harken.qwen3_asr.word_times import place_words
from harken.qwen3_asr.words import ALIGNED_LANGUAGES, split_words
from harken.types import SAMPLE_RATE, AlignerInfo, Word

TIMESTAMP = "<timestamp>"

MAX_SEGMENT_S = 180.0
"""The longest that the published package hands to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignPrompt:
    """A segment and its text made ready, on the CPU.

    Attributes:
        clip: the sound, checked.
        token_ids: [tokens] int64, with a placeholder for every audio token.
        words: what is timed.
        edges: for each word the places, among the prompt's timestamps, of its start and its end.
        end_ms: whole milliseconds of the segment.
    """

    clip: Clip
    token_ids: Tensor
    words: tuple[str, ...]
    edges: tuple[int, ...]
    end_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Aligned:
    """What the aligner found.

    Attributes:
        words: in order, never overlapping, within the segment.
        times_ms: what it said itself, repaired: start and end of each piece that it read.
        agreement: share of its answers, 0 to 1, that lie within the segment and contradict no other; a text that is
            not what is spoken, or an aligner that cannot hear, has little.
    """

    words: tuple[Word, ...]
    times_ms: tuple[int, ...]
    agreement: float


class ForcedAligner:
    """A loaded checkpoint; `prompt` is safe in any thread, `align` belongs to the one that owns the network.

    Attributes:
        info: what a server may say about it.
        max_segment_s: the longest segment that it aligns well.
        network: the parameters.
    """

    def __init__(
        self, network: AlignerNetwork, tokenizer: TextTokenizer, *, info: AlignerInfo, max_segment_s: float
    ) -> None:
        self.network = network
        self.info = info
        self.max_segment_s = max_segment_s
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu", dtype: str = "auto") -> ForcedAligner:
        """Load a checkpoint of either published layout; the arguments are those of `Qwen3ASR.load`.

        Raises:
            CheckpointError: the folder is incomplete, its parts contradict one another, or it holds a recogniser.
            ConfigError: the device or dtype is unknown.
        """
        config = read_aligner_config(folder)
        placement = resolve_placement(
            device, dtype, "none", can_pack=can_pack(config.body), is_bfloat16=holds_bfloat16(folder)
        )
        tokenizer = load_tokenizer(folder)
        check_tokenizer(tokenizer, config.body)
        check_front_end(folder, config.body.encoder)
        if tokenizer.id_of(TIMESTAMP) != config.timestamp_token:
            found = tokenizer.id_of(TIMESTAMP)
            raise CheckpointError(f"{TIMESTAMP} is {found} in the tokenizer, {config.timestamp_token} in config.json.")
        card = read_card(folder, max_segment_s=min(MAX_SEGMENT_S, config.classes * config.class_ms / 1000))
        if card.max_segment_s * 1000 > config.classes * config.class_ms:
            last_s = config.classes * config.class_ms / 1000
            raise CheckpointError(
                f"harken.json: max_segment_s is {card.max_segment_s:g}; its classes end at {last_s:g} s."
            )
        info = AlignerInfo(
            name=card.name,
            revision=card.revision or fingerprint(folder),
            languages=card.languages or check_languages(config.body.languages or ALIGNED_LANGUAGES, "config.json"),
        )
        network = load_aligner_network(folder, config, device=placement.device, dtype=placement.dtype)
        if placement.packed:
            pack(network, placement.packed)
        return cls(network, tokenizer, info=info, max_segment_s=card.max_segment_s)

    def prompt(self, samples: NDArray[np.float32], text: str, language: str = "") -> AlignPrompt | None:
        """Make a segment ready; pure CPU work.

        Args:
            samples: [n] float32, mono, 16 kHz, in [-1, 1].
            text: what is said in it.
            language: decides how the text is split; see `split_words`.

        Returns:
            None where the text holds no word, or more than the network has positions for.

        Raises:
            UndecodableAudio: a sample is not a finite number.
        """
        config = self.network.config
        units = split_words(text, language)
        clip = make_clip(samples)
        audio_tokens = tokens_of(clip.frames, config.encoder.chunk_frames)
        ids = self._token_ids(audio_tokens, [piece for unit in units for piece in unit.pieces])
        if not units or len(ids) > config.decoder.max_positions:
            return None
        edges: list[int] = []
        read = 0
        for unit in units:
            edges += [2 * read, 2 * (read + len(unit.pieces)) - 1]
            read += len(unit.pieces)
        return AlignPrompt(
            clip=clip,
            token_ids=torch.tensor(ids, dtype=torch.long),
            words=tuple(unit.text for unit in units),
            edges=tuple(edges),
            end_ms=len(samples) * 1000 // SAMPLE_RATE,
        )

    def align(self, prompts: Sequence[AlignPrompt]) -> list[Aligned]:
        """Time the words of several segments in one pass."""
        scored = self.network.scores([p.clip for p in prompts], [p.token_ids for p in prompts])
        return [self._read(prompt, scores) for prompt, scores in zip(prompts, scored, strict=True)]

    def _token_ids(self, audio_tokens: int, pieces: Sequence[str]) -> list[int]:
        text, token = self._tokenizer.encode, self._tokenizer.id_of
        ids = [token("<|audio_start|>"), *[token(AUDIO_PAD)] * audio_tokens, token("<|audio_end|>")]
        for piece in pieces:
            ids += [*text(piece), token(TIMESTAMP), token(TIMESTAMP)]
        return ids

    def _read(self, prompt: AlignPrompt, scores: Tensor) -> Aligned:
        """Read one prompt's times from its scores, [timestamps, classes]."""
        tick = self.network.aligner_config.class_ms
        said = [tick * index for index in scores.argmax(-1).tolist()]
        times = repair(said)
        # A word may well end at the very end of the segment, and the class for that lies up to a tick behind it.
        heard = [time for time in said if time <= prompt.end_ms + tick]
        return Aligned(
            words=place_words(prompt.words, [times[edge] for edge in prompt.edges], prompt.end_ms),
            times_ms=tuple(times),
            agreement=len(longest_rising(heard)) / len(said),
        )
