"""The shipped aligner keeps what it promises, through transformers' own class, processor and repair."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from harken.audio import decode
from training.align import Aligner
from training.aligner_test_sets import Timed, long_strings, strings
from training.alignment import CLASSES
from training.espeak import Espeak
from training.evaluate_aligner import FAR_S, HIGHEST_MEDIAN_MS, measure, measure_mistaken, summed

_CHECKPOINT = Path(str(files("harken"))) / "checkpoints" / "digits-aligner"
_SAMPLES = Path(str(files("harken"))) / "samples"


@pytest.fixture(scope="module")
def aligner() -> Aligner:
    """The checkpoint as the package ships it, loaded by transformers."""
    return Aligner.load(_CHECKPOINT)


def test_the_checkpoint_is_small_and_its_card_names_its_weights() -> None:
    """At most 6 MB; the revision is the beginning of the weights' SHA-256."""
    assert sum(path.stat().st_size for path in _CHECKPOINT.iterdir()) <= 6_000_000
    card = json.loads((_CHECKPOINT / "harken.json").read_text(encoding="utf-8"))
    weights = (_CHECKPOINT / "model.safetensors").read_bytes()
    assert card["revision"] == hashlib.sha256(weights).hexdigest()[:12]
    assert card["languages"] == ["Chinese", "English"]


def test_its_classes_reach_beyond_its_longest_segment() -> None:
    """Eighty milliseconds each, as the processor is told."""
    card, config, processor = (
        json.loads((_CHECKPOINT / name).read_text(encoding="utf-8"))
        for name in ("harken.json", "config.json", "processor_config.json")
    )
    assert len(config["id2label"]) == CLASSES
    assert CLASSES * processor["timestamp_segment_time"] / 1000 > card["max_segment_s"]


@pytest.mark.slow
def test_the_words_of_every_sample_are_placed_in_order_inside_it(aligner: Aligner) -> None:
    """In five containers and two languages; no word without a length."""
    for row in json.loads((_SAMPLES / "manifest.json").read_text(encoding="utf-8")):
        samples = decode(_SAMPLES / row["file"]).samples
        words = aligner.place(samples, row["text"], row["language"])
        assert "".join(word.text for word in words) == row["text"].replace(" ", "")
        assert all(word.start_s < word.end_s for word in words)
        assert all(a.end_s <= b.start_s for a, b in pairwise(words))
        assert words[-1].end_s <= len(samples) / 16000 + 0.08


def _drawn(language: str) -> list[Timed]:
    espeak = Espeak()
    short = strings(espeak, "suite", language, 15, (1, 10), joined=True)
    return [*short, *long_strings(espeak, "suite", language, 3, (20.0, 30.0), repeats=False)]


@pytest.mark.slow
@pytest.mark.parametrize("language", ["English", "Chinese"])
def test_boundaries_of_held_out_voices_are_found(aligner: Aligner, language: str) -> None:
    """A small draw of what `training.evaluate_aligner` measures in full; another seed than its own."""
    errors = measure(aligner, _drawn(language))
    assert errors.median_ms <= HIGHEST_MEDIAN_MS
    assert errors.starts_median_ms <= HIGHEST_MEDIAN_MS
    assert errors.ends_median_ms <= HIGHEST_MEDIAN_MS


@pytest.mark.slow
def test_one_wrong_digit_does_not_upset_the_others(aligner: Aligner) -> None:
    """A digit too many or missing, as a recogniser errs."""
    spoken = strings(Espeak(), "suite", "English", 15, (3, 10), joined=True)
    assert measure_mistaken(aligner, spoken, "suite").median_ms <= HIGHEST_MEDIAN_MS


def test_errors_are_summed_as_absolute_milliseconds() -> None:
    """Starts and ends together and apart; too early is as wrong as too late."""
    errors = summed(np.array([[0.01, -0.02], [-0.03, FAR_S + 0.01]]))
    assert (errors.words, errors.far) == (2, 0.25)
    assert errors.median_ms == pytest.approx(25)
    assert errors.starts_median_ms == pytest.approx(20)
