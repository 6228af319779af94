"""The prompt: the frame of token ids around the sound.

Owns the chat template of Qwen3-ASR (facts, section 1.8): a system turn that is always there and holds the context, a
user turn that holds the sound, and the beginning of the answer, which ends with `language X<asr_text>` where the
client forces a language. It is put together from ids, never from rendered text. Its invariant: no context, whatever
it spells, changes the frame. The context loses everything that looks like a token of the template, and what is left
is encoded by a tokenizer that does not know those tokens.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import torch
from torch import Tensor

from harken.qwen3_asr.answer import TEXT_MARK
from harken.qwen3_asr.clip import Clip
from harken.qwen3_asr.tokenizer import TextTokenizer
from harken.types import Options

AUDIO_PAD = "<|audio_pad|>"

_CHAT_TOKENS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|audio_start|>",
    "<|audio_end|>",
    AUDIO_PAD,
    TEXT_MARK,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """One segment made ready for prefill, on the CPU.

    Attributes:
        clip: the sound, checked; its features are made where the network computes.
        token_ids: [length] int64, with a placeholder for every audio token.
        length: tokens of the prompt, sound included.
    """

    clip: Clip
    token_ids: Tensor
    length: int


class PromptWriter:
    """Writes the token ids of prompts."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self._tokenizer = tokenizer
        self._removed = tuple(dict.fromkeys((*_CHAT_TOKENS, *tokenizer.added)))

    def write(self, audio_tokens: int, options: Options) -> Tensor:
        """Frame so many audio tokens.

        Returns:
            [length] int64.

        Raises:
            CheckpointError: the tokenizer lacks a token of the template.
        """
        text, token = self._tokenizer.encode, self._tokenizer.id_of
        start, end, newline = token("<|im_start|>"), token("<|im_end|>"), text("\n")
        ids = [start, *text("system\n" + self.clean(options.context)), end, *newline]
        ids += [start, *text("user\n"), token("<|audio_start|>")]
        ids += [token(AUDIO_PAD)] * audio_tokens
        ids += [token("<|audio_end|>"), end, *newline, start]
        if options.language is None:
            ids += text("assistant\n")
        else:
            ids += [*text(f"assistant\nlanguage {options.language}"), token(TEXT_MARK)]
        return torch.tensor(ids, dtype=torch.long)

    def clean(self, context: str) -> str:
        """Remove the spelling of every added token, also such as removing makes; and space at both ends."""
        text = unicodedata.normalize("NFC", context)
        before = ""
        while before != text:
            before = text
            for spelling in self._removed:
                text = text.replace(spelling, "")
        return text.strip()
