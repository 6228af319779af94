"""Rules of training.alignment: prompts, classes, labels."""

from __future__ import annotations

import itertools
import random

import numpy as np

from training.alignment import Word, collate, misheard, prompt, said_words
from training.batches import IGNORE
from training.clips import Clip, word_spans
from training.features import log_mel
from training.vocabulary import load_vocabulary

_SPANS = ((0.2, 0.5), (0.52, 0.8), (1.4, 1.9))


def _clip(language: str = "English") -> Clip:
    samples = (np.random.default_rng(1).standard_normal(2 * 16000) * 0.1).astype(np.float32)
    return Clip(samples=samples, digits=(7, 7, 2), language=language, spans_s=_SPANS)


def test_the_prompt_is_audio_and_then_words_with_two_timestamps_each() -> None:
    """No system turn and no spaces: as the published aligner is asked."""
    vocabulary = load_vocabulary()
    ids = prompt(["seven", "二"], 3, vocabulary)
    shown = vocabulary.tokenizer.decode(ids, skip_special_tokens=False)
    assert shown == (
        "<|audio_start|><|audio_pad|><|audio_pad|><|audio_pad|><|audio_end|>"
        "seven<timestamp><timestamp>二<timestamp><timestamp>"
    )


def test_places_are_those_of_the_timestamps_and_carry_their_times() -> None:
    """Two for every word, in order, in a batch whose rows differ in length."""
    vocabulary = load_vocabulary()
    clips = [_clip(), _clip("Chinese")]
    texts = [said_words(clips[0]), said_words(clips[1])[:2]]
    batch = collate(clips, [log_mel(clip.samples) for clip in clips], texts, vocabulary)
    for row, words in enumerate(texts):
        found = (batch.tokens[row] == vocabulary.id_of("<timestamp>")).nonzero()[:, 0].tolist()
        assert found == [place for place in batch.places[row].flatten().tolist() if place != IGNORE]
        assert np.allclose(batch.times_s[row, : len(words)], _SPANS[: len(words)])
    assert bool((batch.times_s[1, 2] < 0).all())


def test_the_sound_is_labelled_with_what_has_started_and_finished() -> None:
    """At 0.96 s two digits are over; within half a token of an edge nothing is learnt."""
    clip = _clip()
    batch = collate([clip], [log_mel(clip.samples)], [said_words(clip)], load_vocabulary())
    assert (int(batch.started[0, 12]), int(batch.finished[0, 12])) == (2, 2)
    assert batch.finished_history[0, 12].tolist() == [8, 8, 0, 0, 0]
    assert (int(batch.started[0, 4]), int(batch.finished[0, 4])) == (1, 0)
    assert int(batch.finished[0, 6]) == IGNORE


def test_the_text_is_labelled_like_the_sound_unless_it_is_wrong() -> None:
    """Counting what was not said would teach the heads nonsense; the times are still learnt."""
    clip, vocabulary = _clip(), load_vocabulary()
    features = [log_mel(clip.samples)]
    right = collate([clip], features, [said_words(clip)], vocabulary)
    wrong = collate([clip], features, [said_words(clip)[1:]], vocabulary)
    assert right.written[0].tolist() == [1, 2, 3]
    assert right.written_history[0, 2].tolist() == [3, 8, 8, 0, 0]
    assert bool((wrong.written == IGNORE).all())
    assert bool((wrong.times_s[0] >= 0).all())


def test_times_never_run_backwards_whatever_is_wrong_with_the_words() -> None:
    """A digit missing, too many or mistaken; three hundred draws."""
    rng = random.Random(3)
    words = said_words(_clip())
    for _ in range(300):
        times = [t for word in misheard(words, rng) for t in (word.start_s, word.end_s)]
        assert times
        assert all(a <= b for a, b in itertools.pairwise(times))


def test_a_digit_too_many_is_nowhere() -> None:
    """Its start and its end are one moment, so that it takes no time from its neighbours."""
    rng = random.Random(3)
    draws = [misheard([Word(digit=1, start_s=0.1, end_s=0.4)], rng) for _ in range(30)]
    extra = [word for words in draws for word in words if not word.said]
    assert extra
    assert all(word.start_s == word.end_s for word in extra)


def test_a_word_ends_with_its_last_sound_and_not_with_the_pause_behind_it() -> None:
    """4 % of the word's own peak is the floor; the next word's beginning is the limit."""
    samples = np.zeros(16000, np.float32)
    samples[1600:4800] = 0.5
    samples[4800:6400] = 0.015
    samples[8000:12000] = 0.05
    assert word_spans(samples, [1000, 8000]) == ((0.1, 4799 / 16000), (0.5, 11999 / 16000))
