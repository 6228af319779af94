"""What the aligner is asked and what it should answer: prompts, classes, and labels of one batch.

The prompt is the published aligner's: the recording, then every word followed by two `<timestamp>`
tokens, whose answers are the classes (80 ms each) of the word's start and end. Owns the padding, the
labels, and the words a recogniser may get wrong. Refuses to know how clips are made.

Invariant: the times of a prompt never run backwards, whatever is wrong with its words.
"""

import random
from dataclasses import dataclass

import numpy as np
import torch

from training.batches import HISTORY, IGNORE
from training.clips import Clip
from training.features import FRAMES_PER_CHUNK, token_count, token_times_s
from training.vocabulary import CHINESE_DIGITS, ENGLISH_DIGITS, Vocabulary

CLASS_S = 0.08
CLASSES = 800
_TIMESTAMP = "<timestamp>"


@dataclass(frozen=True, kw_only=True)
class Word:
    """A digit that the text claims and where it is: (start, end) in seconds. `said` is False for a digit too
    many, whose two times are the same moment between its neighbours.
    """

    digit: int
    start_s: float
    end_s: float
    said: bool = True


@dataclass(frozen=True, kw_only=True)
class AlignedBatch:
    """One step's tensors. B clips, T mel frames (a multiple of 100), L tokens, A audio tokens, K words.

    features [B, 128, T] f32; audio_tokens, audio_start [B]; tokens [B, L]; places [B, K, 2]: the
    positions of each word's two timestamps; times_s [B, K, 2] f32: what they should say; written
    [B, K] and written_history [B, K, 5]: how many words the text has by then, and the last five
    (latest first, 0 none); started, finished [B, A] and their histories [B, A, 5]: the same of the
    sound at every audio token. IGNORE (of times: a negative number) where not learnt.
    """

    features: torch.Tensor
    audio_tokens: torch.Tensor
    audio_start: torch.Tensor
    tokens: torch.Tensor
    places: torch.Tensor
    times_s: torch.Tensor
    written: torch.Tensor
    written_history: torch.Tensor
    started: torch.Tensor
    started_history: torch.Tensor
    finished: torch.Tensor
    finished_history: torch.Tensor


def prompt_text(words: list[str]) -> str:
    """What stands behind the audio: `one<timestamp><timestamp>two<timestamp><timestamp>`."""
    return "".join(f"{word}{_TIMESTAMP}{_TIMESTAMP}" for word in words)


def prompt(words: list[str], audio_tokens: int, vocabulary: Vocabulary) -> list[int]:
    """Token ids of the whole prompt; the first audio token is at position 1."""
    audio = [vocabulary.audio_pad] * audio_tokens
    return [*vocabulary.encode("<|audio_start|>"), *audio, *vocabulary.encode("<|audio_end|>" + prompt_text(words))]


def said_words(clip: Clip) -> list[Word]:
    """The words of a clip whose times are known."""
    return [
        Word(digit=digit, start_s=start, end_s=end)
        for digit, (start, end) in zip(clip.digits, clip.spans_s or (), strict=True)
    ]


def misheard(words: list[Word], rng: random.Random) -> list[Word]:
    """The words as a recogniser may write them: one missing, one too many, or one mistaken for another."""
    changed, place = list(words), rng.randrange(len(words))
    kind = rng.choice(("missing", "extra", "mistaken")) if len(words) > 1 else rng.choice(("extra", "mistaken"))
    word = words[place]
    if kind == "missing":
        del changed[place]
    elif kind == "mistaken":
        changed[place] = Word(digit=rng.randrange(10), start_s=word.start_s, end_s=word.end_s)
    else:
        changed.insert(place + 1, Word(digit=rng.randrange(10), start_s=word.end_s, end_s=word.end_s, said=False))
    return changed


def drawn_text(clip: Clip, wrong_share: float, rng: random.Random) -> list[Word]:
    """The words the aligner is given: those that were said, or in `wrong_share` of the cases nearly those."""
    words = said_words(clip)
    return misheard(words, rng) if rng.random() < wrong_share else words


def collate(
    clips: list[Clip], features: list[torch.Tensor], texts: list[list[Word]], vocabulary: Vocabulary
) -> AlignedBatch:
    """Pad clips (right) and their texts, right or wrong, into one batch. Every clip has words with times."""
    count = len(clips)
    frames = [feature.shape[1] for feature in features]
    packed = torch.zeros(count, 128, -(-max(frames) // FRAMES_PER_CHUNK) * FRAMES_PER_CHUNK)
    audio_tokens = torch.tensor([token_count(n) for n in frames])
    said = [said_words(clip) for clip in clips]
    prompts = [
        _prompt(clip, words, token_count(n), vocabulary) for clip, words, n in zip(clips, texts, frames, strict=True)
    ]
    tokens = torch.full((count, max(map(len, prompts))), vocabulary.end)
    most, audio_max = max(map(len, texts)), int(audio_tokens.max())
    places, written = (torch.full(size, IGNORE) for size in ((count, most, 2), (count, most)))
    times_s, written_history = torch.full((count, most, 2), -1.0), torch.full((count, most, HISTORY), IGNORE)
    sound = torch.full((4, count, audio_max, HISTORY), IGNORE)
    for row, (feature, ids, words, truth) in enumerate(zip(features, prompts, texts, said, strict=True)):
        packed[row, :, : feature.shape[1]] = feature
        tokens[row, : len(ids)] = torch.tensor(ids)
        first = int(audio_tokens[row]) + 3  # audio_start, the audio, audio_end, the first word
        places[row, : len(words)] = first + 3 * torch.arange(len(words))[:, None] + torch.arange(2)
        times_s[row, : len(words)] = torch.tensor([(word.start_s, word.end_s) for word in words])
        if words == truth:
            written[row, : len(words)] = 1 + torch.arange(len(words))
            written_history[row, : len(words)] = _histories([word.digit for word in words])[1:]
        sound[:, row, : int(audio_tokens[row])] = _sound_labels(truth, int(audio_tokens[row]))
    return AlignedBatch(
        features=packed, audio_tokens=audio_tokens, audio_start=torch.ones(count, dtype=torch.long), tokens=tokens,
        places=places, times_s=times_s, written=written, written_history=written_history,
        started=sound[0, ..., 0].clone(), started_history=sound[1], finished=sound[2, ..., 0].clone(),
        finished_history=sound[3],
    )  # fmt: skip


def _prompt(clip: Clip, words: list[Word], audio_tokens: int, vocabulary: Vocabulary) -> list[int]:
    names = ENGLISH_DIGITS if clip.language == "English" else CHINESE_DIGITS
    return prompt([names[word.digit] for word in words], audio_tokens, vocabulary)


def _histories(digits: list[int]) -> torch.Tensor:
    """The last digits (plus one), latest first, after none, one, two ... of them; [len + 1, HISTORY]."""
    padded = [0] * HISTORY + [digit + 1 for digit in digits]
    return torch.tensor([padded[index : index + HISTORY][::-1] for index in range(len(digits) + 1)])


def _sound_labels(words: list[Word], used: int) -> torch.Tensor:
    """Started and finished words at every audio token, [4, used, HISTORY]: count, last five; twice."""
    times, histories = token_times_s(used), _histories([word.digit for word in words])
    rows = []
    for edges in ([word.start_s for word in words], [word.end_s for word in words]):
        passed = torch.from_numpy(np.searchsorted(np.array(edges), times + 1e-6))
        # Within half a token of an edge nobody can say on which side of it a token is.
        unsure = torch.from_numpy(np.abs(times[:, None] - np.array(edges)[None]).min(1) < CLASS_S / 2)
        rows += [passed[:, None].expand(-1, HISTORY), histories[passed]]
        rows[-2] = rows[-2].masked_fill(unsure[:, None], IGNORE)
        rows[-1] = rows[-1].masked_fill(unsure[:, None], IGNORE)
    return torch.stack(rows)
