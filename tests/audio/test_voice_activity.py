"""Voice activity: the model sees what it should, and its probabilities become spans."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from harken.audio import CutRule, Piece, SpeechDetector, SpeechRule, decode, load_detector
from harken.audio.segmenting import Segmenter
from harken.audio.spans import Span, SpanFinder
from harken.audio.voice_activity import CALL_SAMPLES
from harken.testing import silence, tone
from harken.types import SAMPLE_RATE


@pytest.fixture(scope="module")
def detector() -> SpeechDetector:
    """The real model, loaded once."""
    return load_detector()


def voice(seconds: float, *, seed: int = 0) -> NDArray[np.float32]:
    """A gliding buzz through the formants of changing vowels, which the model takes for a voice."""
    chance = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE)
    at = np.arange(count) / SAMPLE_RATE
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.7 * at)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    vowels = np.array([(730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410)])
    steps = np.linspace(0, seconds * 5, count)
    order = chance.integers(0, len(vowels), int(seconds * 5) + 2)
    centre = vowels[order]
    formants = np.stack([np.interp(steps, np.arange(len(order)), centre[:, k]) for k in range(3)])
    wave = np.zeros(count)
    for harmonic in range(1, 40):
        hertz = pitch * harmonic
        gain = sum(1 / (1 + ((hertz - formant) / 90) ** 2) * 0.6**k for k, formant in enumerate(formants))
        wave += gain / harmonic**0.5 * np.sin(harmonic * phase)
    wave *= 0.5 + 0.5 * np.sin(2 * np.pi * 4 * at) ** 2
    scaled: NDArray[np.float64] = 0.2 * wave / np.abs(wave).max() + 0.001 * chance.standard_normal(count)
    return scaled.astype(np.float32)


def spans(detector: SpeechDetector, samples: NDArray[np.float32]) -> tuple[Span, ...]:
    """The spans that the defaults find."""
    finder = SpanFinder(SpeechRule())
    heard = finder.feed(detector.probabilities(samples), len(samples))
    return (*heard.spans, *finder.finish().spans)


def test_the_packaged_model_is_the_one_its_note_names() -> None:
    """The note beside it gives the hash, and the licence is there."""
    folder = files("harken.audio") / "data"
    digest = hashlib.sha256((folder / "silero_vad.onnx").read_bytes()).hexdigest()
    assert digest in (folder / "README.md").read_text()
    assert "MIT License" in (folder / "LICENSE.silero-vad").read_text()


def test_silence_and_tones_are_no_speech(detector: SpeechDetector) -> None:
    """Nor is faint noise."""
    noise = np.random.default_rng(0).standard_normal(5 * SAMPLE_RATE).astype(np.float32) * 0.01
    for samples in (silence(5.0), tone(5.0), noise):
        assert spans(detector, samples) == ()


def test_a_voice_between_silences_is_found_where_it_is(detector: SpeechDetector) -> None:
    """Its beginning and end to within a third of a second."""
    samples = np.concatenate([silence(2.0), voice(3.0), silence(2.0)])
    found = spans(detector, samples)
    assert found[0].start / SAMPLE_RATE == pytest.approx(2.0, abs=0.35)
    assert found[-1].end / SAMPLE_RATE == pytest.approx(5.0, abs=0.35)


@pytest.mark.parametrize("length", [0, 1, 511, 512, 513, CALL_SAMPLES, CALL_SAMPLES + 1])
def test_there_is_one_probability_per_started_frame(detector: SpeechDetector, length: int) -> None:
    """Also where the model is called more than once."""
    found = detector.probabilities(np.zeros(length, np.float32))
    assert found.dtype == np.float32
    assert len(found) == -(-length // 512)


def test_many_frames_per_call_equal_one_frame_per_call(detector: SpeechDetector) -> None:
    """State and context are carried over: frame by frame, by hand, gives the same numbers."""
    samples = voice(1.0)
    hidden, cell = np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32)
    line = np.concatenate([np.zeros(64, np.float32), samples, np.zeros(-len(samples) % 512, np.float32)])
    singly = []
    for start in range(0, len(line) - 64, 512):
        feed = {"input": line[None, start : start + 576], "h": hidden, "c": cell}
        value, hidden, cell = detector._session.run(["speech_probs", "hn", "cn"], feed)
        singly.append(float(value.reshape(-1)[0]))
    assert np.allclose(detector.probabilities(samples), singly, atol=1e-6)


def _piece(detector: SpeechDetector, samples: NDArray[np.float32]) -> Piece:
    segmenter = Segmenter(detector, CutRule(), SpeechRule())
    (piece,) = [*segmenter.feed(samples), *segmenter.finish()]
    return piece


@pytest.mark.parametrize("gain", [1.0, 0.05, 0.005])
@pytest.mark.parametrize("name", ["english-01.wav", "chinese-01.wav"])
def test_speech_is_never_called_silence_however_soft_it_is(detector: SpeechDetector, name: str, gain: float) -> None:
    """26 and 46 dB softer, in 16 bits; decision 0006 has the figures for single words."""
    samples = decode(Path(str(files("harken.samples") / name))).samples
    soft = np.round(samples * gain * 32768).astype(np.float32) / np.float32(32768)
    assert _piece(detector, soft).has_speech


@pytest.mark.parametrize("level", [0.0, 0.0001, 0.001, 0.01, 0.1])
def test_silence_and_noise_never_reach_the_model(detector: SpeechDetector, level: float) -> None:
    """White noise of any loudness, short and long, and a tone as loud."""
    chance = np.random.default_rng(5)
    for seconds in (0.1, 1.0, 5.0, 20.0):
        noise = (chance.standard_normal(round(seconds * SAMPLE_RATE)) * level).astype(np.float32)
        assert not _piece(detector, noise).has_speech
    assert not _piece(detector, tone(5.0) * np.float32(level)).has_speech


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("english-01.wav", [0.7089, 0.9998, 0.9999, 0.9998, 0.9967, 1.0]),
        ("chinese-01.wav", [0.0036, 0.7816, 0.993, 0.9991, 0.3115, 0.9999]),
    ],
)
def test_the_packaged_graph_says_what_the_published_one_says(
    detector: SpeechDetector, name: str, published: list[float]
) -> None:
    """Every seventh probability of the shipped samples, as the graph in Silero's own wheel gives it."""
    samples = decode(Path(str(files("harken.samples") / name))).samples
    assert np.allclose(detector.probabilities(samples)[::7], published, atol=1e-4)
