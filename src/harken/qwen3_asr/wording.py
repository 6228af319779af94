"""What the tokens of an answer mean, in the sense of `harken.engine.model.Model`: pure, from any thread.

Owns the tokenizer's side of a model. It refuses to know networks.
"""

from __future__ import annotations

from collections.abc import Sequence

from harken.qwen3_asr.answer import TEXT_MARK, AnswerReader, parse_answer
from harken.qwen3_asr.tokenizer import TextTokenizer
from harken.types import Options


class Wording:
    """Turns the tokens of answers into text, language and bytes."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self._tokenizer = tokenizer
        self._mark = tokenizer.id_of(TEXT_MARK)

    def detokenize(self, ids: Sequence[int]) -> str:
        """Decode an answer, header and `<asr_text>` included; a character that is cut off at the end is U+FFFD."""
        return self._tokenizer.decode(ids)

    def parse(self, raw: str, options: Options) -> tuple[str, str]:
        """Separate a decoded answer, finished or not, into text and language ("" for none)."""
        return parse_answer(raw, forced=options.language)

    def reader(self, options: Options) -> AnswerReader:
        """What reads an answer of these options while it is written."""
        return AnswerReader(forced=options.language)

    def bytes_of(self, token: int) -> bytes:
        """The bytes of one id; all of an answer's bytes, decoded as UTF-8, are what `detokenize` gives."""
        return self._tokenizer.bytes_of(token)

    def text_start(self, ids: Sequence[int]) -> int:
        """How many tokens at the beginning of an answer are its header: up to the last mark with no text before it."""
        start = 0
        for place, token in enumerate(ids):
            if token == self._mark and not parse_answer(self.detokenize(ids[: place + 1]))[0]:
                start = place + 1
        return start
