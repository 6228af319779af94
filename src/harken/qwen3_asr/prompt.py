"""The prompt: the frame of token ids around the sound.

Owns the chat template of Qwen3-ASR (facts, section 1.8): a system turn that is always there and holds the context, a
user turn that holds the sound, and the beginning of the answer, which ends with `language X<asr_text>` and a prefix
where the client forces them. It is put together from ids, never from rendered text. Its invariant: no context or
prefix, whatever it spells, changes the frame. Both lose everything that looks like a token of the template, and what
is left is encoded by a tokenizer that does not know those tokens.

A prefix is encoded by itself and the model writes on behind its last token. At the end of a word that is what it would
have written in one go: the space belongs to the next word. Between two characters of one run of letters (Chinese) the
vocabulary may have a token for both; the text is then spelled alike by other tokens.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
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
        length: tokens of the prompt, sound and prefix included.
        prefix: its last tokens, where the client gave the answer's beginning.
    """

    clip: Clip
    token_ids: Tensor
    length: int
    prefix: tuple[int, ...] = ()


class PromptWriter:
    """Writes the token ids of prompts."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self._tokenizer = tokenizer
        self._removed = tuple(dict.fromkeys((*_CHAT_TOKENS, *tokenizer.added)))

    def prefix(self, options: Options) -> tuple[int, ...]:
        """Encode what the text has to begin with; nothing where no language is forced, for then it begins later."""
        if options.language is None or not options.prefix:
            return ()
        return tuple(self._tokenizer.encode(self.clean(options.prefix)))

    def write(self, audio_tokens: int, options: Options, prefix: Sequence[int] = ()) -> Tensor:
        """Frame so many audio tokens.

        Args:
            audio_tokens: of the sound.
            options: language and context.
            prefix: from `prefix`.

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
            ids += [*text(f"assistant\nlanguage {options.language}"), token(TEXT_MARK), *prefix]
        return torch.tensor(ids, dtype=torch.long)

    def clean(self, given: str) -> str:
        """Remove the spelling of every added token, also such as removing makes; and space at both ends."""
        text = unicodedata.normalize("NFC", given)
        before = ""
        while before != text:
            before = text
            for spelling in self._removed:
                text = text.replace(spelling, "")
        return text.strip()
