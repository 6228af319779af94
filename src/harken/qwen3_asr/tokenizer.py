"""Text to token ids and back: the byte-level BPE of Qwen2 with the added tokens of Qwen3-ASR.

Owns the two ways a checkpoint carries its tokenizer: `tokenizer.json`, or `vocab.json` + `merges.txt` with the added
tokens of `tokenizer_config.json`. It keeps text and control apart: `encode` never yields an added token, whatever the
text says, because the tokens are not known to the part that encodes; they exist only through `id_of`. So a prompt can
be built from foreign text by construction without injection. Safe to use from several threads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from harken.errors import CheckpointError
from harken.qwen3_asr.answer import TEXT_MARK
from harken.qwen3_asr.fields import read_json

PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"  # English contractions
    r"|[^\r\n\p{L}\p{N}]?\p{L}+"  # a word with the one character before it
    r"|\p{N}"  # every digit alone
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*"  # punctuation, with the line's end
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"  # line ends; spaces, the last one left to the next word
)
"""How Qwen2 cuts text before BPE, as published; the ids depend on every character of it."""

_BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
_PLAIN = (*range(33, 127), *range(161, 173), *range(174, 256))
_BYTE_OF = {chr(byte): byte for byte in _PLAIN} | {
    chr(256 + place): byte for place, byte in enumerate(byte for byte in range(256) if byte not in _PLAIN)
}
"""Byte-level BPE spells each byte as one visible character: those that are visible as themselves, the others in
order from U+0100 on (Radford et al., 2019)."""
_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """A token that is not text: its id, and whether it is hidden from readers."""

    id: int
    content: str
    is_special: bool


class TextTokenizer:
    """Encodes text without added tokens, decodes ids with them."""

    def __init__(self, plain: Tokenizer, full: Tokenizer, added: Sequence[Added]) -> None:
        self._plain = plain
        self._full = full
        self._added = {token.content: token for token in added}
        self._hidden = frozenset(token.id for token in added if token.is_special and token.content != TEXT_MARK)

    @property
    def added(self) -> tuple[str, ...]:
        """The spelling of every added token."""
        return tuple(self._added)

    @property
    def size(self) -> int:
        """One more than the highest id."""
        return max(self._full.get_vocab(with_added_tokens=True).values()) + 1

    def id_of(self, content: str) -> int:
        """Return the id of an added token.

        Raises:
            CheckpointError: the tokenizer has none of that spelling.
        """
        if content not in self._added:
            raise CheckpointError(f"The tokenizer has no token {content}.")
        return self._added[content].id

    def encode(self, text: str) -> list[int]:
        """Encode text, normalised to NFC; the spelling of an added token is encoded as the letters it consists of."""
        ids: list[int] = self._plain.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Decode ids: special tokens vanish, `<asr_text>` stays, a character cut off at the end becomes U+FFFD."""
        text: str = self._full.decode([i for i in ids if i not in self._hidden], skip_special_tokens=False)
        return text

    def bytes_of(self, token: int) -> bytes:
        """The bytes that `decode` makes of one id: none for a special token, or one that does not exist.

        All bytes of an answer, decoded as UTF-8 with replacement, are what `decode` makes of the answer.
        """
        content = None if token in self._hidden else self._full.id_to_token(token)
        if content is None:
            return b""
        try:
            return bytes(_BYTE_OF[character] for character in content)
        except KeyError:  # an added token that is spelled with a space, or beyond Latin
            return content.encode()


def load_tokenizer(folder: Path) -> TextTokenizer:
    """Load a checkpoint's tokenizer, from whichever files it has.

    Raises:
        CheckpointError: files are missing or broken, or the added tokens' ids contradict one another.
    """
    if (folder / "tokenizer.json").is_file():
        content = dict(read_json(folder / "tokenizer.json"))
    else:
        content = _from_parts(folder)
    added = [_added(token) for token in _list(content.get("added_tokens"))]
    full = _built(content, folder)
    for token in added:
        if full.token_to_id(token.content) != token.id:
            raise CheckpointError(
                f"The tokenizer gives {token.content} the id {full.token_to_id(token.content)}, not {token.id}."
            )
    plain = _built({**content, "added_tokens": [], "post_processor": None}, folder)
    return TextTokenizer(plain, full, added)


def _from_parts(folder: Path) -> dict[str, Any]:
    """Make the content of a `tokenizer.json` out of the three older files."""
    entries = read_json(folder / "tokenizer_config.json").get("added_tokens_decoder")
    if not isinstance(entries, Mapping) or not all(str(key).isdecimal() for key in entries):
        raise CheckpointError(f"tokenizer_config.json in {folder} has no added_tokens_decoder with ids as keys.")
    added = [{**dict.fromkeys(_FLAGS, False), **entries[key], "id": int(key)} for key in sorted(entries, key=int)]
    if not (folder / "vocab.json").is_file():
        raise CheckpointError(f"{folder} has neither tokenizer.json nor vocab.json with merges.txt.")
    vocabulary: dict[str, object] = dict(read_json(folder / "vocab.json"))
    # The added tokens stand in the vocabulary too, which is what ties each to its own id even where ids have gaps.
    # No merge leads to them, so encoding text cannot yield one.
    vocabulary |= {str(token.get("content")): token["id"] for token in added}
    split = {"type": "Split", "pattern": {"Regex": PIECES}, "behavior": "Isolated", "invert": False}
    return {
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, _BYTES]},
        "decoder": _BYTES,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": _merges(folder / "merges.txt")},
    }


def _merges(path: Path) -> list[list[str]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be read: {error}. The tokenizer needs it.") from error
    pairs = [line.split(" ") for line in lines if line and not line.startswith("#version")]
    if wrong := [pair for pair in pairs if len(pair) != 2]:
        raise CheckpointError(f"{path.name}: {' '.join(wrong[0])!r} is not a merge of two tokens.")
    return pairs


def _built(content: Mapping[str, Any], folder: Path) -> Tokenizer:
    try:
        return Tokenizer.from_str(json.dumps(content))
    except Exception as error:  # tokenizers raises this very class for whatever it cannot parse
        raise CheckpointError(f"The tokenizer in {folder} cannot be read: {error}.") from error


def _added(token: object) -> Added:
    if not isinstance(token, Mapping) or not isinstance(token.get("id"), int) or not token.get("content"):
        raise CheckpointError(f"The tokenizer lists an added token without id or content: {token!r}.")
    return Added(id=token["id"], content=str(token["content"]), is_special=bool(token.get("special", False)))


def _list(found: object) -> list[object]:
    return found if isinstance(found, list) else []
