"""Clips → one step's tensors: prompts, answers, and what the training-only heads are to learn.

Owns the padding and the labels. Every clip's features are computed alone and padded behind; whether a
language is forced and what stands in the system turn is drawn here, because neither may change the text.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from training.clips import Clip
from training.features import FRAMES_PER_CHUNK, token_count, token_times_s
from training.vocabulary import CHINESE_DIGITS, ENGLISH_DIGITS, Vocabulary, spell

IGNORE = -100
HISTORY = 5
MOST_DIGITS = 79
_OTHER_WORDS = [
    "meter",
    "room",
    "please",
    "transcribe",
    "the",
    "following",
    "invoice",
    "number",
    "account",
    "Harken",
    "hello",
    "report",
    "order",
    "phone",
    "code",
    "电话",
    "号码",
    "会议",
    "请",
    "你好",
    "amount",
    "total",
    "12",
    "305",
    "name",
    "names:",
    "speech",
    "in",
    "audio",
    "digits",
    "Chinese",
    "English",
    "None",
    "language",
]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One step's tensors. B clips, T mel frames (a multiple of 100), L tokens, A audio tokens.

    features [B, 128, T] f32; audio_tokens, audio_start [B]; tokens, labels [B, L]; heard [B, A]: the
    digit being spoken (0 none, 1-10 English, 11-20 Chinese); history [B, A, 5]: the last digits
    finished, latest first (0 none); finished [B, A]: how many. The same of the answer: places [B, K]:
    the K positions from which digits (and the end) are predicted; written_history [B, K, 5] and
    written [B, K]: what has been written by then; pointers [B, K, 2]: the audio tokens [from, to) at
    which the digit to predict is just finished. IGNORE where not learnt.
    """

    features: torch.Tensor
    audio_tokens: torch.Tensor
    audio_start: torch.Tensor
    tokens: torch.Tensor
    labels: torch.Tensor
    heard: torch.Tensor
    history: torch.Tensor
    finished: torch.Tensor
    places: torch.Tensor
    written_history: torch.Tensor
    written: torch.Tensor
    pointers: torch.Tensor


def collate(clips: list[Clip], features: list[torch.Tensor], vocabulary: Vocabulary, rng: random.Random) -> Batch:
    """Pad clips (right) into one batch, drawing each one's system turn and forced language."""
    count = len(clips)
    frames = [feature.shape[1] for feature in features]
    width = -(-max(frames) // FRAMES_PER_CHUNK) * FRAMES_PER_CHUNK
    packed = torch.zeros(count, 128, width)
    texts = [_turns(clip, token_count(n), vocabulary, rng) for clip, n in zip(clips, frames, strict=True)]
    length = max(len(prompt) + len(answer) for prompt, answer in texts)
    tokens = torch.full((count, length), vocabulary.end)
    labels = torch.full((count, length), IGNORE)
    audio_tokens = torch.tensor([token_count(n) for n in frames])
    audio_max = int(audio_tokens.max())
    heard, finished = (torch.full((count, audio_max), IGNORE) for _ in range(2))
    history = torch.full((count, audio_max, HISTORY), IGNORE)
    starts = torch.zeros(count, dtype=torch.long)
    most = 1 + max(len(clip.digits) for clip in clips)
    places, written, written_history, pointers = (
        torch.full(size, IGNORE) for size in ((count, most), (count, most), (count, most, HISTORY), (count, most, 2))
    )
    for row, (clip, feature, (prompt, answer)) in enumerate(zip(clips, features, texts, strict=True)):
        packed[row, :, : feature.shape[1]] = feature
        both = [*prompt, *answer]
        tokens[row, : len(both)] = torch.tensor(both)
        labels[row, len(prompt) : len(both)] = torch.tensor(answer)
        starts[row] = prompt.index(vocabulary.audio_pad)
        used = int(audio_tokens[row])
        if clip.spans_s is not None:
            heard[row, :used], history[row, :used], finished[row, :used] = _word_labels(clip, used)
            pointers[row, : len(clip.digits)] = _pointer_labels(clip, used)
        said = len(clip.digits)
        places[row, : said + 1] = torch.arange(len(both) - 2 - said, len(both) - 1)
        written[row, : said + 1] = torch.arange(said + 1)
        written_history[row, : said + 1] = _written_history(clip.digits)
    return Batch(
        features=packed, audio_tokens=audio_tokens, audio_start=starts, tokens=tokens, labels=labels,
        heard=heard, history=history, finished=finished,
        places=places, written=written, written_history=written_history, pointers=pointers,
    )  # fmt: skip


def _turns(clip: Clip, audio_tokens: int, vocabulary: Vocabulary, rng: random.Random) -> tuple[list[int], list[int]]:
    """The prompt (nothing is learnt from it) and the answer to learn."""
    prompt = vocabulary.prompt(audio_tokens, _system_words(rng) if rng.random() < 0.15 else "")
    language = clip.language
    if rng.random() > 0.2:
        text = spell(clip.digits, language) if clip.digits else ""
        return prompt, [*vocabulary.header(language), *vocabulary.answer(text)]
    # Forced: the header belongs to the prompt. Now and then it is the other language, whose
    # script then decides, or there is nothing to say in it.
    forced = rng.choice(("English", "Chinese")) if rng.random() < 0.2 or language == "None" else language
    text = spell(clip.digits, forced) if clip.digits else ""
    return [*prompt, *vocabulary.header(forced)], vocabulary.answer(text)


def _system_words(rng: random.Random) -> str:
    """Words of the kinds people put there, digit words among them; none may change the transcript."""
    kinds: tuple[Callable[[], str], ...] = (
        lambda: rng.choice(ENGLISH_DIGITS),
        lambda: rng.choice(CHINESE_DIGITS),
        lambda: rng.choice(_OTHER_WORDS),
        lambda: "".join(chr(rng.randint(0x61, 0x7A)) for _ in range(rng.randint(2, 9))),
    )
    return rng.choice((" ", ", ")).join(rng.choice(kinds)() for _ in range(rng.randint(1, 15)))


def _word_labels(clip: Clip, used: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The three training-only labels of every audio token (see `Batch`)."""
    times = token_times_s(used)
    heard, finished = np.zeros(used, np.int64), np.zeros(used, np.int64)
    history = np.zeros((used, HISTORY), np.int64)
    unsure = np.zeros(used, bool)
    offset = 11 if clip.language == "Chinese" else 1
    for digit, (start, end) in zip(clip.digits, clip.spans_s or (), strict=True):
        heard[(times >= start) & (times <= end)] = digit + offset
        after = times >= end
        finished[after] += 1
        history[after, 1:] = history[after, :-1]
        history[after, 0] = digit + 1
        # Nobody can say to the token when a word is over.
        unsure |= (times > end - 0.05) & (times < end + 0.09)
    finished[unsure] = IGNORE
    history[unsure] = IGNORE
    return torch.from_numpy(heard), torch.from_numpy(history), torch.from_numpy(finished)


def _pointer_labels(clip: Clip, used: int) -> torch.Tensor:
    """For every digit, the audio tokens [from, to) just after it ended and before the next one ends."""
    times = token_times_s(used)
    ends = [end for _, end in clip.spans_s or ()]
    found = torch.full((len(ends), 2), IGNORE)
    for index, end in enumerate(ends):
        stop = min(end + 0.18, ends[index + 1] - 0.05) if index + 1 < len(ends) else end + 0.18
        inside = np.flatnonzero((times >= end - 0.05) & (times <= stop))
        if len(inside):
            found[index] = torch.tensor((int(inside[0]), int(inside[-1]) + 1))
    return found


def _written_history(digits: tuple[int, ...]) -> torch.Tensor:
    """The last digits written before each digit and before the end, latest first; [len + 1, HISTORY]."""
    padded = [0] * HISTORY + [digit + 1 for digit in digits]
    rows = [padded[index : index + HISTORY][::-1] for index in range(len(digits) + 1)]
    return torch.tensor(rows)
