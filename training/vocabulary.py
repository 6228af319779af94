"""The words of the digits model: its tokenizer, its languages, and texts as token ids.

A byte-level BPE with Qwen2's pre-tokenizer, so small that a row of the embedding costs 256 bytes:
256 bytes, the merges that make every word of a prompt and of an answer one token, and then the real
added tokens of Qwen3-ASR in their real order (`<asr_text>` is added but not special, as in the
published repositories). Any other text still encodes, as bytes: the system turn may hold anything.

Invariant: encoding a digit string gives exactly one token per digit.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

ENGLISH_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CHINESE_DIGITS = ("零", "一", "二", "三", "四", "五", "六", "七", "八", "九")
LANGUAGES = ("Chinese", "English")

_SPECIAL = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
]
_NOT_SPECIAL = [
    "<tool_call>",
    "</tool_call>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
]
_AUDIO_SPECIAL = [
    "<|audio_start|>",
    "<|audio_end|>",
    "<tts_pad>",
    "<tts_text_bos>",
    "<tts_text_eod>",
    "<tts_text_bos_single>",
    "<blank0>",
    "<|audio_pad|>",
]
_BLANKS = tuple(f"<blank{number}>" for number in range(1, 28))
_LAST = ("<asr_text>", "<timestamp>")
_PRE_TOKENIZER = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_WORDS = (
    *(f"{space}{word}" for word in ENGLISH_DIGITS for space in ("", " ")),
    *CHINESE_DIGITS,
    "language",
    *(f" {name}" for name in (*LANGUAGES, "None")),
    "system",
    "user",
    "assistant",
)


def _byte_letters() -> dict[int, str]:
    """GPT-2's printable letter for every byte value."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [value for value in range(256) if value not in plain]
    return {value: chr(value) for value in plain} | {value: chr(256 + i) for i, value in enumerate(others)}


def _merges(words: tuple[str, ...]) -> list[tuple[str, str]]:
    """Merges, in order, after which each word is one token: always the longest known prefix grows."""
    letters = _byte_letters()
    merges: list[tuple[str, str]] = []
    for word in words:
        pieces = [letters[value] for value in word.encode()]
        for merge in merges:
            pieces = _merged(pieces, merge)
        while len(pieces) > 1:
            merges.append((pieces[0], pieces[1]))
            pieces = _merged(pieces, merges[-1])
    return merges


def _merged(pieces: list[str], merge: tuple[str, str]) -> list[str]:
    """`pieces` with every neighbouring pair equal to `merge` joined, as BPE does it."""
    joined: list[str] = []
    index = 0
    while index < len(pieces):
        if tuple(pieces[index : index + 2]) == merge:
            joined.append(merge[0] + merge[1])
            index += 2
        else:
            joined.append(pieces[index])
            index += 1
    return joined


def build_tokenizer() -> Tokenizer:
    """The tokenizer, built from nothing but this module's tables."""
    letters = _byte_letters()
    merges = _merges(_WORDS)
    names = [letters[value] for value in sorted(letters, key=lambda value: letters[value])]
    for left, right in merges:
        if left + right not in names:
            names.append(left + right)
    tokenizer = Tokenizer(models.BPE(vocab={name: i for i, name in enumerate(names)}, merges=merges))
    tokenizer.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(_PRE_TOKENIZER), behavior="isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens([_added(name, special=name not in _NOT_SPECIAL) for name in added_tokens()])
    return tokenizer


def added_tokens() -> tuple[str, ...]:
    """Names of the added tokens in the order of their ids, as in the published vocabulary."""
    return (*_SPECIAL, *_NOT_SPECIAL, *_AUDIO_SPECIAL, *_BLANKS, *_LAST)


def _added(name: str, *, special: bool) -> AddedToken:
    return AddedToken(name, special=special and name not in _LAST, normalized=False)


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The token ids that training needs, looked up once."""

    tokenizer: Tokenizer
    audio_pad: int
    end: int

    @property
    def size(self) -> int:
        """Number of tokens, the added ones included."""
        return self.tokenizer.get_vocab_size()

    def id_of(self, name: str) -> int:
        """The id of a token by its name; raises KeyError where there is none."""
        return _id_of(self.tokenizer, name)

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`; the names of added tokens in it become those tokens."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def prompt(self, audio_tokens: int, system: str = "") -> list[int]:
        """The chat template around `audio_tokens` placeholders, ending with the word assistant and a line feed."""
        before = self.encode(f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n<|audio_start|>")
        after = self.encode("<|audio_end|><|im_end|>\n<|im_start|>assistant\n")
        return [*before, *[self.audio_pad] * audio_tokens, *after]

    def header(self, language: str) -> list[int]:
        """`language X<asr_text>`, which the model says first, or is given when the language is forced."""
        return self.encode(f"language {language}<asr_text>")

    def answer(self, text: str) -> list[int]:
        """The transcript and the end of the turn."""
        return [*self.encode(text), self.end]


def _id_of(tokenizer: Tokenizer, name: str) -> int:
    found: int | None = tokenizer.token_to_id(name)
    if found is None:
        raise KeyError(name)
    return found


def load_vocabulary(tokenizer: Tokenizer | None = None) -> Vocabulary:
    """A `Vocabulary` around `tokenizer` (default: a freshly built one)."""
    built = tokenizer or build_tokenizer()
    return Vocabulary(tokenizer=built, audio_pad=_id_of(built, "<|audio_pad|>"), end=_id_of(built, "<|im_end|>"))


def spell(digits: tuple[int, ...], language: str) -> str:
    """The transcript of a digit string: `three one four` in English, `三一四` in Chinese."""
    if language == "English":
        return " ".join(ENGLISH_DIGITS[digit] for digit in digits)
    return "".join(CHINESE_DIGITS[digit] for digit in digits)


def unspell(text: str) -> tuple[int, ...]:
    """The digits of a transcript in either language; a word that is no digit counts as -1."""
    if any(character in CHINESE_DIGITS for character in text):
        letters = [c for c in text if not c.isspace()]
        return tuple(CHINESE_DIGITS.index(c) if c in CHINESE_DIGITS else -1 for c in letters)
    words = text.lower().replace(",", " ").replace(".", " ").split()
    return tuple(ENGLISH_DIGITS.index(w) if w in ENGLISH_DIGITS else -1 for w in words)


def write_tokenizer(folder: Path) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json` into `folder`."""
    tokenizer = build_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = json.dumps(_tokenizer_config(tokenizer), indent=2, ensure_ascii=False)
    (folder / "tokenizer_config.json").write_text(config + "\n", encoding="utf-8")


def _tokenizer_config(tokenizer: Tokenizer) -> dict[str, object]:
    special = [*_SPECIAL, *_AUDIO_SPECIAL, *_BLANKS]
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    audio = {
        "audio_bos_token": "<|audio_start|>",
        "audio_eos_token": "<|audio_end|>",
        "audio_token": "<|audio_pad|>",
    }
    return {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(_id_of(tokenizer, name)): {"content": name, "special": name in special, **flags}
            for name in added_tokens()
        },
        "additional_special_tokens": [name for name in special if name != "<|endoftext|>"],
        **audio,
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "extra_special_tokens": audio,
        "model_max_length": 4096,
        "pad_token": "<|im_end|>",
        "processor_class": "Qwen3ASRProcessor",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }
