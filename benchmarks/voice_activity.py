"""When may a recording be called silent? Probabilities of speech over short words and over sounds that are none.

A piece is not recognised when the mean of three frames' probabilities stays below `SpeechRule.possible` everywhere and
no run of speech was found. Two errors are possible: a word is lost, or a noise is sent to the model (which knows
silence and noise, too). The first is worse by far. Speech: the shipped samples and held-out voices of the training's
test sets, whole strings and single digits cut to their sound, clean and damaged, down to 40 dB softer. No speech:
silence, white to brown noise, hum, tones, key tones, clicks, gusts, chords. Needs espeak-ng and flite. Writes
benchmarks/results/voice_activity.json and .md.

Usage: python -m benchmarks.voice_activity
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harken.audio import CutRule, SpeechDetector, SpeechRule, decode, load_detector
from harken.audio.segmenting import Segmenter
from harken.samples import packaged_samples
from training import augment, test_sets
from training.bank import trimmed
from training.espeak import Espeak

Samples = NDArray[np.float32]
RESULTS = Path(__file__).parent / "results"
RATE = 16_000
THRESHOLDS = (0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
SEED = "voice-activity"
DECIBELS = {"soft": -26, "very soft": -40}


def speech() -> Iterator[tuple[str, Samples]]:
    """Named recordings of speech, by kind."""
    for sample in sorted(packaged_samples(), key=lambda one: one.path.name):
        samples = decode(sample.path).samples
        yield "shipped samples", samples
        yield from softer("shipped samples", samples)
    espeak = Espeak()
    for language in ("English", "Chinese"):
        for kind, digits, count in (("one digit", (1, 1), 150), ("strings", (2, 10), 60)):
            clean = test_sets.strings(espeak, SEED, language, count, digits)
            for spoken in clean:
                yield kind, spoken.samples
                yield from softer(kind, spoken.samples)
            if kind == "one digit":
                for spoken in clean:
                    # Only its sound: a third of a second, with nothing in front that would announce it.
                    word = trimmed(spoken.samples, RATE)
                    yield "one digit, trimmed", word
                    yield from softer("one digit, trimmed", word)
                    yield "one digit, first 0.3 s", word[: int(0.3 * RATE)]
            for damage in ("telephone", "codec", "noise"):
                for spoken in test_sets.damaged(clean, damage, SEED):
                    yield f"{kind}, {damage}", spoken.samples
    for spoken in test_sets.unheard_voice(SEED, 60):
        yield "flite", spoken.samples


def softer(kind: str, samples: Samples) -> Iterator[tuple[str, Samples]]:
    """The same less loud, in 16 bits."""
    for name, decibels in DECIBELS.items():
        yield f"{kind}, {name}", (np.round(samples * 10 ** (decibels / 20) * 32768) / 32768).astype(np.float32)


def no_speech() -> Iterator[tuple[str, Samples]]:
    """Named recordings without speech, by kind."""
    for name, samples in test_sets.without_speech(SEED):
        if len(samples):
            yield name.split(" ", maxsplit=1)[0], samples
    rng = np.random.default_rng(test_sets.hash_of(SEED))
    for index in range(400):
        yield "drawn at random", augment.nothing(rng, int(RATE * rng.uniform(0.2, 12 if index % 4 else 30)))
    for _ in range(60):
        yield "clicks alone", 0.5 * augment.clicks(rng, int(RATE * rng.uniform(0.5, 5)))
        yield "chords", chords(rng, rng.uniform(1.0, 10.0))
    for level_db in (-70, -50, -30, -20, -10):
        for slope in (0.0, 0.5, 1.0):
            yield f"noise 1/f^{2 * slope:g}", coloured(rng, 5 * RATE, slope) * np.float32(10 ** (level_db / 20))


def chords(rng: np.random.Generator, seconds: float) -> Samples:
    """Music-like: plucked chords of four harmonics, one after the other."""
    wave = np.zeros(int(seconds * RATE))
    for start in np.arange(0, seconds, rng.uniform(0.2, 0.8)):
        at = np.arange(len(wave) - int(start * RATE)) / RATE
        root = 110 * 2 ** (rng.integers(0, 25) / 12)
        for step in (0, rng.choice((3, 4)), 7):
            for harmonic in range(1, 5):
                pitch = root * 2 ** (step / 12) * harmonic
                wave[int(start * RATE) :] += np.sin(2 * np.pi * pitch * at) * np.exp(-at * 4) / harmonic**1.5
    made: Samples = (wave / (np.abs(wave).max() + 1e-9) * rng.uniform(0.05, 0.8)).astype(np.float32)
    return made


def coloured(rng: np.random.Generator, count: int, slope: float) -> Samples:
    """White (0), pink (½) or brown (1) noise with a peak of 1."""
    spectrum = np.fft.rfft(rng.standard_normal(count)) / np.maximum(np.arange(count // 2 + 1), 20) ** slope
    wave = np.fft.irfft(spectrum, count)
    made: Samples = (wave / np.abs(wave).max()).astype(np.float32)
    return made


def heard(detector: SpeechDetector, samples: Samples) -> tuple[float, bool]:
    """The probability of the whole recording, and whether a run of speech was found in it."""
    rule = SpeechRule(possible=1.1)
    segmenter = Segmenter(detector, CutRule(max_segment_s=1000.0), rule)
    (piece,) = [*segmenter.feed(samples), *segmenter.finish()]
    return piece.speech_prob, piece.has_speech


def table(kinds: dict[str, list[tuple[float, bool]]], *, is_speech: bool) -> list[dict[str, object]]:
    """One row a kind: how many are judged wrongly by runs alone, and by each threshold as well."""
    rows: list[dict[str, object]] = []
    for kind, values in kinds.items():
        row: dict[str, object] = {"kind": kind, "recordings": len(values)}
        for threshold in THRESHOLDS:
            row[f"{threshold:g}"] = sum((run or value >= threshold) != is_speech for value, run in values)
        row["runs alone"] = sum(run != is_speech for _, run in values)
        row["median"] = round(float(np.median([value for value, _ in values])), 3)
        rows.append(row)
    total: dict[str, object] = {"kind": "all"}
    for key in rows[0]:
        if key not in ("kind", "median"):
            total[key] = sum(int(str(row[key])) for row in rows)
    return [*rows, total | {"median": ""}]


def markdown(title: str, rows: list[dict[str, object]]) -> str:
    """A table."""
    head = " | ".join(rows[0])
    body = "\n".join("| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows)
    return f"## {title}\n\n| {head} |\n|{' --- |' * len(rows[0])}\n{body}\n\n"


def main() -> None:
    """Measure and write."""
    detector = load_detector()
    found: dict[str, dict[str, list[tuple[float, bool]]]] = {"speech": {}, "no speech": {}}
    for side, material in (("speech", speech()), ("no speech", no_speech())):
        for kind, samples in material:
            found[side].setdefault(kind, []).append(heard(detector, samples))
    lost, noise = table(found["speech"], is_speech=True), table(found["no speech"], is_speech=False)
    text = "# Voice activity: which recordings may be called silent\n\nColumns: the threshold `possible`.\n\n"
    text += markdown("Speech that would be lost", lost) + markdown("No speech that would be recognised", noise)
    (RESULTS / "voice_activity.md").write_text(text.rstrip() + "\n")
    (RESULTS / "voice_activity.json").write_text(json.dumps({"lost": lost, "noise": noise}, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()
